"""J and F of a video's objects over its frames, drawn in the browser; pressing a frame asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from db.models import FailureEpisode
from db.queries import Curve
from ui.palette import FAILURES, OBJECTS
from ui.source import source

_component = st.components.v2.component(
    "voslab_video_curves",
    html='<div class="curves"></div>',
    css=source("parts/charts.css", "player/beneath.css", "parts/video_curves.css"),
    js=source("parts/nodes.js", "player/nodes.js", "player/curves.js", "parts/video_curves.js"),
)


def video_curves(
    video: str,
    frames: int,
    curves: Sequence[Curve],
    failures: Sequence[FailureEpisode],
    *,
    measures: tuple[str, str],
    kinds: Mapping[str, str],
    frame: int,
    key: str,
) -> int | None:
    """Draw them with the mark at `frame`; returns the frame that was just asked for.

    `measures` is what J and F are called, `kinds` says what each kind of failure is.
    """
    run = {
        "title": "",
        "curves": [
            {
                "object": curve.object_id,
                "frames": curve.frames,
                "j": [round(value, 5) for value in curve.j],
                "f": [round(value, 5) for value in curve.f],
            }
            for curve in curves
        ],
        "failures": [
            {"object": one.object_id, "kind": one.kind, "start": one.start, "end": one.end, "worst": one.worst_frame}
            for one in failures
        ],
    }
    result = _component(
        key=key,
        data={
            "video": video,
            "frames": frames,
            "runs": [run],
            "objects": [curve.object_id for curve in curves],
            "colours": OBJECTS,
            "kinds": {kind: {"colour": FAILURES[kind], "line": line} for kind, line in kinds.items()},
            "measures": measures,
            "frame": frame,
        },
        on_open_change=_nothing,
    )
    asked = result.get("open")
    return None if asked is None else int(asked)


def _nothing() -> None:
    """A trigger is delivered only where a callback is registered."""
