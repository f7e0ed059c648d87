"""A heat table: rows (videos, attributes) x runs, a J&F a cell; sorts in the browser, and its cells lead somewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import streamlit as st

from ui.compare.charts import chart, nothing
from ui.navigation import bind, remember

_heat = chart("heat", '<div class="legend"></div>\n<div class="frame"><table></table></div>')


@dataclass(frozen=True)
class HeatRow:
    """A row: J&F of each run, fractions; `facts` are whole numbers in columns of their own, `href` where it leads."""

    id: str
    label: str
    values: tuple[float, ...]
    href: str = ""
    tip: str = ""
    group: str = ""
    facts: tuple[int, ...] = field(default_factory=tuple)


@dataclass(frozen=True)
class Opened:
    """The row that was just opened; `run` is the index of the run whose cell it was, None for the row itself."""

    id: str
    run: int | None


def heat_table(
    rows: Sequence[HeatRow],
    runs: Sequence[tuple[str, str]],
    *,
    key: str,
    caption: str,
    corner: str,
    measure: str,
    facts: Sequence[str] = (),
    against_first: bool = False,
    height: int = 760,
    order: str = "order",
) -> Opened | None:
    """Draw it, rows in the order given; `runs` are (letter, title).

    Colours go from the lowest of the values, rounded down to a tenth, to 1; `against_first` colours and shows what each
    run gains over the first instead. The last column is the signed difference of two runs, or the spread of more.
    The browser sorts at once, and the address keeps that as `order`.
    """
    pair = len(runs) == 2
    low = math.floor(10 * min((min(row.values) for row in rows), default=0.0)) / 10
    high = math.ceil(10 * max((max(row.values) for row in rows), default=1.0)) / 10
    widest = max((abs(value - row.values[0]) for row in rows for value in row.values), default=0.0)
    result = _heat(
        key=key,
        data={
            "caption": caption,
            "corner": corner,
            "measure": measure,
            "columns": [{"label": letter, "small": title, "tip": f"{letter}: {title}"} for letter, title in runs],
            "facts": list(facts),
            "rows": [
                {
                    "id": row.id,
                    "label": row.label,
                    "values": row.values,
                    "shown": _over_first(row.values) if against_first else row.values,
                    "last": 100 * (row.values[1] - row.values[0] if pair else max(row.values) - min(row.values)),
                    "href": row.href,
                    "tip": row.tip,
                    "group": row.group,
                    "facts": row.facts,
                }
                for row in rows
            ],
            "last": f"{runs[1][0]} − {runs[0][0]}" if pair else "Spread",
            "unit": "points",
            "size": pair,
            "signed": against_first,
            "low": -max(1, math.ceil(100 * widest)) if against_first else low,
            "high": max(1, math.ceil(100 * widest)) if against_first else high,
            "height": height,
            "name": order,
            "sort": bind(order) or "",
            "heard": st.session_state.get(f"{key}-heard"),
        },
        on_open_change=nothing,
        on_sort_change=partial(_keep_order, key, order),
    )
    opened = result.get("open")
    if not opened:
        return None
    return Opened(opened["id"], opened["run"])


def _keep_order(key: str, order: str) -> None:
    """The browser has written it to the address already; the server's idea of the address follows."""
    told = (st.session_state.get(key) or {}).get("sort")
    if told is not None:
        st.session_state[f"{key}-heard"] = told["at"]
        remember({order: str(told["text"]) or None})


def _over_first(values: Sequence[float]) -> list[float | None]:
    """Points over the first; None for the first itself."""
    return [None, *(100 * (value - values[0]) for value in values[1:])]
