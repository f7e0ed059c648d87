"""What an attempt's end means: each function writes one outcome in one transaction and says what comes next."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.orm import Session

from db import ledger
from db.models import Run
from db.session import writing
from db.states import RunState, TaskState
from vos_core.execution.results import record_finished, record_run_scores
from vos_core.execution.sidecar import VideoRecord, read_record
from vos_core.execution.task_queue import PendingTask, QueuedRun

MOST_FAILURES = 3
DEATHS_PER_FAILURE = 2

log = logging.getLogger("dispatcher")


def finished_record(run: QueuedRun, task: PendingTask) -> VideoRecord | None:
    """The record of this video in the run's folder, if a whole result of these settings lies there."""
    record = read_record(Path(run.folder) / task.video, run.settings.fingerprint, task.frames)
    if record is None or (task.annotated > 2 and not record.objects):
        return None
    return record


def write_finished(database: Path, task: PendingTask, record: VideoRecord) -> None:
    """A video is done."""
    with writing(database) as session:
        record_finished(session, task.task_id, record)
        _refresh(session, task.run_id)


def write_failure(database: Path, task: PendingTask, sentence: str) -> TaskState:
    """An attempt that counts: queued again, and at the third time failed. Returns the new state."""
    failures = task.failures + 1
    log.warning("run %s video %s, failure %d: %s", task.run_id, task.video, failures, sentence)
    with writing(database) as session:
        state = TaskState.FAILED if failures >= MOST_FAILURES else TaskState.QUEUED
        if _is_cancelled(session, task.run_id):
            state = TaskState.CANCELLED
        ledger.set_task_state(session, task.task_id, state, sentence, failures=failures, deaths=0)
        _refresh(session, task.run_id)
    task.failures, task.deaths = failures, 0
    return state


def write_death(database: Path, task: PendingTask, sentence: str) -> TaskState:
    """The worker died on it, undisturbed: twice makes a failure. Returns the new state."""
    deaths = task.deaths + 1
    if deaths >= DEATHS_PER_FAILURE:
        return write_failure(database, task, sentence)
    with writing(database) as session:
        state = TaskState.CANCELLED if _is_cancelled(session, task.run_id) else TaskState.QUEUED
        ledger.set_task_state(session, task.task_id, state, deaths=deaths)
        _refresh(session, task.run_id)
    task.deaths = deaths
    return state


def write_stopped(database: Path, task: PendingTask) -> TaskState:
    """The attempt was stopped on request. Returns the new state."""
    with writing(database) as session:
        state = TaskState.CANCELLED if _is_cancelled(session, task.run_id) else TaskState.QUEUED
        ledger.set_task_state(session, task.task_id, state)
        _refresh(session, task.run_id)
    return state


def write_run_failure(database: Path, run_id: int, tasks: Sequence[PendingTask], sentence: str) -> None:
    """Nothing of this run can be done (its model does not load): what is left of it fails, with one sentence."""
    log.error("run %s: %s", run_id, sentence)
    with writing(database) as session:
        for task in tasks:
            ledger.set_task_state(session, task.task_id, TaskState.FAILED, sentence)
        _refresh(session, run_id).error = sentence


def _refresh(session: Session, run_id: int) -> Run:
    run = ledger.refresh_run(session, run_id)
    record_run_scores(session, run)
    return run


def _is_cancelled(session: Session, run_id: int) -> bool:
    run = session.get(Run, run_id)
    return run is None or run.state == RunState.CANCELLED.value
