"""Bars drawn in the browser: up and down from zero, one or more a mark (a video), and a mark leads somewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import streamlit as st

from ui.source import source

GAIN, LOSS = "#0FA3BF", "#EE7733"  # also of J and F: one pair of colours that anybody can tell apart

_component = st.components.v2.component(
    "voslab_bars",
    html='<div class="legend"></div>\n<div class="frame"><div class="bars"></div></div>',
    css=source("parts/charts.css", "parts/bars.css"),
    js=source("parts/nodes.js", "parts/kept.js", "parts/chart_parts.js", "parts/bars.js"),
)


@dataclass(frozen=True)
class Series:
    """What bars of one colour are."""

    label: str
    colour: str


@dataclass(frozen=True)
class Bar:
    """A bar of `Series` number `series`; `value` is in the chart's unit."""

    series: int
    value: float


@dataclass(frozen=True)
class BarMark:
    """Bars side by side under one name; `tip` tells the figures, `href` is where it leads without a script."""

    id: str
    label: str
    tip: str
    href: str
    bars: tuple[Bar, ...]


def bars(
    marks: Sequence[BarMark],
    series: Sequence[Series],
    *,
    key: str,
    caption: str,
    unit: str = "",
    signed: bool = False,
    most: float | None = None,
    height: int = 200,
) -> str | None:
    """Draw the marks in the order given; returns the id of the mark just opened.

    The scale goes up to `most`, or to the highest value; `caption` is what screen readers say.
    """
    result = _component(
        key=key,
        data={
            "marks": [asdict(mark) for mark in marks],
            "series": [asdict(one) for one in series],
            "caption": caption,
            "unit": unit,
            "signed": signed,
            "most": most,
            "height": height,
        },
        on_open_change=_nothing,
    )
    return result.get("open")


def _nothing() -> None:
    """A trigger is delivered only where a callback is registered."""
