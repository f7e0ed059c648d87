"""A table that sorts in the browser, keeps its place while it is updated, and whose rows lead somewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import streamlit as st

from ui.source import source

_component = st.components.v2.component(
    "voslab_table",
    html='<div class="frame">\n<table></table></div>',
    css=source("parts/table.css"),
    js=source("parts/nodes.js", "parts/kept.js", "parts/table_cells.js", "parts/table.js"),
)


@dataclass(frozen=True)
class Column:
    """A column: `kind` is text, number, state, progress or seconds; `best` (max or min) marks its best value."""

    key: str
    label: str
    kind: str = "text"
    unit: str = ""
    digits: int = 3
    best: str = ""
    tip: str = ""


@dataclass(frozen=True)
class Row:
    """A row: where it leads (a relative address), and its cells by column key; None is shown as a dash."""

    id: str
    href: str
    cells: Mapping[str, Any]


def table(columns: Sequence[Column], rows: Sequence[Row], *, key: str, caption: str, height: int = 560) -> str | None:
    """Draw it; returns the id of the row that was just opened. `caption` is what screen readers say."""
    result = _component(
        key=key,
        data={
            "columns": [asdict(column) for column in columns],
            "rows": [asdict(row) for row in rows],
            "caption": caption,
            "height": height,
        },
        on_open_change=_nothing,
    )
    return result.get("open")


def _nothing() -> None:
    """A trigger is delivered only where a callback is registered."""
