"""What the Inspect page shows of one video of one run: panes, curves, and a word where there is nothing to show."""

from __future__ import annotations

import streamlit as st

from db import queries
from db.models import Run, VideoTask
from db.states import TaskState
from ui.footage import Footage, footage, prediction_base
from ui.player import Clip, Pane, player
from ui.wording import settings_label
from vos_core.home import Home

_WAITING = {
    TaskState.QUEUED.value: "Not segmented yet: this video waits in the queue.",
    TaskState.RUNNING.value: "Not segmented yet: this video is being worked on.",
    TaskState.FAILED.value: "No prediction: this video failed. The Run page says why.",
    TaskState.CANCELLED.value: "No prediction: this video was cancelled. Resume the run on its page.",
}


def inspect_video(home: Home, run: Run, task: VideoTask, frame: int, only_object: int | None) -> None:
    """Draw the player. Raises InputError when the dataset is not there any more."""
    found = footage(home, run.dataset, run.dataset_path, task.video)
    done = task.state == TaskState.DONE.value
    curves = queries.curves(home.database, task.id) if done else []
    objects = tuple(range(1, task.objects + 1))
    clip = Clip(
        id=f"{run.id}/{run.fingerprint}/{task.attempt}/{task.state}/{found.version}/{only_object}/{task.video}",
        video=task.video,
        height=task.height,
        width=task.width,
        stems=found.video.stems,
        files=tuple(path.name for path in found.video.frames),
        picture_base=found.picture_base(),
        objects=objects,
    )
    prediction = Pane(
        key="prediction",
        title="Prediction",
        detail=settings_label(run),
        base=prediction_base(run.id, run.fingerprint, task.attempt, task.video) if done else None,
        note="" if done else _WAITING.get(task.state, ""),
        missing="No prediction of this frame.",
    )
    note = ""
    if not curves:
        note = (
            "No scores: this split is annotated on first frames only, so there is nothing to score against."
            if task.annotated <= 2
            else "Scores appear when the video is done."
        )
    last = max(found.video.length - 1, 0)
    player(
        clip,
        [_annotation(found), prediction],
        curves,
        frame=min(max(frame, 0), last),
        only_object=only_object if only_object in objects else None,
        score_note=note,
    )


def watch(home: Home, shown: VideoTask) -> bool:
    """Draw the page anew when the video's state is not the one shown any more; returns whether it may still change."""
    task = queries.task(home.database, shown.run_id, shown.video)
    if task is None or (task.state, task.attempt) != (shown.state, shown.attempt):
        st.rerun()
    return task.state in (TaskState.QUEUED.value, TaskState.RUNNING.value)


def _annotation(found: Footage) -> Pane:
    annotations = found.video.annotations
    frames = tuple(index for index, stem in enumerate(found.video.stems) if stem in annotations)
    return Pane(
        key="annotation",
        title="Annotation",
        detail="" if len(frames) == found.video.length else f"{len(frames)} of {found.video.length} frames",
        base=found.annotation_base() if frames else None,
        note="" if frames else "No annotation.",
        missing="No annotation of this frame.",
        frames=None if len(frames) == found.video.length else frames,
    )
