"""What intents make of the runs of an ablation: cancelled, paused, resumed, retried, and in another order."""

from __future__ import annotations

import pytest

from db import ledger, queries
from db.intents import ask
from db.models import Intent, Run
from db.queue import queue_overview
from db.session import writing
from db.states import IntentKind, IntentState, RunState, TaskState
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
    return [row.id for row in queue_overview(home.database).runs]


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


@pytest.mark.parametrize("column", ["predictions", "reference"])
def test_masks_that_another_run_uses_are_not_deleted(home: Home, runs: list[int], column: str) -> None:
    first, second, third = runs
    apply(home, IntentKind.CANCEL, runs)
    with writing(home.database) as session:
        folder, name = session.get_one(Run, first).folder, session.get_one(Run, second).name
        setattr(session.get_one(Run, second), column, folder)

    def delete(ids: list[int], files: bool) -> tuple[Effects, Intent]:
        number = ask(home.database, IntentKind.DELETE, {"runs": ids, "files": files})
        with writing(home.database) as session:
            effects = apply_intents(session, home)
        answered = queries.intent(home.database, number)
        assert answered is not None
        return effects, answered

    effects, answered = delete([third, first], True)
    assert answered.state == IntentState.REFUSED and f"Run {name} uses the masks of run" in answered.answer["error"]
    assert effects.remove == [] and len(queries.runs(home.database)) == 3
    effects, answered = delete([first, second], True)
    assert answered.state == IntentState.APPLIED and home.locate(folder) in effects.remove


def test_files_are_deleted_when_no_worker_is_on_the_run_any_more(home: Home, runs: list[int]) -> None:
    first, second, third = runs
    apply(home, IntentKind.CANCEL, [first, second])
    kept = ask(home.database, IntentKind.DELETE, {"runs": [second], "files": False})
    removed = ask(home.database, IntentKind.DELETE, {"runs": [first], "files": True})
    after = ask(home.database, IntentKind.PAUSE, {"runs": [third]})

    def told() -> list[str]:
        answers = [queries.intent(home.database, number) for number in (kept, removed, after)]
        return [answer.state for answer in answers if answer is not None]

    pending, applied = IntentState.PENDING.value, IntentState.APPLIED.value
    with writing(home.database) as session:
        effects = apply_intents(session, home, {first, second})
    assert told() == [applied, pending, pending]
    assert effects.stop == {first} and effects.remove == []
    assert [run.id for run in queries.runs(home.database)] == [third, first]
    with writing(home.database) as session:
        effects = apply_intents(session, home, {third})
    assert told() == [applied, applied, applied]
    assert len(effects.remove) == 1 and states(home) == ["paused"]


def test_a_run_that_goes_on_is_not_stopped_by_a_wish_to_delete_it(home: Home, runs: list[int]) -> None:
    number = ask(home.database, IntentKind.DELETE, {"runs": runs[:1], "files": True})
    with writing(home.database) as session:
        effects = apply_intents(session, home, set(runs))
    answered = queries.intent(home.database, number)
    assert (
        answered is not None and answered.state == IntentState.REFUSED and "cancel it first" in answered.answer["error"]
    )
    assert not effects.stop


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
