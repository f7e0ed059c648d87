"""The dispatcher and its crew: starts that fail, attempts that were superseded, what one turn hands out."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from db import ledger, queries
from db.models import Run
from db.states import RunState
from tests.clips import write_dataset
from tests.execution.scripted import ScriptedWorkers, dispatch, make, queue_launch
from tests.faults.processes import plan
from vos_core.execution import crew, dispatcher, lease
from vos_core.execution.messages import Assign, Failed, Finished, Message, Unfit
from vos_core.execution.sidecar import SIDECAR, any_record, write_record
from vos_core.execution.slots import Slot
from vos_core.execution.task_queue import QueuedRun
from vos_core.execution.worker_handle import Inbox, WorkerHandle
from vos_core.execution.worker_process import how_it_ended
from vos_core.home import Home
from vos_core.runs import RunSettings

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

    def counted(session: Session, finished: Sequence[Any], *more: Any) -> None:
        sizes.append(len(finished))
        record_all(session, finished, *more)

    monkeypatch.setattr(dispatcher, "MOST_ADOPTED", 2)
    monkeypatch.setattr(dispatcher, "record_all", counted)
    idle = ScriptedWorkers(home, done, slots=3)
    dispatch(home, idle, lambda: ended(home))
    assert [size for size in sizes if size] == [2, 2, 1]
    assert idle.starts == 0
    assert queries.runs(home.database)[0].videos_done == 5


@pytest.mark.parametrize("redone", [0, 1])
def test_videos_of_a_deleted_run_bring_their_seconds(home: Home, monkeypatch: pytest.MonkeyPatch, redone: int) -> None:
    """Ten seconds each, one after another, but for two side by side: 40 s of 5 videos, however few a turn takes."""
    dispatch(home, ScriptedWorkers(home, done), lambda: ended(home))
    (run,) = queries.runs(home.database)
    folder = home.locate(run.folder)
    for index, end in enumerate((1000, 1010, 1010, 1020, 1030)):
        record = any_record(folder / f"v{index}")
        assert record is not None
        write_record(folder / f"v{index}", replace(record, wall_s=10.0))
        os.utime(folder / f"v{index}" / SIDECAR, (end, end))
    for index in range(redone):
        shutil.rmtree(folder / f"v{index}")
    with lease.writing(home.database) as session:
        session.execute(delete(Run))
    queue_launch(home, plan(home, "DAVIS", ("static",)))
    monkeypatch.setattr(dispatcher, "MOST_ADOPTED", 2)
    dispatch(home, ScriptedWorkers(home, done), lambda: ended(home))
    (again,) = queries.runs(home.database)
    assert again.videos_done == 5
    assert 40 - 10 * redone <= again.active_s < 40 - 10 * redone + 3


def test_videos_that_the_run_itself_had_begun_are_not_counted_twice(home: Home) -> None:
    dispatch(home, ScriptedWorkers(home, done), lambda: ended(home))
    (run,) = queries.runs(home.database)
    with lease.writing(home.database) as session:
        ledger.requeue_tasks(session, [run.id], [ledger.TaskState.DONE])
    dispatch(home, ScriptedWorkers(home, done), lambda: ended(home))
    (again,) = queries.runs(home.database)
    assert (again.videos_done, again.active_s) == (5, run.active_s)


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


def unfit(task: Assign, *, by_video: bool = False) -> list[Message]:
    return [Unfit(task.task_id, task.attempt, "The GPU is full: end what else uses it.", by_video)]


class UnfitSlot(ScriptedWorkers):
    """The worker in the first slot cannot use its device, `times` times; all others can."""

    def __init__(self, home: Home, times: int = 1 << 30, slots: int = 2, by_video: bool = False) -> None:
        super().__init__(home, done, slots=slots)
        self.refused, self._times, self._by_video = 0, times, by_video

    def start(self, slot: Slot, inbox: Inbox) -> WorkerHandle:
        def script(task: Assign) -> list[Message]:
            if slot.name == "cpu-0" and self.refused < self._times:
                self.refused += 1
                return unfit(task, by_video=self._by_video)
            time.sleep(0.1)
            return done(task)

        self._script = script
        return super().start(slot, inbox)


@pytest.mark.parametrize("by_video", [False, True], ids=["full", "broken"])
def test_one_unfit_gpu_costs_no_video_while_another_works(home: Home, by_video: bool) -> None:
    workers = UnfitSlot(home, by_video=by_video)
    dispatch(home, workers, lambda: ended(home))
    (run,) = queries.runs(home.database)
    assert (run.state, run.videos_done, run.error) == ("done", 5, None)
    assert workers.refused == 1, "its rest is longer than this test"
    assert all(task.failures == 0 for task in queries.tasks(home.database, run.id))


def test_an_unfit_slot_rests_before_it_is_tried_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "REST_SECONDS", 1.0)
    workers = UnfitSlot(home, times=2, slots=1)
    began = time.monotonic()
    dispatch(home, workers, lambda: ended(home))
    assert [run.state for run in queries.runs(home.database)] == ["done"]
    assert time.monotonic() - began > 2.0, "twice a rest"


def test_a_run_whose_only_slot_stays_unfit_fails_with_what_its_worker_said(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "REST_SECONDS", 0.2)
    workers = UnfitSlot(home, slots=1)
    dispatch(home, workers, lambda: ended(home))
    (run,) = queries.runs(home.database)
    assert (run.state, run.error, workers.starts) == ("failed", "The GPU is full: end what else uses it.", 3)


def test_a_video_that_breaks_gpu_after_gpu_fails_and_no_other(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "REST_SECONDS", 0.2)

    def script(task: Assign) -> list[Message]:
        return unfit(task, by_video=True) if task.video == "v2" else done(task)

    workers = ScriptedWorkers(home, script, slots=2)
    dispatch(home, workers, lambda: ended(home))
    (run,) = queries.runs(home.database)
    states = {task.video: task.state for task in queries.tasks(home.database, run.id)}
    assert states.pop("v2") == "failed" and set(states.values()) == {"done"}


def test_a_gpu_too_full_for_one_model_is_tried_with_another(home: Home) -> None:
    source = ScriptedWorkers(home, done)
    (slot,) = source.slots()
    team = crew.Crew(home, source)
    team.look()
    large, small = (
        QueuedRun(number, 1.0, RunSettings("D", "data:D", "val", model), "")
        for number, model in enumerate(("sam2.1_hiera_large", "sam2.1_hiera_tiny"))
    )
    for _ in range(crew.MOST_UNFIT):
        worker = source.start(slot, team.inbox)
        worker.weights = large.weights
        team.on_unfit(worker, "full", broken=False)
    assert team.is_hopeless("cpu", large) and not team.is_hopeless("cpu", small)
    for _ in range(crew.MOST_UNFIT):
        team.on_unfit(worker, "broken", broken=True)
    assert team.is_hopeless("cpu", small)
    team.on_finished(worker)
    assert not team.is_hopeless("cpu", large)
