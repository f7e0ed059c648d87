"""The dispatcher and its crew: starts that fail, attempts that were superseded, what one turn hands out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from db import ledger, queries
from db.states import RunState
from tests.clips import write_dataset
from tests.execution.scripted import ScriptedWorkers, dispatch, make, queue_launch
from tests.faults.processes import plan
from vos_core.execution import dispatcher, lease
from vos_core.execution.messages import Assign, Failed, Finished, Message
from vos_core.execution.worker_process import how_it_ended
from vos_core.home import Home

FRAMES = 4


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home.from_environment({}, cwd=tmp_path / "home")
    write_dataset(home.data / "DAVIS", {f"v{index}": FRAMES for index in range(5)}, annotated=1)
    queue_launch(home, plan(home, "DAVIS", ("static",)))
    return home


def ended(home: Home) -> bool:
    runs = queries.runs(home.database)
    return bool(runs) and all(RunState(run.state).ended for run in runs)


def done(task: Assign) -> list[Message]:
    make(task, FRAMES)
    return [Finished(task.task_id, task.attempt)]


@pytest.mark.parametrize(
    ("codes", "starts"),
    [
        ([1], 3),
        ([-11], 3),  # a fault of its own, as a broken library's
        ([-9], 15),  # killed from outside, or no memory
        ([-15, -9, 1, -9, 1], 5 + 1),
    ],
)
def test_starts_that_end_by_themselves_fail_the_runs_and_kills_hardly_count(
    home: Home, codes: list[int], starts: int
) -> None:
    workers = ScriptedWorkers(home, gone=[how_it_ended(code) for code in codes])
    dispatch(home, workers, lambda: ended(home))
    (run,) = queries.runs(home.database)
    assert (run.state, workers.starts) == ("failed", starts)
    assert run.error is not None and "No worker can be started" in run.error and "worker-cpu-0.log" in run.error


def test_a_slot_is_not_given_up_while_the_run_may_use_another(home: Home) -> None:
    class OneSlotWorks(ScriptedWorkers):
        def start(self, slot, inbox):  # type: ignore[no-untyped-def]
            self._script = done if slot.name == "cpu-1" and self.starts > 2 else None
            return super().start(slot, inbox)

    workers = OneSlotWorks(home, gone=[how_it_ended(1)], slots=2)
    dispatch(home, workers, lambda: ended(home))
    assert [run.state for run in queries.runs(home.database)] == ["done"]


def test_what_is_said_of_a_superseded_attempt_is_dropped(home: Home) -> None:
    def late(task: Assign) -> Iterator[Message]:
        yield Failed(task.task_id, task.attempt - 1, "an earlier attempt")
        yield Failed(task.task_id + 1, task.attempt, "another task")
        time.sleep(0.3)  # these are heard before the right one is said
        yield from done(task)

    dispatch(home, ScriptedWorkers(home, late), lambda: ended(home))
    (run,) = queries.runs(home.database)
    tasks = queries.tasks(home.database, run.id)
    assert run.state == "done"
    assert [(task.attempt, task.failures, task.error) for task in tasks] == [(1, 0, None)] * 5


def test_finished_videos_are_adopted_some_in_each_turn(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    dispatch(home, ScriptedWorkers(home, done), lambda: ended(home))
    (run,) = queries.runs(home.database)
    with lease.writing(home.database) as session:
        ledger.requeue_tasks(session, [run.id], [ledger.TaskState.DONE])
    sizes: list[int] = []
    record_all = dispatcher.record_all

    def counted(session: Session, finished: Sequence[Any]) -> None:
        sizes.append(len(finished))
        record_all(session, finished)

    monkeypatch.setattr(dispatcher, "MOST_ADOPTED", 2)
    monkeypatch.setattr(dispatcher, "record_all", counted)
    idle = ScriptedWorkers(home, done, slots=3)
    dispatch(home, idle, lambda: ended(home))
    assert [size for size in sizes if size] == [2, 2, 1]
    assert idle.starts == 0
    assert queries.runs(home.database)[0].videos_done == 5


def test_a_turn_hands_out_to_all_workers_in_one_transaction(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions: list[Session] = []
    start_task = ledger.start_task

    def counted(session: Session, *values: Any) -> None:
        sessions.append(session)
        start_task(session, *values)

    monkeypatch.setattr(ledger, "start_task", counted)
    dispatch(home, ScriptedWorkers(home, done, slots=5), lambda: ended(home))
    assert len(sessions) == 5 and len(set(map(id, sessions))) == 1


def test_what_could_not_be_written_was_not_handed_out(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    start_task, calls = ledger.start_task, []

    def locked_once(*values: object) -> None:
        calls.append(values)
        if len(calls) == 2:
            raise OperationalError("UPDATE video_task", {}, Exception("database is locked"))
        start_task(*values)  # type: ignore[arg-type]

    monkeypatch.setattr(ledger, "start_task", locked_once)
    told: list[tuple[int, int]] = []

    def note(task: Assign) -> list[Message]:
        told.append((task.task_id, task.attempt))
        return done(task)

    dispatch(home, ScriptedWorkers(home, note, slots=2), lambda: ended(home))
    assert sorted(told) == [(task.id, 1) for task in queries.tasks(home.database, queries.runs(home.database)[0].id)]
