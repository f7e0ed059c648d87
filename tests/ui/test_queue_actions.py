"""The queue's buttons: which a run offers, and what they ask of the dispatcher."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from db import queries
from db.models import Lease
from db.queue import queue_overview
from db.schema import ensure
from db.session import writing
from db.states import RunState
from tests.ui.seed import launch, write_dataset
from ui.queue.actions import Action, act, locked, offered
from vos_core.errors import InputError
from vos_core.execution.intents import apply_intents
from vos_core.home import Home
from vos_core.runs import Grid


@pytest.fixture(autouse=True)
def no_dispatcher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vos_core.execution.submit.ensure_dispatcher", lambda home: False)


@pytest.fixture
def queued(home: Home) -> list[int]:
    """Five queued runs."""
    write_dataset(home.data / "demo", {"a": 4})
    grid = Grid((("demo", home.store(home.data / "demo"), "val"),), ("propagation",), (1, 2, 3, 4, 5))
    return launch(home, grid)


def order(home: Home) -> list[int]:
    return [run.id for run in queue_overview(home.database).runs]


def ask(home: Home, action: Action, runs: list[int]) -> None:
    """Press the button, and let the dispatcher apply what it asked for."""
    act(home, action, runs, order(home))
    with writing(home.database) as session:
        apply_intents(session, home)


@pytest.mark.parametrize(
    ("action", "moved", "places"),
    [
        (Action.UP, [2], [0, 2, 1, 3, 4]),
        (Action.UP, [0], [0, 1, 2, 3, 4]),
        (Action.DOWN, [2], [0, 1, 3, 2, 4]),
        (Action.DOWN, [4], [0, 1, 2, 3, 4]),
        (Action.TOP, [3], [3, 0, 1, 2, 4]),
        (Action.TOP, [4, 2], [2, 4, 0, 1, 3]),  # an ablation keeps its own order
    ],
)
def test_another_order(home: Home, queued: list[int], action: Action, moved: list[int], places: list[int]) -> None:
    ask(home, action, [queued[place] for place in moved])
    assert order(home) == [queued[place] for place in places]


def test_pause_resume_cancel_and_resume_again(home: Home, queued: list[int]) -> None:
    run = queued[1]
    states = []
    for action in (Action.PAUSE, Action.RESUME, Action.CANCEL, Action.RESUME):
        ask(home, action, [run])
        found = queries.run_by_id(home.database, run)
        assert found is not None
        states.append(found.state)
    assert states == ["paused", "queued", "cancelled", "queued"]


def test_a_run_that_left_the_queue_cannot_be_moved(home: Home, queued: list[int]) -> None:
    with pytest.raises(InputError, match="left the queue"):
        act(home, Action.UP, [999], order(home))


@pytest.mark.parametrize(
    ("states", "failed", "actions"),
    [
        ([RunState.RUNNING], 0, "top up down pause cancel"),
        ([RunState.QUEUED], 0, "top up down pause cancel"),
        ([RunState.PAUSED], 0, "top up down resume cancel"),
        ([RunState.RUNNING], 1, "top up down pause retry cancel"),
        ([RunState.QUEUED, RunState.PAUSED], 0, "top pause resume cancel"),
        ([RunState.DONE], 0, ""),
        ([RunState.CANCELLED], 0, "resume"),
        ([RunState.FAILED, RunState.DONE], 2, "retry"),
    ],
)
def test_what_runs_offer(home: Home, queued: list[int], states: list[RunState], failed: int, actions: str) -> None:
    (row, *_) = queue_overview(home.database).runs
    rows = [replace(row, state=state.value, videos_failed=failed) for state in states]
    assert [action.value for action in offered(rows)] == actions.split()


def test_a_home_that_another_host_holds_is_looked_at_only(home: Home) -> None:
    ensure(home.database)
    assert locked(home) == ""
    with writing(home.database) as session:
        session.add(
            Lease(id=1, token="t", host="node-7", boot_id="other", pid=5, process_started=0.0, heartbeat=time.time())
        )
    assert "node-7" in locked(home)
    with pytest.raises(InputError, match="node-7"):
        act(home, Action.CANCEL, [1], [1])
    assert not queries.pending_intent(home.database)
