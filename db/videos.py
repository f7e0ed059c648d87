"""One video over several runs: its tasks, its curves, and which runs have it. One statement each, detached rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select

from db.models import FrameScore, Run, VideoTask
from db.queries import Curve
from db.session import reading


def tasks_of_video(database: Path, video: str, run_ids: Sequence[int]) -> dict[int, VideoTask]:
    """The video's task of each of these runs that has it, by run id."""
    statement = select(VideoTask).where(VideoTask.video == video, VideoTask.run_id.in_(run_ids))
    with reading(database) as session:
        return {row.run_id: row for row in session.scalars(statement)}


def runs_with_video(database: Path, dataset: str, dataset_path: str, video: str) -> list[int]:
    """Ids of the runs over this dataset that have this video and are not put away, newest first."""
    statement = (
        select(Run.id)
        .join(VideoTask, VideoTask.run_id == Run.id)
        .where(Run.dataset == dataset, Run.dataset_path == dataset_path, ~Run.archived, VideoTask.video == video)
        .order_by(Run.id.desc())
    )
    with reading(database) as session:
        return list(session.scalars(statement))


def curves_of(database: Path, task_ids: Sequence[int]) -> dict[int, list[Curve]]:
    """J and F per object over the evaluated frames, by video task; tasks without scores are left out."""
    statement = (
        select(FrameScore.task_id, FrameScore.object_id, FrameScore.frame, FrameScore.j, FrameScore.f)
        .where(FrameScore.task_id.in_(task_ids))
        .order_by(FrameScore.task_id, FrameScore.object_id, FrameScore.frame)
    )
    grouped: dict[tuple[int, int], list[tuple[int, float, float]]] = {}
    with reading(database) as session:
        for task_id, object_id, frame, j, f in session.execute(statement):
            grouped.setdefault((task_id, object_id), []).append((frame, j, f))
    found: dict[int, list[Curve]] = {}
    for (task_id, object_id), rows in grouped.items():
        frames, j, f = zip(*rows, strict=True)
        found.setdefault(task_id, []).append(Curve(object_id, frames, j, f))
    return found
