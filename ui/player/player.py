"""The frame player: picture, annotation and one pane a run in sync, zoomed as one, with curves and failures beneath."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import streamlit as st

from db.queries import Curve
from ui.palette import ERRORS, FAILURES, OBJECTS
from ui.source import source

# One script, in the order in which one room needs another; the last one holds the player itself.
ROOMS = (
    "nodes",
    "masks",
    "decoder",
    "errors",
    "frames",
    "panes",
    "zoom",
    "curves",
    "failures",
    "address",
    "save",
    "keys",
)
# What the address says of how one looks; the player reads and writes it, pages only hand it on.
VIEW = ("view", "outline", "truth", "opacity", "zoom", "speed", "hide", "curve")


_component = st.components.v2.component(
    "voslab_player",
    html=source("player/player.html"),
    css=source("player/player.css", "player/beneath.css"),
    js=source("parts/nodes.js", "parts/kept.js", *(f"player/{room}.js" for room in ROOMS), "player/player.js"),
)


@dataclass(frozen=True)
class Pane:
    """Masks over the picture. `base` + `<stem>.png` is a mask's address; None: there are no masks, `note` says why.

    `frames` are the indices that have a mask (None: all); `missing` is said at the others.
    """

    key: str
    title: str
    base: str | None
    detail: str = ""
    note: str = ""
    missing: str = ""
    frames: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Failure:
    """A stretch of frames in which an object's mask fails; `picture` is the address of a thumbnail."""

    object: int
    kind: str
    start: int
    end: int
    worst: int
    score: float
    severity: float
    picture: str


@dataclass(frozen=True)
class RunPane(Pane):
    """What one run has of the video, beside its masks; `curve_note` says why there are no curves."""

    run: int = 0
    href: str = ""
    curves: tuple[Curve, ...] = ()
    failures: tuple[Failure, ...] = ()
    curve_note: str = ""


@dataclass(frozen=True)
class Download:
    """A clip to be had: its address, which the player adds the part to, and of how many frames it may be at most."""

    address: str
    most: int


@dataclass(frozen=True)
class Clip:
    """What is played: `id` changes when anything but the frame does; `files` are the frames' file names."""

    id: str
    video: str
    height: int
    width: int
    stems: tuple[str, ...]
    files: tuple[str, ...]
    picture_base: str
    objects: tuple[int, ...]


@dataclass(frozen=True)
class Words:
    """What things are called for these runs: J and F, what the error view is against, and what failures are."""

    measures: tuple[str, str, str] = ("J", "F", "J&F")
    against: str = "the annotation"
    failures: str = "Failures"
    kinds: Mapping[str, str] | None = None  # kind of failure -> what that is


def player(
    clip: Clip,
    truth: Pane,
    runs: Sequence[RunPane],
    *,
    frame: int,
    objects: Sequence[int] = (),
    view: Mapping[str, str] | None = None,
    words: Words | None = None,
    choices: Sequence[tuple[int, str]] = (),
    clips: Mapping[str, Download] | None = None,
    key: str = "player",
) -> dict[str, Any] | None:
    """Draw the player at `frame` (index). From there on it moves by itself and keeps the address up to date.

    `truth` is what the runs are held against; `objects` are those shown at first (none: all); `view` is the part of
    the address that says how one looks (`VIEW`); `choices` are runs that may be put beside; `clips` are downloads by
    kind. Returns the parts of an address that the person asked for by adding or removing a run.
    """
    words = words or Words()
    result = _component(
        key=key,
        data={
            "id": clip.id,
            "video": clip.video,
            "height": clip.height,
            "width": clip.width,
            "stems": clip.stems,
            "pictures": {"base": clip.picture_base, "files": clip.files},
            "truth": asdict(truth),
            "runs": [
                {**asdict(replace(run, curves=())), "curves": [_curve(one) for one in run.curves]} for run in runs
            ],
            "objects": clip.objects,
            "colours": OBJECTS,
            "errors": ERRORS,
            "kinds": {kind: {"colour": FAILURES[kind], "line": line} for kind, line in (words.kinds or {}).items()},
            "measures": words.measures,
            "against": words.against,
            "failuresCalled": words.failures,
            "choices": [{"id": run, "label": label} for run, label in choices],
            "clips": {kind: asdict(one) for kind, one in (clips or {}).items()},
            "frame": frame,
            "shown": list(objects),
            "view": dict(view or {}),
        },
        on_beside_change=_nothing,
    )
    return result.get("beside")


def _curve(curve: Curve) -> dict[str, Any]:
    rounded = {"j": [round(value, 5) for value in curve.j], "f": [round(value, 5) for value in curve.f]}
    return {"object": curve.object_id, "frames": curve.frames, **rounded}


def _nothing() -> None:
    """A trigger is delivered only where a callback is registered."""
