"""What videos took on this machine's CPU, from its own past runs: for the hours that a launch without a GPU is told."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import select

from db.models import Run, VideoTask
from db.session import reading
from db.states import TaskKind, TaskState
from vos_core.execution.cost import CostModel, fit_cost
from vos_core.models.sam2_pace import VideoSeconds
from vos_core.provenance import cpu_name

AT_LEAST = 3  # videos: fewer tell too little
LATEST = 200


def past_cpu_seconds(database: Path) -> VideoSeconds:
    """(model, frames, objects) -> seconds of a video on this processor; None for a model with too few past videos."""

    @cache
    def cost_of(model: str) -> CostModel | None:
        rows = [row[:3] for row in _past(database, model) if "image_size" not in dict(row[3].get("options", ()))]
        return fit_cost(rows, at_least=AT_LEAST) if len(rows) >= AT_LEAST else None

    def seconds(model: str, frames: int, objects: int) -> float | None:
        cost = cost_of(model)
        return cost.cost(frames, objects) if cost else None

    return seconds


def _past(database: Path, model: str) -> list[tuple[int, int, float, dict[str, Any]]]:
    """(frames, objects, seconds, settings) of the latest videos that were segmented on this processor."""
    if not database.exists():
        return []
    statement = (
        select(VideoTask.frames, VideoTask.objects, VideoTask.wall_s, Run.settings)
        .join(Run, Run.id == VideoTask.run_id)
        .where(Run.model == model, VideoTask.device_name == cpu_name(), VideoTask.wall_s > 0)
        .where(VideoTask.state == TaskState.DONE.value, VideoTask.kind == TaskKind.SEGMENT.value)
        .order_by(VideoTask.finished_at.desc())
        .limit(LATEST)
    )
    with reading(database) as session:
        return [(row[0], row[1], row[2], row[3]) for row in session.execute(statement)]
