"""J and F over the frames of one video of a run: which video, its curves, and from there to Inspect."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from db.episodes import episodes_of
from db.models import Run, VideoTask
from db.queries import Curve
from db.states import ScoreKind
from db.videos import curves_of
from ui.navigation import chosen, go
from ui.parts.video_curves import video_curves
from ui.wording import frame_measures, score
from vos_core.analysis.failures import DISAGREEMENT_LINES, KIND_LINES
from vos_core.analysis.lineup import lowest
from vos_core.home import Home


def over_time(home: Home, run: Run, worst_first: Sequence[VideoTask]) -> None:
    """Draw those of the video in the address, else of the worst; only its frame scores are read."""
    tasks = {task.video: task for task in worst_first}
    video = chosen("video", "Video", list(tasks), lambda name: f"{name}  ·  {_means(run, tasks[name])}")
    task = tasks[video]
    curves = curves_of(home.database, [task.id]).get(task.id, [])
    if not curves:
        st.info("This video has scores but no curves: it was scored by an older version. Score the run again.")
        return
    lines = DISAGREEMENT_LINES if run.score_kind == ScoreKind.AGREEMENT.value else KIND_LINES
    asked = video_curves(
        video,
        task.frames,
        curves,
        episodes_of(home.database, [task.id]).get(task.id, []),
        measures=frame_measures(run),
        kinds={str(kind): line for kind, line in lines.items()},
        frame=lowest(frame_means(curves)) or 0,
        key="video-curves",
    )
    if asked is not None:
        go("inspect", run=run.id, video=video, frame=asked)
    st.caption(
        "The mark stands on the worst frame. Press a frame, or move the mark with the arrow keys and press Enter, to "
        "open it in Inspect; bands beneath are failures of each object."
    )


def frame_means(curves: Sequence[Curve]) -> dict[int, float]:
    """Mean of J and F over the objects, by evaluated frame."""
    sums: dict[int, list[float]] = {}
    for curve in curves:
        for frame, j, f in zip(curve.frames, curve.j, curve.f, strict=True):
            sums.setdefault(frame, []).append((j + f) / 2)
    return {frame: sum(values) / len(values) for frame, values in sums.items()}


def _means(run: Run, task: VideoTask) -> str:
    j, f = frame_measures(run)
    return f"{j} {score(task.j_mean)}, {f} {score(task.f_mean)}"
