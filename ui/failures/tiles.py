"""Failures as a grid of pictures in the browser; a tile is a link that opens its frame without reloading the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import streamlit as st

from ui.source import source

_component = st.components.v2.component(
    "voslab_failures",
    html='<ul class="tiles"></ul>',
    css=source("failures/tiles.css"),
    js=source("parts/nodes.js", "failures/tiles.js"),
)


@dataclass(frozen=True)
class TileImage:
    """A picture of a tile: relative address, what screen readers say, and a word in its corner."""

    src: str
    alt: str
    caption: str = ""


@dataclass(frozen=True)
class Tile:
    """A failure: where it leads (a relative address), its pictures and its words."""

    id: str
    href: str
    images: tuple[TileImage, ...]
    name: str
    kind: str
    colour: str
    line: str  # what the kind means
    facts: tuple[str, ...]
    run: str = ""


def failure_tiles(tiles: Sequence[Tile], *, key: str, caption: str, pairs: bool = False) -> str | None:
    """Draw them; returns the id of the tile that was just opened. `caption` is what screen readers say."""
    result = _component(
        key=key,
        data={"tiles": [asdict(tile) for tile in tiles], "caption": caption, "pairs": pairs},
        on_open_change=_nothing,
    )
    return result.get("open")


def _nothing() -> None:
    """A trigger is delivered only where a callback is registered."""
