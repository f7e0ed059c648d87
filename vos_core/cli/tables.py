"""Tables on a terminal: aligned, the same digits everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from db.models import Run
from db.states import ScoreKind

OFFICIAL = ("J&F-Mean", "J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay")


def number(value: float | None, digits: int = 3) -> str:
    """A figure, or a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


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


def runs_table(runs: Sequence[Run]) -> str:
    """Runs with their seven official columns and the seconds that workers were on them."""
    header = ["id", "run", "state", "videos", *OFFICIAL, "seconds"]
    rows = [
        [
            str(run.id),
            run.title or run.name,
            run.state,
            f"{run.videos_done}/{run.videos}",
            *(number(value) for value in run_scores(run)),
            number(run.active_s, 1),
        ]
        for run in runs
    ]
    return table(header, rows, left=3)
