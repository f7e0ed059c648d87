"""Tables on a terminal: aligned, the same digits everywhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import PurePosixPath

from db.models import Run, ServerScore, VideoTask
from db.states import ScoreKind
from vos_core.runs import SHORT

OFFICIAL = ("J&F-Mean", "J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay")


def number(value: float | None, digits: int = 3) -> str:
    """A figure, or a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def counted(number: int, noun: str) -> str:
    """`1 video`, `3 videos`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Rows under a header; the first `left` columns are text, the others right-aligned."""
    widths = [max(len(line[i]) for line in [header, *rows]) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        parts = [c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths))]
        return "  ".join(parts).rstrip()

    return "\n".join([line(header), *(line(row) for row in rows)])


def run_scores(run: Run) -> tuple[float | None, ...]:
    """The seven official figures, in the official order."""
    return (run.jf_mean, run.j_mean, run.j_recall, run.j_decay, run.f_mean, run.f_recall, run.f_decay)


def no_official_score(run: Run) -> str:
    """What the figures of a run are that may not be called J&F."""
    if run.score_kind == ScoreKind.AGREEMENT.value:
        return f"agreement with {PurePosixPath((run.reference or '').partition(':')[2] or run.reference or '').name}"
    return "prompted with the annotations that it is scored against"


def other_scores_line(run: Run) -> str | None:
    """What a run's figures are that may not be called J&F, and their numbers; None where it has no such figures."""
    if not run.other_scores:
        return None
    figures = {name: number(value) for name, value in run.other_scores.items()}
    parts = [f"mean {figures['jf_mean']}"]
    for what, key in (("region", "j"), ("contour", "f")):
        parts.append(
            f"{what} mean {figures[f'{key}_mean']} recall {figures[f'{key}_recall']} decay {figures[f'{key}_decay']}"
        )
    return f"{run.title or run.name}: {no_official_score(run)}, no J&F: {'; '.join(parts)}"


def dot_line(run: Run) -> str | None:
    """A run's figures by MOSEv2's J&F-dot, apart from the official ones; None where it has none."""
    if not run.dot_scores:
        return None
    figures = ", ".join(f"{name} {number(value)}" for name, value in run.dot_scores.items())
    return f"{run.title or run.name}: MOSEv2's second metric: {figures}"


def error_lines(task: VideoTask) -> list[str]:
    """What is wrong with a video's task, a line a problem, each with the video's name."""
    return [line if task.video in line else f"{task.video}: {line}" for line in (task.error or "").splitlines()]


def server_lines(scores: Sequence[ServerScore]) -> list[str]:
    """Scores that challenge servers gave, a line each, marked as the servers'."""
    return [
        f"server {score.server} [{score.id}]: "
        + ", ".join(f"{name} {value:g}" for name, value in score.figures.items())
        + f" (the server's, entered {time.strftime('%Y-%m-%d', time.gmtime(score.entered_at))})"
        + (f" {score.notes}" if score.notes else "")
        for score in scores
    ]


def runs_table(runs: Sequence[Run]) -> str:
    """Runs with their seven official columns and the seconds that workers were on them.

    Figures that are no J&F are no part of it: they follow below, a line a run that says what they are, and so does
    J&F-dot.
    """
    knobs = _knobs(runs)
    header = ["id", "run", *knobs, "state", "videos", *OFFICIAL, "seconds"]
    rows = [
        [
            str(run.id),
            run.title or run.name,
            *(values[index] for values in knobs.values()),
            run.state,
            f"{run.videos_done}/{run.videos}",
            *(number(value) for value in run_scores(run)),
            number(run.active_s, 1),
        ]
        for index, run in enumerate(runs)
    ]
    lines = [line for run in runs for line in (other_scores_line(run), dot_line(run)) if line]
    return "\n".join([table(header, rows, left=3 + len(knobs)), *lines])


def _knobs(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Columns of SAM 2's memory, a value a run: its mode, and the knobs that differ from their default anywhere."""
    options = [dict(run.settings.get("options", ())) for run in runs]
    columns = {"mode": [run.memory_mode or "" for run in runs]}
    columns |= {short: [str(given.get(name, "")) for given in options] for name, short in SHORT.items()}
    return {name: values for name, values in columns.items() if any(values)}
