"""The table of runs whose figures are no J&F: each with what they are, and under other names than the official ones."""

from __future__ import annotations

from collections.abc import Sequence

from db.models import Run
from ui.navigation import address, go
from ui.parts.table import Column, Row, table
from ui.wording import OTHER_SCORES, run_seconds, run_title, score_meaning, subset_note


def other_table(runs: Sequence[Run], *, key: str) -> None:
    """Draw them; opening a row leads to that run. No best value is marked: rows measure different things."""
    columns = [Column("run", "Run", tip="Opens the run"), Column("dataset", "Dataset")]
    columns.append(Column("meaning", "The figures are"))
    columns += [Column(name, label, "number") for name, label in OTHER_SCORES]
    columns.append(Column("seconds", "Time", "seconds", unit="s", tip="Seconds with at least one worker on the run"))
    opened = table(columns, [_row(run) for run in runs], key=key, caption="Runs whose figures are no J&F", height=480)
    if opened:
        go("run", run=opened)


def _row(run: Run) -> Row:
    cells: dict[str, object] = {
        "run": f"#{run.id} {run_title(run)}",
        "dataset": f"{run.dataset} {run.split}{subset_note(run)}",
        "meaning": score_meaning(run),
        "seconds": run_seconds(run),
    }
    cells.update(run.other_scores or {})
    return Row(str(run.id), address("run", run=run.id), cells)
