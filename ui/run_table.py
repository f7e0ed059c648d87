"""The table of runs: one row a run, the seven official columns, and where it stands."""

from __future__ import annotations

from collections.abc import Sequence

from db.models import Run
from ui.navigation import address, go
from ui.table import Column, Row, table
from ui.wording import SCORES, model_title, run_seconds


def run_table(runs: Sequence[Run], *, key: str) -> None:
    """Draw the table; opening a row leads to that run."""
    columns = [Column("run", "Run", tip="Opens the run")]
    columns.append(Column("model", "Model"))
    if any(run.memory_size is not None for run in runs):
        columns.append(Column("n", "N", "number", digits=0, tip="Memory size: 1 prompted frame + N-1 recent frames"))
    if any(run.memory_mode for run in runs):
        columns.append(Column("mode", "Mode", tip="Memory mode"))
    columns += [Column("dataset", "Dataset"), Column("state", "State", "state")]
    columns.append(Column("progress", "Videos", "progress", tip="Frames done, and videos done of all"))
    columns += [
        Column(name, label, "number", best="min" if name.endswith("decay") else "max", tip=_TIPS[name])
        for name, label in SCORES
    ]
    columns.append(Column("seconds", "Time", "seconds", unit="s", tip="Wall seconds from the first video to the last"))
    opened = table(columns, [_row(run) for run in runs], key=key, caption="Runs with their scores", height=720)
    if opened:
        go("run", run=opened)


_TIPS = {
    "jf_mean": "Mean of J-Mean and F-Mean",
    "j_mean": "Region similarity (intersection over union), mean over objects",
    "j_recall": "Share of frames with J above 0.5",
    "j_decay": "First quarter's mean J minus the last quarter's: lower is better",
    "f_mean": "Boundary accuracy, mean over objects",
    "f_recall": "Share of frames with F above 0.5",
    "f_decay": "First quarter's mean F minus the last quarter's: lower is better",
}


def _row(run: Run) -> Row:
    cells: dict[str, object] = {
        "run": f"#{run.id} {run.title}" if run.title else f"#{run.id}",
        "model": model_title(run.model),
        "n": run.memory_size,
        "mode": (run.memory_mode or "").replace("_", " "),
        "dataset": f"{run.dataset} {run.split}",
        "state": run.state,
        "progress": {
            "sort": run.frames_done / run.frames if run.frames else 0.0,
            "text": f"{run.videos_done}/{run.videos}",
            "state": run.state,
        },
        "seconds": run_seconds(run),
    }
    cells.update({name: getattr(run, name) for name, _ in SCORES})
    return Row(str(run.id), address("run", run=run.id), cells)
