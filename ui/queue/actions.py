"""What the buttons of the Queue and Run pages ask for, which a run offers, and why none may be pressed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Protocol

from db import queries
from db.holder import held_elsewhere
from db.states import RunState
from vos_core.errors import InputError
from vos_core.execution import submit
from vos_core.home import Home


class Action(StrEnum):
    """A button of a run or of an ablation."""

    TOP = "top"
    UP = "up"
    DOWN = "down"
    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"
    CANCEL = "cancel"


TIPS = {
    Action.TOP: "To the front of the queue",
    Action.UP: "One place up",
    Action.DOWN: "One place down",
    Action.PAUSE: "Pause: videos under way finish, no more are begun",
    Action.RESUME: "Resume: do what is missing",
    Action.RETRY: "Retry the failed videos",
    Action.CANCEL: "Cancel: finished videos stay, and it can be resumed",
}
_ASKS = {
    Action.PAUSE: submit.pause,
    Action.RESUME: submit.resume,
    Action.RETRY: submit.retry,
    Action.CANCEL: submit.cancel,
}


class Asked(Protocol):
    """What is asked about: a run, whole or as the queue lists it."""

    @property
    def state(self) -> str:
        """The run's state."""

    @property
    def videos_failed(self) -> int:
        """How many of its videos failed."""


def locked(home: Home) -> str:
    """Why nothing may be asked for here: another host holds the home folder. Empty when it may."""
    return held_elsewhere(queries.lease(home.database)) or ""


def act(home: Home, action: Action, run_ids: Sequence[int], order: Sequence[int]) -> None:
    """Ask the dispatcher for `action` on runs; `order` are the active runs as they are queued.

    Raises InputError when another host holds the home folder, or the runs have left the queue meanwhile.
    """
    if reason := locked(home):
        raise InputError(reason)
    if action in _ASKS:
        _ASKS[action](home, run_ids)
        return
    moved = [run_id for run_id in order if run_id in run_ids]
    if not moved:
        raise InputError("It has left the queue meanwhile: there is no place to move it to.")
    first, last = order.index(moved[0]), order.index(moved[-1])
    if action is Action.UP:
        block = [*moved, *order[max(0, first - 1) : first]]
    elif action is Action.DOWN:
        block = [*order[last + 1 : last + 2], *moved]
    else:
        block = [*moved, *(run_id for run_id in order[:last] if run_id not in moved)]
    submit.reorder(home, block)


def offered(runs: Iterable[Asked]) -> list[Action]:
    """What may be asked of these runs together: of one run, or of an ablation's."""
    runs = list(runs)
    states = {RunState(run.state) for run in runs}
    actions = []
    if not all(state.ended for state in states):
        actions += [Action.TOP] if len(runs) > 1 else [Action.TOP, Action.UP, Action.DOWN]
    if states & {RunState.QUEUED, RunState.RUNNING}:
        actions.append(Action.PAUSE)
    if states & {RunState.PAUSED, RunState.CANCELLED}:
        actions.append(Action.RESUME)
    if any(run.videos_failed for run in runs):
        actions.append(Action.RETRY)
    if not all(state.ended for state in states):
        actions.append(Action.CANCEL)
    return actions
