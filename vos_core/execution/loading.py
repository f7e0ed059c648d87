"""From the database to the dispatcher's queue."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import select

from db import queries
from db.models import Run, VideoTask
from db.session import reading
from db.states import RunState, TaskKind, TaskState
from vos_core.execution.cost import CostModel, fit_cost
from vos_core.execution.task_queue import PendingTask, QueuedRun
from vos_core.gpus import Placement
from vos_core.home import Home
from vos_core.runs import RunSettings

ACTIVE = (RunState.QUEUED.value, RunState.RUNNING.value)


def queued_runs(home: Home, run_ids: Iterable[int] | None = None) -> list[tuple[QueuedRun, list[PendingTask]]]:
    """Active runs (of `run_ids`, or all) with their waiting video tasks."""
    waiting = (
        select(
            VideoTask.id.label("task_id"),
            VideoTask.run_id,
            VideoTask.video,
            VideoTask.frames,
            VideoTask.objects,
            VideoTask.annotated,
            VideoTask.kind,
            VideoTask.attempt,
            VideoTask.failures,
            VideoTask.deaths,
        )
        .join(Run, Run.id == VideoTask.run_id)
        .where(Run.state.in_(ACTIVE), VideoTask.state == TaskState.QUEUED.value)
    )
    columns = (Run.id, Run.position, Run.settings, Run.folder, Run.predictions, Run.reference)
    runs = select(*columns, Run.gpus, Run.workers_per_gpu).where(Run.state.in_(ACTIVE))
    if run_ids is not None:
        runs = runs.where(Run.id.in_(list(run_ids)))
        waiting = waiting.where(VideoTask.run_id.in_(list(run_ids)))
    tasks: dict[int, list[PendingTask]] = {}
    with reading(home.database) as session:
        # Columns, not mapped objects: tens of thousands of tasks may wait.
        for row in session.execute(waiting):
            values = {**row._mapping, "kind": TaskKind(row.kind)}
            tasks.setdefault(row.run_id, []).append(PendingTask(**values))
        return [
            (
                QueuedRun(
                    run_id=row.id,
                    position=row.position,
                    settings=RunSettings.from_values(row.settings),
                    folder=str(home.locate(row.folder)),
                    predictions=str(home.locate(row.predictions)),
                    reference=str(home.locate(row.reference)) if row.reference else None,
                    placement=Placement(tuple(row.gpus or ()), row.workers_per_gpu or 0),
                ),
                tasks.get(row.id, []),
            )
            for row in session.execute(runs)
        ]


def cost_of(database: Path, model: str) -> CostModel:
    """What videos cost with this model, as far as this home has timings of it."""
    timings = queries.past_timings(database, model)
    return fit_cost([(t.frames, t.objects, t.wall_s) for t in timings], [t.load_s for t in timings])
