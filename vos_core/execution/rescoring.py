"""Scoring as a task of its own: the masks of ended runs are scored again, as they are or by the second metric too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Run, VideoTask
from db.states import RunState, ScoreKind, TaskKind, TaskState
from vos_core.datasets import stored_dataset
from vos_core.errors import InputError
from vos_core.execution.effects import Effects
from vos_core.execution.second_metric import can_have_dot
from vos_core.home import Home
from vos_core.runs import RunSettings


def why_no_dot(run: Run) -> str | None:
    """A sentence where a run can have no J&F-dot, which is of runs that are scored against annotations."""
    if run.score_kind != ScoreKind.OFFICIAL.value or not can_have_dot(RunSettings.from_values(run.settings)):
        return (
            f"Run {run.name} can have no J&F-dot: that is for runs prompted by first frames and scored by annotations."
        )
    return None


def plan_scoring(home: Home, runs: Sequence[Run], dot: bool) -> dict[str, Any]:
    """What the intent says: which runs, and how many frames of their videos are annotated now.

    Raises InputError for a run that is not over, has no annotations to be scored against, or can have no J&F-dot.
    """
    items = []
    for run in runs:
        if not RunState(run.state).ended:
            raise InputError(f"Run {run.name} is still {run.state}: score it again when it is over.")
        if dot and (reason := why_no_dot(run)):
            raise InputError(reason)
        annotated = {}
        if not run.reference:
            dataset = stored_dataset(home, run.dataset, run.dataset_path)
            names = run.settings.get("videos") or dataset.video_names(run.split)
            annotated = {name: dataset.video(name).annotated for name in names}
            if not any(count > 2 for count in annotated.values()):
                raise InputError(
                    f"Run {run.name} cannot be scored: {dataset.root} annotates its videos on first frames only."
                )
        items.append({"id": run.id, "annotated": annotated})
    return {"runs": items, "dot": dot}


def apply_scoring(session: Session, home: Home, payload: dict[str, Any], effects: Effects) -> dict[str, Any]:
    """Queue the videos whose masks are there as score tasks. Raises InputError where a run has none, or is not over."""
    kind = TaskKind.SCORE_DOT if payload["dot"] else TaskKind.SCORE
    ids = []
    for item in payload["runs"]:
        run = session.get(Run, int(item["id"]))
        if run is None or not RunState(run.state).ended:
            raise InputError(f"Run {run.name if run else item['id']} cannot be scored now: it is not over.")
        tasks = list(session.scalars(select(VideoTask).where(VideoTask.run_id == run.id)))
        for task in tasks:
            task.annotated = item["annotated"].get(task.video, task.annotated)
        ready = [task for task in tasks if task.annotated > 2 and task.has_masks]
        if not ready:
            raise InputError(f"Run {run.name} has no video whose masks could be scored.")
        for task in ready:
            task.kind, task.state = kind.value, TaskState.QUEUED.value
            task.failures = task.deaths = task.frames_done = 0
            task.error = task.finished_at = None
        run.scorable = any(task.annotated > 2 for task in tasks)
        run.state, run.error, run.finished_at = RunState.QUEUED.value, None, None
        ids.append(run.id)
    effects.reload.update(ids)
    return {"runs": ids}
