"""From the database to the dispatcher's queue, and the state that a dead dispatcher left behind."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterable
from pathlib import Path

import psutil
from sqlalchemy import select

from db import ledger, queries
from db.models import Run, VideoTask
from db.session import reading, writing
from db.states import RunState, TaskKind, TaskState
from vos_core.execution.lease import process_alive
from vos_core.execution.task_queue import PendingTask, QueuedRun
from vos_core.home import Home
from vos_core.runs import RunSettings

OLD_WORKER_SECONDS = 5.0  # workers end by themselves within this time when they lose their dispatcher


def queued_runs(home: Home, run_ids: Iterable[int] | None = None) -> list[QueuedRun]:
    """Active runs (of `run_ids`, or all) with their waiting video tasks."""
    with reading(home.database) as session:
        statement = select(Run).where(Run.state.in_([RunState.QUEUED.value, RunState.RUNNING.value]))
        if run_ids is not None:
            statement = statement.where(Run.id.in_(list(run_ids)))
        runs = {
            run.id: QueuedRun(
                run_id=run.id,
                position=run.position,
                settings=RunSettings.from_values(run.settings),
                folder=str(home.locate(run.folder)),
                predictions=str(home.locate(run.predictions)),
                reference=str(home.locate(run.reference)) if run.reference else None,
            )
            for run in session.scalars(statement)
        }
        waiting = select(VideoTask).where(VideoTask.state == TaskState.QUEUED.value)
        if run_ids is not None:
            waiting = waiting.where(VideoTask.run_id.in_(list(run_ids)))
        for task in session.scalars(waiting):
            if task.run_id in runs:
                runs[task.run_id].tasks.append(
                    PendingTask(
                        task_id=task.id,
                        run_id=task.run_id,
                        video=task.video,
                        frames=task.frames,
                        objects=task.objects,
                        annotated=task.annotated,
                        kind=TaskKind(task.kind),
                        attempt=task.attempt,
                        failures=task.failures,
                        deaths=task.deaths,
                    )
                )
    return list(runs.values())


def clear_up(database: Path) -> None:
    """After an earlier dispatcher: start nothing while one of its workers still lives, and queue again what they had.

    Workers end by themselves when they lose their dispatcher, and are killed when they do not.
    """
    deadline = time.monotonic() + OLD_WORKER_SECONDS
    here = socket.gethostname()
    old = [worker for worker in queries.workers(database) if worker.host == here]
    while living := [worker for worker in old if process_alive(worker.pid, worker.process_started)]:
        if time.monotonic() > deadline:
            for worker in living:
                with contextlib.suppress(psutil.Error):
                    psutil.Process(worker.pid).kill()
        time.sleep(0.1)
    with writing(database) as session:
        ledger.forget_workers(session)
        running = select(VideoTask.id).where(VideoTask.state == TaskState.RUNNING.value)
        for task_id in session.scalars(running).all():
            ledger.set_task_state(session, task_id, TaskState.QUEUED)
