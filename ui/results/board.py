"""The leaderboard: a table of runs that filters, sorts, groups and compares with a baseline in the browser.

Its view lives in the address. The browser writes it there at once and tells afterwards, so that the server's idea of
the address follows and figures of the rows shown can be drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from ui.parts.table import Column, Row
from ui.source import source

_component = st.components.v2.component(
    "voslab_results",
    html='<div class="board">\n<div class="tools"></div><div class="picked" role="status"></div>'
    '<div class="frame"><table></table><p class="nothing" hidden>No run matches the filter.</p></div></div>',
    css=source("parts/table.css", "results/board.css"),
    js=source(
        "parts/nodes.js",
        "parts/kept.js",
        "parts/table_cells.js",
        "results/view.js",
        "results/controls.js",
        "results/board.js",
    ),
)
_KEY = "results-board"


@dataclass(frozen=True)
class BoardColumn(Column):
    """A column of the leaderboard; its kind may also be `run` (title, tags) and `standing` (state or progress).

    `setting`: may be hidden where all rows agree. `secondary`: shown only when chosen. `delta` is how the difference to
    the baseline is told: `points` (of a fraction) or `percent`; `rather` (min or max) says which way is better where no
    best value is marked.
    """

    setting: bool = False
    secondary: bool = False
    delta: str = ""
    rather: str = ""


@dataclass(frozen=True)
class BoardRow(Row):
    """A run of the leaderboard.

    `search` is its text in lower case; `facets` what one filters by (state, dataset, model); `groups` the name of its
    group by ablation, model and dataset. Rows of equal `peers` were scored on the same videos ("" has no J&F): only
    they are compared; `place` (dataset, split, videos) says why others are not. Rows of equal `home` are over one
    split of one dataset. `guest`: loaded only as the baseline. `meaning` says what its figures are where they are no
    J&F. `tips` are cells' titles.
    """

    search: str = ""
    facets: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    peers: str = ""
    place: Mapping[str, str] = field(default_factory=dict)
    home: str = ""
    active: bool = False
    guest: bool = False
    meaning: str = ""
    tips: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """What was asked for on the board just now."""

    action: str  # open, compare, inspect, label, archive, unarchive, delete
    runs: tuple[int, ...]


@dataclass(frozen=True)
class BoardState:
    """What the browser told: ids of the rows that its filter leaves (None: all), and what was asked for."""

    shown: tuple[int, ...] | None
    asked: Asked | None


def board(
    columns: Sequence[BoardColumn],
    rows: Sequence[BoardRow],
    *,
    ablations: Sequence[tuple[str, str]],
    archived: int,
    elsewhere: Sequence[int] = (),
    locked: str = "",
    height: int = 720,
) -> BoardState:
    """Draw it. `ablations` are (id, name) to choose from; `archived` is how many runs are put away; `elsewhere` are ids
    of further runs, which may be ticked from when they were shown; `locked` is why nothing may be written."""
    result = _component(
        key=_KEY,
        data={
            "columns": [asdict(column) for column in columns],
            "rows": [vars(row) for row in rows],
            "ablations": ablations,
            "archived": archived,
            "elsewhere": elsewhere,
            "locked": locked,
            "caption": "Runs with their scores",
            "height": height,
            "told": str(_view().get("query", "")),
            "made": urlencode(st.query_params.to_dict()),
        },
        on_open_change=_nothing,
        on_act_change=_nothing,
        on_view_change=_follow,
    )
    view = result.get("view") or {}
    shown = view.get("shown")
    opened, act = result.get("open"), result.get("act")
    asked = None
    if opened:
        asked = Asked("open", (int(opened),))
    elif act:
        asked = Asked(str(act["action"]), tuple(int(run_id) for run_id in act["runs"]))
    return BoardState(None if shown is None else tuple(int(run_id) for run_id in shown), asked)


def _follow() -> None:
    """Let the server know the address that the browser has written: else its next rerun would be of the old one.

    Called when the told view is another than before: what is told again is of another moment.
    """
    st.query_params.from_dict(dict(parse_qsl(str(_view().get("query", "")))))


def _view() -> dict[str, Any]:
    """The view as the browser told it last."""
    return (st.session_state.get(_KEY) or {}).get("view") or {}


def _nothing() -> None:
    """A trigger is delivered only where a callback is registered."""
