"""The queue at a glance: runs in the order in which they are worked on, those that ended last, and the workers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from db.models import Ablation, Run, VideoTask, Worker
from db.session import reading
from db.states import RunState


@dataclass(frozen=True)
class QueuedRunRow:
    """Progress of a run as the Queue page shows it."""

    id: int
    name: str
    title: str | None
    ablation_id: int
    ablation: str
    dataset: str
    split: str
    model: str
    memory_size: int | None
    memory_mode: str | None
    state: str
    position: float
    videos: int
    videos_done: int
    videos_failed: int
    frames: int
    frames_done: int
    frames_per_second: float | None
    seconds_left: float | None
    error: str | None


@dataclass(frozen=True)
class WorkerRow:
    """A worker and what it is on; `run_id` to `frames` are None while it is on nothing."""

    name: str
    host: str
    device: str
    state: str
    frames_per_second: float | None
    seen_at: float
    run_id: int | None
    run: str | None
    video: str | None
    frames_done: int | None
    frames: int | None
    since: float | None  # when it began that video


@dataclass(frozen=True)
class QueueOverview:
    """What the Queue page polls: active runs in queue order, the latest that ended, and the workers."""

    runs: tuple[QueuedRunRow, ...]
    ended: tuple[QueuedRunRow, ...]  # latest first
    workers: tuple[WorkerRow, ...]


def queue_overview(database: Path, ended: int = 5) -> QueueOverview:
    """The queue at a glance: three statements on the runs' own counters, however many video tasks there are.

    `ended` runs are shown at most beside the active ones.
    """
    over = [state.value for state in RunState if state.ended]
    progress = select(
        Run.id,
        Run.name,
        Run.title,
        Run.ablation_id,
        Ablation.name,
        Run.dataset,
        Run.split,
        Run.model,
        Run.memory_size,
        Run.memory_mode,
        Run.state,
        Run.position,
        Run.videos,
        Run.videos_done,
        Run.videos_failed,
        Run.frames,
        Run.frames_done,
        Run.frames_per_second,
        Run.seconds_left,
        Run.error,
    ).join(Ablation, Ablation.id == Run.ablation_id)
    active = progress.where(Run.state.not_in(over)).order_by(Run.position, Run.id)
    latest = progress.where(Run.state.in_(over)).order_by(Run.finished_at.desc(), Run.id.desc()).limit(ended)
    workers = (
        select(
            Worker.name,
            Worker.host,
            Worker.device,
            Worker.state,
            Worker.frames_per_second,
            Worker.seen_at,
            VideoTask.run_id,
            Run.name,
            VideoTask.video,
            VideoTask.frames_done,
            VideoTask.frames,
            VideoTask.started_at,
        )
        .outerjoin(VideoTask, VideoTask.id == Worker.task_id)
        .outerjoin(Run, Run.id == VideoTask.run_id)
        .order_by(Worker.name)
    )
    with reading(database) as session:
        return QueueOverview(
            tuple(QueuedRunRow(*row) for row in session.execute(active)),
            tuple(QueuedRunRow(*row) for row in session.execute(latest)),
            tuple(WorkerRow(*row) for row in session.execute(workers)),
        )
