"""What the Inspect page shows of one video of one run: panes, curves, and a word where there is nothing to show."""

from __future__ import annotations

import streamlit as st

from db import queries
from db.models import Run, VideoTask
from db.states import ScoreKind, TaskState
from ui.footage import Footage, footage, prediction_base, reference_base, reference_folder
from ui.player import Clip, Pane, player
from ui.wording import folder_name, frame_measures, settings_label
from vos_core.home import Home
from vos_core.per_object import is_per_object, object_folders, stems_of

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
    note = "" if curves else _no_curves(run, task)
    last = max(found.video.length - 1, 0)
    player(
        clip,
        [_reference(home, run, found) if run.reference else _annotation(run, found), prediction],
        curves,
        frame=min(max(frame, 0), last),
        measures=frame_measures(run),
        only_object=only_object if only_object in objects else None,
        score_note=note,
    )
    _overlap_note(home, run, found)


def watch(home: Home, shown: VideoTask) -> bool:
    """Draw the page anew when the video's state is not the one shown any more; returns whether it may still change."""
    task = queries.task(home.database, shown.run_id, shown.video)
    if task is None or (task.state, task.attempt) != (shown.state, shown.attempt):
        st.rerun()
    return task.state in (TaskState.QUEUED.value, TaskState.RUNNING.value)


def _no_curves(run: Run, task: VideoTask) -> str:
    if task.annotated > 2:
        return "Scores appear when the video is done."
    if run.reference:
        return "No figures: the reference has too few masks of this video to hold anything against."
    return "No scores: this split is annotated on first frames only, so there is nothing to score against."


def _annotation(run: Run, found: Footage) -> Pane:
    prompted = ", given as prompt" if run.score_kind == ScoreKind.LEAKED.value else ""
    base = found.annotation_base() if found.video.annotated_stems else None
    return _masks("annotation", f"Annotation{prompted}", base, found, found.video.annotated_stems, "annotation")


def _reference(home: Home, run: Run, found: Footage) -> Pane:
    """What an agreement run is held against: the dataset's annotations would explain none of its figures."""
    name = folder_name(run.reference)
    stems = stems_of(reference_folder(home, run, found.video.name)) & frozenset(found.video.stems)
    base = reference_base(home, run, found.video.name) if stems else None
    return _masks("reference", f"Reference: {name}, not ground truth", base, found, stems, f"mask in {name}")


def _masks(key: str, title: str, base: str | None, found: Footage, stems: frozenset[str], what: str) -> Pane:
    frames = tuple(index for index, stem in enumerate(found.video.stems) if stem in stems)
    every = len(frames) == found.video.length
    return Pane(
        key=key,
        title=title,
        detail="" if every else f"{len(frames)} of {found.video.length} frames",
        base=base,
        note="" if frames else f"No {what}.",
        missing=f"No {what} of this frame.",
        frames=None if every else frames,
    )


def _overlap_note(home: Home, run: Run, found: Footage) -> None:
    """Where masks are kept one folder an object: how the panes show what one picture of labels cannot hold."""
    video = found.video
    truth = reference_folder(home, run, video.name) if run.reference else video.per_object
    prediction = home.locate(run.predictions) / video.name
    apart = {
        name: folder
        for name, folder in (("reference" if run.reference else "annotations", truth), ("prediction", prediction))
        if folder is not None and is_per_object(folder)
    }
    if not apart:
        return
    note = (
        f"Kept one folder an object: {' and '.join(apart)}. Objects may overlap there; the picture then shows the "
        "lowest object, while scores and failures count each object whole."
    )
    if any(0 in object_folders(folder) for folder in apart.values()):
        note += " Folders count from 000: that is object 1 here, 001 is object 2, and so on."
    st.caption(note)
