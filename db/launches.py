"""What planning a launch asks of the database: runs that are here already, past launches, and what videos took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from db.models import Ablation, Run, VideoTask
from db.session import reading
from db.states import RunState, TaskKind, TaskState


@dataclass(frozen=True)
class ExistingRun:
    """A run that owns the settings of a planned one, and how far it is."""

    id: int
    fingerprint: str
    state: str
    videos: int
    videos_done: int
    frames: int
    frames_done: int


def existing_runs(database: Path, fingerprints: Sequence[str]) -> dict[str, ExistingRun]:
    """Those of these settings that have a run, by fingerprint."""
    columns = (Run.id, Run.fingerprint, Run.state, Run.videos, Run.videos_done, Run.frames, Run.frames_done)
    statement = select(*columns).where(Run.fingerprint.in_(fingerprints))
    with reading(database) as session:
        return {row.fingerprint: ExistingRun(*row) for row in session.execute(statement)}


@dataclass(frozen=True)
class PastAblation:
    """An ablation that was launched here, with the settings of its runs."""

    id: int
    name: str
    created_at: float
    settings: tuple[dict[str, Any], ...]
    gpus: tuple[str, ...]
    workers_per_gpu: int


def latest_ablations(database: Path, limit: int = 5) -> list[PastAblation]:
    """The latest ablations whose masks were made here, newest first, with their runs in the order of their launch."""
    made_here = Run.predictions == Run.folder
    latest = select(Run.ablation_id).where(made_here).distinct().order_by(Run.ablation_id.desc()).limit(limit)
    columns = (Ablation.id, Ablation.name, Ablation.created_at, Run.settings, Run.gpus, Run.workers_per_gpu)
    statement = (
        select(*columns)
        .join(Run, Run.ablation_id == Ablation.id)
        .where(Ablation.id.in_(latest), made_here)
        .order_by(Ablation.id.desc(), Run.id)
    )
    rows: dict[int, list[Any]] = {}
    with reading(database) as session:
        for row in session.execute(statement):
            rows.setdefault(row.id, []).append(row)
    return [
        PastAblation(
            first.id,
            first.name,
            first.created_at,
            tuple(row.settings for row in group),
            tuple(first.gpus or ()),
            first.workers_per_gpu or 0,
        )
        for group in rows.values()
        for first in group[:1]
    ]


@dataclass(frozen=True)
class TimedVideo:
    """What one finished video took, and in which run; seconds without loading the model (`load_s`)."""

    run_id: int
    frames: int
    objects: int
    seconds: float
    load_s: float


def timed_videos(database: Path, model: str, device: str, limit: int = 2000) -> list[TimedVideo]:
    """The latest videos that `model` segmented on the device of this name, newest first."""
    task = VideoTask
    statement = (
        select(task.run_id, task.frames, task.objects, task.wall_s, task.load_s)
        .join(Run, Run.id == task.run_id)
        .where(Run.model == model, task.device_name == device, task.wall_s > 0)
        .where(task.state == TaskState.DONE.value, task.kind == TaskKind.SEGMENT.value)
        .order_by(task.finished_at.desc())
        .limit(limit)
    )
    with reading(database) as session:
        return [TimedVideo(row[0], row[1], row[2], row[3], row[4] or 0.0) for row in session.execute(statement)]


def run_settings(database: Path, model: str) -> dict[int, dict[str, Any]]:
    """The settings of every run of a model, by id."""
    with reading(database) as session:
        return {row[0]: row[1] for row in session.execute(select(Run.id, Run.settings).where(Run.model == model))}


def latest_masks(database: Path, dataset: str, limit: int = 3) -> list[str]:
    """Stored folders of the latest runs over a dataset that are done, as `Run.predictions`."""
    statement = (
        select(Run.predictions)
        .where(Run.dataset == dataset, Run.state == RunState.DONE.value, Run.predictions == Run.folder)
        .order_by(Run.id.desc())
        .limit(limit)
    )
    with reading(database) as session:
        return list(session.scalars(statement))
