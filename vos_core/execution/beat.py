"""What the database is told every second: progress, paces, and what each worker does."""

from __future__ import annotations

import socket

from sqlalchemy.orm import Session

from db import ledger
from vos_core.execution.crew import Crew
from vos_core.execution.progress import Underway, pace_of
from vos_core.execution.task_queue import TaskQueue


def write_beat(session: Session, crew: Crew, waiting: TaskQueue) -> None:
    """Write down what the crew is on, in an open transaction."""
    progress = {
        worker.assignment.task.task_id: worker.progress.frames_done
        for worker in crew
        if worker.assignment and worker.progress
    }
    ledger.write_progress(session, progress)
    ledger.write_paces(session, _paces(crew, waiting))
    resting = crew.resting()
    ledger.forget_workers(session, but=[worker.slot.name for worker in crew] + [slot.name for slot in resting])
    for run_id in {worker.assignment.run.run_id for worker in crew if worker.assignment}:
        ledger.refresh_run(session, run_id)
    for worker in crew:
        state = "busy" if worker.assignment else "idle" if worker.ready else "starting"
        ledger.record_worker(
            session,
            worker.slot.name,
            host=worker.host,
            pid=worker.pid,
            process_started=worker.process_started,
            device=worker.slot.device,
            state=state,
            task_id=worker.assignment.task.task_id if worker.assignment else None,
            frames_per_second=worker.progress.frames_per_second if worker.progress else None,
        )
    for slot in resting:
        ledger.record_worker(
            session,
            slot.name,
            host=getattr(slot, "host", socket.gethostname()),  # a cluster's slots name theirs
            pid=0,
            process_started=0.0,
            device=slot.device,
            state="resting",
            task_id=None,
            frames_per_second=None,
        )


def _paces(crew: Crew, waiting: TaskQueue) -> dict[int, tuple[float | None, float | None]]:
    """Frames a second and seconds left of every run that a worker is on."""
    underway: dict[int, list[Underway]] = {}
    for worker in crew:
        if worker.assignment is not None:
            task, heard = worker.assignment.task, worker.progress
            done, rate = (heard.frames_done, heard.frames_per_second) if heard else (0, None)
            video = Underway(task.frames, done, rate, task.seconds)
            underway.setdefault(task.run_id, []).append(video)
    paces = {run: pace_of(videos, waiting.waiting_seconds(run)) for run, videos in underway.items()}
    return {run: (pace.frames_per_second, pace.seconds_left) for run, pace in paces.items()}
