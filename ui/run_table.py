"""Tables of runs, one row a run: official ones with the seven columns, and those whose figures are no J&F apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from db.models import Run
from db.states import RunState
from ui.navigation import address, go
from ui.table import Column, Row, table
from ui.wording import DOT_TIPS, OTHER_SCORES, SCORES, model_title, run_seconds, score_meaning, subset_note
from vos_core.analysis.verify import Outcome, verify
from vos_core.models.sam2_options import OPTIONS, POINTERS, STRIDE
from vos_core.reference import reference_rows


def run_table(runs: Sequence[Run], *, key: str) -> None:
    """Draw runs with official scores, or none yet; opening a row leads to that run."""
    # A best value means something only where all rows were scored on the same videos.
    same = len({(run.dataset_path, run.split, tuple(run.settings.get("videos", ()))) for run in runs}) == 1
    figures = [
        Column(
            name, label, "number", best=("min" if name.endswith("decay") else "max") if same else "", tip=_TIPS[name]
        )
        for name, label in SCORES
    ]
    if any(run.dot_scores for run in runs):
        best = "max" if same else ""
        figures += [Column(name, name, "number", best=best, tip=f"MOSEv2: {tip}") for name, tip in DOT_TIPS.items()]
    verdicts = _verdicts(runs)
    if any(verdicts.values()):
        figures.append(Column("verify", "Published", tip="Whether the run reproduces the published J&F of its setting"))
    columns = [*_head(runs), *figures, _SECONDS]
    rows = [
        _row(
            run,
            {name: getattr(run, name) for name, _ in SCORES} | (run.dot_scores or {}) | {"verify": verdicts[run.id]},
        )
        for run in runs
    ]
    _open(table(columns, rows, key=key, caption="Runs with their scores", height=720))


def other_table(runs: Sequence[Run], *, key: str) -> None:
    """Draw runs whose figures are no J&F, each with what they are; opening a row leads to that run.

    No best value is marked: rows measure different things.
    """
    meaning = Column("meaning", "The figures are")
    figures = [Column(name, label, "number") for name, label in OTHER_SCORES]
    columns = [*_head(runs), meaning, *figures, _SECONDS]
    rows = [_row(run, {"meaning": score_meaning(run), **(run.other_scores or {})}) for run in runs]
    _open(table(columns, rows, key=key, caption="Runs whose figures are no J&F", height=480))


def _head(runs: Sequence[Run]) -> list[Column]:
    columns = [Column("run", "Run", tip="Opens the run"), Column("model", "Model")]
    if any(run.memory_size is not None for run in runs):
        columns.append(Column("n", "N", "number", digits=0, tip="Memory size: 1 prompted frame + N-1 recent frames"))
    if any(run.memory_mode for run in runs):
        columns.append(Column("mode", "Mode", tip="Memory mode"))
    if any(_knob(run, STRIDE) for run in runs):
        tip = f"{OPTIONS[STRIDE].line}; {OPTIONS[STRIDE].default} where empty"
        columns.append(Column("stride", "Stride", "number", digits=0, tip=tip))
    if any(_knob(run, POINTERS) for run in runs):
        columns.append(
            Column("pointers", "Pointers", "number", digits=0, tip=f"{OPTIONS[POINTERS].line}; 16 where empty")
        )
    columns += [Column("dataset", "Dataset"), Column("state", "State", "state")]
    columns.append(Column("progress", "Videos", "progress", tip="Frames done, and videos done of all"))
    return columns


def _verdicts(runs: Sequence[Run]) -> dict[int, str]:
    """Run id -> what `verify` says of it in a word or two; empty for runs without published figures of their own."""
    references = reference_rows()
    words = {}
    for run in runs:
        found = verify(run, references)
        difference = next((check.difference for check in found.figures if check.name == "jf_mean"), None)
        words[run.id] = ""
        if found.reference is None or run.state != RunState.DONE.value:
            continue
        if found.outcome is Outcome.DIFFERS and difference is not None:
            words[run.id] = f"differs by {difference:+.4f}"
        else:
            words[run.id] = "pass" if found.passed else "not comparable"
    return words


def _knob(run: Run, name: str) -> int | None:
    """A knob of SAM 2's memory where the run differs from the default."""
    value = dict(run.settings.get("options", ())).get(name)
    return int(value) if value is not None else None


def _open(run_id: str | None) -> None:
    if run_id:
        go("run", run=run_id)


_SECONDS = Column("seconds", "Time", "seconds", unit="s", tip="Seconds with at least one worker on the run")

_TIPS = {
    "jf_mean": "Mean of J-Mean and F-Mean",
    "j_mean": "Region similarity (intersection over union), mean over objects",
    "j_recall": "Share of frames with J above 0.5",
    "j_decay": "First quarter's mean J minus the last quarter's: lower is better",
    "f_mean": "Boundary accuracy, mean over objects",
    "f_recall": "Share of frames with F above 0.5",
    "f_decay": "First quarter's mean F minus the last quarter's: lower is better",
}


def _row(run: Run, figures: Mapping[str, object]) -> Row:
    cells: dict[str, object] = {
        "run": f"#{run.id} {run.title}" if run.title else f"#{run.id}",
        "model": model_title(run.model),
        "n": run.memory_size,
        "mode": (run.memory_mode or "").replace("_", " "),
        "stride": _knob(run, STRIDE),
        "pointers": _knob(run, POINTERS),
        "dataset": f"{run.dataset} {run.split}{subset_note(run)}",
        "state": run.state,
        "progress": {
            "sort": run.frames_done / run.frames if run.frames else 0.0,
            "text": f"{run.videos_done}/{run.videos}",
            "state": run.state,
        },
        "seconds": run_seconds(run),
    }
    cells.update(figures)
    return Row(str(run.id), address("run", run=run.id), cells)
