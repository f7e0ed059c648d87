"""Charts of the Compare page, drawn in the browser: difference bars, and the scatter of two runs. Marks open videos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import streamlit as st

from ui.parts.bars import GAIN, LOSS, Bar, BarMark, Series, bars
from ui.source import source


def chart(name: str, html: str) -> st.components.v2.types.ComponentRenderer:
    """Declare the component `ui/compare_{name}.js`."""
    return st.components.v2.component(
        f"voslab_compare_{name}",
        html=html,
        css=source("parts/charts.css", "compare/charts.css"),
        js=source("parts/nodes.js", "parts/kept.js", "parts/chart_parts.js", f"compare/{name}.js"),
    )


def nothing() -> None:
    """A trigger is delivered only where a callback is registered."""


_scatter = chart("scatter", '<div class="legend"></div>\n<div class="plot-area"></div>')


@dataclass(frozen=True)
class Mark:
    """A video or an object in two runs: J&F of A and of B, fractions; `href` is where it leads without a script."""

    id: str
    label: str
    a: float
    b: float
    href: str


def difference_bars(
    marks: Sequence[Mark], names: tuple[str, str], measure: str, *, key: str, height: int = 200
) -> str | None:
    """Points that B gains over A, one bar a mark in the order given; returns the id of the bar just opened."""
    drawn = []
    for mark in marks:
        gain = 100 * (mark.b - mark.a)
        tip = f"{mark.label}: {measure} {mark.a:.3f} → {mark.b:.3f} ({_signed(gain)} points)"
        drawn.append(BarMark(mark.id, mark.label, tip, mark.href, (Bar(int(gain < 0), gain),)))
    return bars(
        drawn,
        [Series(f"{names[1]} ahead", GAIN), Series(f"{names[0]} ahead", LOSS)],
        key=key,
        caption=f"Points of {measure} that {names[1]} gains over {names[0]} in each video",
        unit=f"points of {measure}",
        signed=True,
        height=height,
    )


def scatter(marks: Sequence[Mark], names: tuple[str, str], measure: str, *, key: str) -> str | None:
    """A mark each, A to the right and B upwards, with the diagonal; returns the id of the mark just opened."""
    result = _scatter(
        key=key,
        data={
            "caption": f"{measure} in {names[0]} and in {names[1]}",
            "rows": [asdict(mark) for mark in marks],
            "labels": [f"{measure} of {names[0]}", f"{measure} of {names[1]}"],
            "ahead": f"{names[1]} ahead: above the diagonal",
            "behind": f"{names[0]} ahead: below",
        },
        on_open_change=nothing,
    )
    return result.get("open")


def _signed(points: float) -> str:
    text = f"{points:+.1f}"
    return "+0.0" if text == "-0.0" else text.replace("-", "−")
