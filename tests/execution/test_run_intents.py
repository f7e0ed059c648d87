"""What intents make of the runs of an ablation: cancelled, paused, resumed, retried, and in another order."""

from __future__ import annotations

import pytest

from db import ledger, queries
from db.intents import ask
from db.session import writing
from db.states import IntentKind, RunState, TaskState
from tests.clips import write_dataset
from tests.ui.seed import launch
from vos_core.execution.intents import Effects, apply_intents
from vos_core.execution.loading import queued_runs
from vos_core.home import Home
from vos_core.runs import Grid


@pytest.fixture
def runs(home: Home) -> list[int]:
    """An ablation of three runs with two videos each."""
    write_dataset(home.data / "DAVIS", {"a": 4, "b": 5})
    return launch(home, Grid((("DAVIS", home.store(home.data / "DAVIS"), "val"),), ("propagation",), (1, 2, 3)))


def apply(home: Home, kind: IntentKind, run_ids: list[int]) -> Effects:
    ask(home.database, kind, {"runs": run_ids})
    with writing(home.database) as session:
        return apply_intents(session, home)


def states(home: Home) -> list[str]:
    return [run.state for run in reversed(queries.runs(home.database))]


def queue(home: Home) -> list[int]:
    return [row.id for row in queries.queue_overview(home.database).runs]


def test_the_order_of_the_queue(home: Home, runs: list[int]) -> None:
    first, second, third = runs
    assert queue(home) == [first, second, third]
    effects = apply(home, IntentKind.REORDER, [third, first, second])
    assert queue(home) == [third, first, second]
    assert effects.reload == set(runs), "the dispatcher takes them anew, in the new order"
    apply(home, IntentKind.REORDER, [second, first])
    assert queue(home) == [third, second, first], "they share out the places that they had"
    positions = {run.run_id: run.position for run, _ in queued_runs(home)}
    assert sorted(positions, key=positions.__getitem__) == [third, second, first]


def test_a_whole_ablation_is_paused_and_resumed(home: Home, runs: list[int]) -> None:
    effects = apply(home, IntentKind.PAUSE, runs)
    assert states(home) == [RunState.PAUSED] * 3
    assert queued_runs(home) == [] and effects.stop == set(), "videos under way finish"
    apply(home, IntentKind.RESUME, runs)
    assert states(home) == [RunState.QUEUED] * 3
    assert [len(tasks) for _, tasks in queued_runs(home)] == [2, 2, 2]


def test_a_whole_ablation_is_cancelled_and_resumed(home: Home, runs: list[int]) -> None:
    task = queries.tasks(home.database, runs[0])[0]
    with writing(home.database) as session:
        ledger.start_task(session, task.id, 1, "cpu-0")
        ledger.finish_task(session, task.id, {}, [], [])
    effects = apply(home, IntentKind.CANCEL, runs)
    assert states(home) == [RunState.CANCELLED] * 3
    assert effects.stop == set(runs) and queued_runs(home) == []
    apply(home, IntentKind.RESUME, runs)
    assert [len(tasks) for _, tasks in queued_runs(home)] == [1, 2, 2], "what is finished stays"


def test_retry_queues_the_failed_videos_alone(home: Home, runs: list[int]) -> None:
    for run_id, state in zip(runs, (TaskState.FAILED, TaskState.CANCELLED)):
        done, other = queries.tasks(home.database, run_id)
        with writing(home.database) as session:
            ledger.finish_task(session, done.id, {}, [], [])
            ledger.set_task_state(session, other.id, state, "why", failures=3)
            ledger.refresh_run(session, run_id)
    apply(home, IntentKind.RETRY, runs)
    assert states(home) == [RunState.QUEUED, RunState.CANCELLED, RunState.QUEUED]
    (task,) = next(tasks for run, tasks in queued_runs(home) if run.run_id == runs[0])
    assert (task.video, task.failures) == ("b", 0)
