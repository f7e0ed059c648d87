"""The cells of a launch as rows: what will happen to each run, and the refused ones gathered by their reasons."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ui.navigation import address, go
from ui.parts.table import Column, Row, table
from ui.wording import model_title
from vos_core.execution.outlook import Outlook
from vos_core.launch import CheckedGrid, Refusal, RefusedRun
from vos_core.runs import RunSettings

_COLUMNS = (
    Column("run", "Run"),
    Column("dataset", "Dataset"),
    Column("standing", "What happens", tip="What is here already is kept"),
    Column("videos", "Videos", "number", digits=0),
    Column("frames", "Frames", "number", digits=0),
    Column("seconds", "Time", "seconds", unit="s", tip="Of its videos one after the other; a dash: not known"),
    Column("size", "Masks", "number", unit="MB", digits=1, tip="On the disk, in whole blocks"),
)


@dataclass(frozen=True)
class RefusalGroup:
    """Runs that one reason stands against."""

    key: str
    refusal: Refusal
    runs: int
    cells: str


def refusal_groups(refused: Sequence[RefusedRun]) -> list[RefusalGroup]:
    """The reasons, each with the runs that it keeps back; a run may have several."""
    by_refusal: dict[Refusal, list[RunSettings]] = {}
    for run in refused:
        for refusal in run.refusals:
            by_refusal.setdefault(refusal, []).append(run.settings)
    return [
        RefusalGroup(hashlib.sha1(refusal.sentence.encode()).hexdigest()[:8], refusal, len(runs), cells(runs))
        for refusal, runs in by_refusal.items()
    ]


def cells(runs: Sequence[RunSettings]) -> str:
    """`SAM 2 large, N = 0 to 7, naive on DAVIS, MOSE`."""
    parts = [", ".join(dict.fromkeys(model_title(run.model) for run in runs))]
    sizes = sorted({run.memory_size for run in runs if run.memory_size is not None})
    if sizes:
        unbroken = len(sizes) > 2 and sizes == list(range(sizes[0], sizes[-1] + 1))
        parts.append(f"N = {sizes[0]} to {sizes[-1]}" if unbroken else f"N = {_joined(sizes)}")
    modes = dict.fromkeys(run.memory_mode.replace("_", " ") for run in runs if run.memory_mode)
    parts += [_joined(modes)] if modes else []
    return f"{', '.join(parts)} on {_joined(dict.fromkeys(run.dataset for run in runs))}"


def run_rows(checked: CheckedGrid, ahead: Outlook) -> None:
    """Draw every cell of the grid; a run that is here already leads to its page."""
    rows = []
    planned = zip(checked.plan.runs, ahead.standings, ahead.existing, ahead.forecast.runs)
    for number, (run, standing, existing, told) in enumerate(planned):
        cell = {
            "run": run.settings.label,
            "dataset": f"{run.settings.dataset} {run.settings.split}",
            "standing": f"{standing.value} (#{existing.id})" if existing else standing.value,
            "videos": len(run.videos),
            "frames": run.frames,
            "seconds": told.seconds,
            "size": told.bytes / 1e6,
        }
        href = address("run", run=existing.id) if existing else ""
        rows.append(Row(str(existing.id) if existing else f"new-{number}", href, cell))
    for number, refused in enumerate(checked.refused):
        why = " ".join(" ".join(refusal.sentence.splitlines()) for refusal in refused.refusals)
        settings = refused.settings
        cell = {"run": settings.label, "dataset": f"{settings.dataset} {settings.split}", "standing": f"refused: {why}"}
        rows.append(Row(f"refused-{number}", "", cell))
    opened = table(list(_COLUMNS), rows, key="launch-runs", caption="The runs of this launch", height=420)
    if opened and opened.isdecimal():
        go("run", run=opened)


def _joined(values: Iterable[object]) -> str:
    return ", ".join(str(value) for value in values)
