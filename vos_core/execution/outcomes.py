"""What an attempt's end means: each function writes one outcome in one transaction.

Those that may leave the task waiting return whether it is to be handed out again now. A task that was deleted
meanwhile, with its run, is none's business.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from db import ledger
from db.models import Run, VideoTask
from db.states import RunState, TaskState
from vos_core.execution.clocks import covered
from vos_core.execution.results import record_finished, record_run_scores
from vos_core.execution.sidecar import SIDECAR, VideoRecord, read_record
from vos_core.execution.task_queue import PendingTask, QueuedRun

MOST_FAILURES = 3
DEATHS_PER_FAILURE = 2
Writing = Callable[[], AbstractContextManager[Session]]

log = logging.getLogger("dispatcher")


def finished_record(run: QueuedRun, task: PendingTask) -> VideoRecord | None:
    """The record of this video in the run's folder, if a whole result of these settings lies there."""
    record = read_record(Path(run.folder) / task.video, run.settings.fingerprint, task.frames)
    if record is None or (task.annotated > 2 and not record.objects):
        return None
    return record


def ended_at(run: QueuedRun, task: PendingTask) -> float:
    """When the record of this video was written."""
    return (Path(run.folder) / task.video / SIDECAR).stat().st_mtime


def write_finished(writing: Writing, finished: Sequence[tuple[PendingTask, VideoRecord]]) -> None:
    """These videos are done."""
    if finished:
        with writing() as session:
            record_all(session, finished)


def record_all(
    session: Session, finished: Sequence[tuple[PendingTask, VideoRecord]], ended_at: Mapping[int, float] | None = None
) -> None:
    """These videos are done: part of a transaction. `ended_at` is when those were finished, by task, that are taken
    over from the run's folder."""
    wanted = select(VideoTask).where(VideoTask.id.in_([task.task_id for task, _ in finished]))
    there = {task.id: task for task in session.scalars(wanted)} if finished else {}
    uncounted: dict[int, dict[int, tuple[float, float]]] = {}
    for task, record in finished:
        if task.task_id in there:
            # Of an attempt that this run never began (a deleted one did): its clock has not counted those seconds.
            if there[task.task_id].attempt < record.attempt and (end := (ended_at or {}).get(task.task_id)):
                uncounted.setdefault(task.run_id, {})[task.task_id] = (end - record.wall_s, end)
            record_finished(session, task.task_id, record)
            log.info("run %s video %s: done, %d frames in %.1f s", task.run_id, task.video, task.frames, record.wall_s)
    for run_id, spans in uncounted.items():
        _count(session, run_id, spans)
    for run_id in {task.run_id for task in there.values()}:
        _refresh(session, run_id)


def _count(session: Session, run_id: int, spans: Mapping[int, tuple[float, float]]) -> None:
    """Add what these videos (by task) took to the run's seconds, but for what earlier ones of the kind have added."""
    before = [
        (start, end)
        for task_id, start, end in session.execute(
            select(VideoTask.id, VideoTask.started_at, VideoTask.finished_at).where(
                VideoTask.run_id == run_id,
                VideoTask.worker.is_(None),
                VideoTask.state == TaskState.DONE.value,
            )
        )
        if task_id not in spans and start is not None and end is not None
    ]
    for task_id, span in spans.items():
        task = session.get_one(VideoTask, task_id)
        task.started_at, task.finished_at = span
    ledger.add_active_seconds(session, {run_id: covered([*before, *spans.values()]) - covered(before)})


def write_failure(writing: Writing, task: PendingTask, sentence: str) -> bool:
    """An attempt that counts: the task waits again, and at the third time it failed."""
    failures = task.failures + 1
    log.warning("run %s video %s, failure %d: %s", task.run_id, task.video, failures, sentence)
    state = TaskState.FAILED if failures >= MOST_FAILURES else TaskState.QUEUED
    waits = _write(writing, task, state, sentence, failures=failures, deaths=0)
    task.failures, task.deaths = failures, 0
    return waits


def write_death(writing: Writing, task: PendingTask, sentence: str) -> bool:
    """The worker died on it, undisturbed: twice makes a failure."""
    deaths = task.deaths + 1
    if deaths >= DEATHS_PER_FAILURE:
        return write_failure(writing, task, sentence)
    waits = _write(writing, task, TaskState.QUEUED, None, deaths=deaths)
    task.deaths = deaths
    return waits


def write_stopped(writing: Writing, task: PendingTask) -> bool:
    """The attempt was stopped on request, or came to nothing through no fault of the video's."""
    return _write(writing, task, TaskState.QUEUED, None)


def write_run_failure(writing: Writing, run_id: int, tasks: Sequence[PendingTask], sentence: str) -> None:
    """Nothing of this run can be done (its model does not load): what is left of it fails, with one sentence."""
    log.error("run %s: %s", run_id, sentence)
    with writing() as session:
        if session.get(Run, run_id) is None:
            return
        for task in tasks:
            ledger.set_task_state(session, task.task_id, TaskState.FAILED, sentence)
        _refresh(session, run_id).error = sentence


def _write(writing: Writing, task: PendingTask, state: TaskState, sentence: str | None, **columns: int) -> bool:
    """Write a task's state, which its run's end overrules; returns whether it waits in an active run."""
    with writing() as session:
        if session.get(VideoTask, task.task_id) is None:
            return False
        if session.get_one(Run, task.run_id).state == RunState.CANCELLED.value:
            state = TaskState.CANCELLED
        ledger.set_task_state(session, task.task_id, state, sentence, **columns)
        run = _refresh(session, task.run_id)
        return state is TaskState.QUEUED and run.state in (RunState.QUEUED.value, RunState.RUNNING.value)


def _refresh(session: Session, run_id: int) -> Run:
    run = ledger.refresh_run(session, run_id)
    record_run_scores(session, run)
    return run
