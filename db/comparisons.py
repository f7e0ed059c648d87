"""What a comparison of runs reads beside their objects' scores: one video's frames at a click."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import func, select

from db.models import FrameScore, VideoTask
from db.session import reading


def frame_means(
    database: Path, run_ids: Sequence[int], video: str, object_id: int | None = None
) -> dict[int, dict[int, float]]:
    """J&F of one video's evaluated frames in each run, mean over its objects, or that of one object.

    Run id -> frame (index in the video) -> J&F; an empty dict for a run without scores there.
    """
    statement = (
        select(VideoTask.run_id, FrameScore.frame, func.avg((FrameScore.j + FrameScore.f) / 2))
        .join(VideoTask, VideoTask.id == FrameScore.task_id)
        .where(VideoTask.run_id.in_(run_ids), VideoTask.video == video)
        .group_by(VideoTask.run_id, FrameScore.frame)
    )
    if object_id is not None:
        statement = statement.where(FrameScore.object_id == object_id)
    found: dict[int, dict[int, float]] = {run_id: {} for run_id in run_ids}
    with reading(database) as session:
        for run_id, frame, mean in session.execute(statement):
            found[run_id][frame] = mean
    return found
