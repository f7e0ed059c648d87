"""The frame player: picture, annotation and prediction side by side and in sync, the curves of both scores beneath."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

from db.queries import Curve
from ui.palette import OBJECTS

_HERE = Path(__file__).parent


def _text(*names: str) -> str:
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in names)


_component = st.components.v2.component(
    "voslab_player",
    html=_text("player.html"),
    css=_text("player.css"),
    js=_text("player_masks.js", "player.js"),
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


def player(
    clip: Clip,
    panes: Sequence[Pane],
    curves: Sequence[Curve],
    *,
    frame: int,
    measures: tuple[str, str] = ("J", "F"),
    only_object: int | None = None,
    score_note: str = "",
    key: str = "player",
) -> None:
    """Draw the player at `frame` (index). From there on it moves by itself and keeps the address up to date.

    `measures` is what the two curves are called.
    """
    _component(
        key=key,
        data={
            "id": clip.id,
            "video": clip.video,
            "height": clip.height,
            "width": clip.width,
            "stems": clip.stems,
            "pictures": {"base": clip.picture_base, "files": clip.files},
            "panes": [asdict(pane) for pane in panes],
            "objects": clip.objects,
            "colours": OBJECTS,
            "curves": [
                {"object": curve.object_id, "frames": curve.frames, "j": curve.j, "f": curve.f} for curve in curves
            ],
            "measures": measures,
            "scoreNote": score_note,
            "frame": frame,
            "object": only_object,
        },
    )
