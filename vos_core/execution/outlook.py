"""A plan beside what is here: which of its runs are done or under way already, and what the others will take."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from db import launches
from db.launches import ExistingRun
from db.states import RunState
from vos_core.execution.pace import past_pace
from vos_core.forecast import Forecast, bytes_per_mask, forecast
from vos_core.gpus import visible_gpus
from vos_core.home import Home
from vos_core.launch import LaunchPlan, PlannedRun


class Standing(StrEnum):
    """What launching a planned run means, with what is in the database."""

    NEW = "new"
    RESUMED = "resumed"  # it ended with videos missing: those are done
    UNDER_WAY = "under way"
    PAUSED = "paused"  # launching it again does not go on with it
    DONE = "done"

    @property
    def starts(self) -> bool:
        """Whether launching gives it something to do."""
        return self in (Standing.NEW, Standing.RESUMED)


@dataclass(frozen=True)
class Outlook:
    """A plan's runs, each with how it stands, the run that it is (None: a new one), and the launch's forecast."""

    standings: tuple[Standing, ...]
    existing: tuple[ExistingRun | None, ...]
    forecast: Forecast

    @property
    def starting(self) -> int:
        """Runs that launching gives something to do."""
        return sum(standing.starts for standing in self.standings)


def outlook(plan: LaunchPlan, home: Home) -> Outlook:
    """Look up the plan's runs and what runs like them took here."""
    known = _existing(plan, home)
    existing = tuple(known.get(run.settings.fingerprint) for run in plan.runs)
    standings = tuple(map(_standing, existing))
    left = [_left(run) if standing.starts else 0.0 for run, standing in zip(existing, standings)]
    told = forecast(
        plan.runs,
        left,
        home.locate(plan.outputs),
        plan.placement,
        visible_gpus(),
        past_pace(home.database),
        _mask_sizes(plan.runs, home),
    )
    return Outlook(standings, existing, told)


def _existing(plan: LaunchPlan, home: Home) -> dict[str, ExistingRun]:
    if not home.database.exists():
        return {}
    return launches.existing_runs(home.database, [run.settings.fingerprint for run in plan.runs])


def _standing(run: ExistingRun | None) -> Standing:
    if run is None:
        return Standing.NEW
    state = RunState(run.state)
    if state is RunState.DONE:
        return Standing.DONE
    if state.ended:
        return Standing.RESUMED
    return Standing.PAUSED if state is RunState.PAUSED else Standing.UNDER_WAY


def _left(run: ExistingRun | None) -> float:
    return 1.0 if run is None else max(0.0, 1 - run.frames_done / max(run.frames, 1))


def _mask_sizes(runs: tuple[PlannedRun, ...], home: Home) -> dict[str, float]:
    """Dataset -> bytes of a mask on the disk, from masks of its latest runs."""
    sizes = {}
    for dataset in {run.settings.dataset for run in runs} if home.database.exists() else ():
        size = bytes_per_mask(home.locate(stored) for stored in launches.latest_masks(home.database, dataset))
        if size is not None:
            sizes[dataset] = size
    return sizes
