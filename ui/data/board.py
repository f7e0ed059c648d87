"""The Data page's board: what can be fetched, how far each thing is, and its buttons; drawn in the browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from ui.parts.fetch import size
from ui.source import source
from ui.wording import duration
from vos_core.downloads.background import DownloadState, Phase
from vos_core.downloads.catalogue import Kind
from vos_core.downloads.jobs import DEMO
from vos_core.downloads.overview import Row, Standing
from vos_core.home import Home

FETCH, STOP, VERIFY = "fetch", "stop", "verify"
_TITLES = {Kind.DATASET: "Datasets", Kind.CHECKPOINT: "Checkpoints"}
_AGAIN = (Standing.FAILED, Standing.DAMAGED, Standing.PARTIAL)

_component = st.components.v2.component(
    "voslab_fetch",
    html='<div class="board">\n<div class="groups"></div></div>',
    css=source("parts/board.css", "data/board.css"),
    js=source("parts/nodes.js", "parts/board.js", "data/board.js"),
)


@dataclass(frozen=True)
class Wish:
    """A button that was just pressed: `fetch`, `stop` or `verify`, and the thing's name."""

    action: str
    name: str


def board(rows: Sequence[Row], demo: dict[str, Any], home: Home) -> Wish | None:
    """Draw it; returns what was just asked for. `demo` is `demo_row`'s."""
    groups = []
    for title in dict.fromkeys(_title(row) for row in rows):
        members = [fetch_row(row, home) for row in rows if _title(row) == title]
        if title == _TITLES[Kind.DATASET]:
            members.insert(0, demo)
        ready = sum(member["standing"] == Standing.READY.value for member in members)
        groups.append({"key": title, "title": title, "note": f"{ready} of {len(members)} ready", "rows": members})
    result = _component(key="fetch-board", data={"groups": groups}, on_act_change=_nothing)
    wish = result.get("act")
    return Wish(str(wish["action"]), str(wish["name"])) if wish else None


def fetch_row(row: Row, home: Home) -> dict[str, Any]:
    """One item as the board draws it."""
    return {
        "key": row.name,
        "name": row.name,
        "title": row.title,
        "place": str(row.destination),
        "size": size(row.size) if row.size is not None else "size not stated",
        "licence": row.licence,
        "standing": row.standing.value,
        "share": row.fraction if row.standing.working else None,
        "figures": _figures(row) if row.standing.working else "",
        "note": " ".join(part for part in (row.note, row.advice) if part),
        "bad": row.standing in (Standing.FAILED, Standing.DAMAGED),
        "page": row.page,
        "more": _more(row, home),
        "actions": _actions(row),
    }


def demo_row(told: DownloadState | None, ready: bool, home: Home) -> dict[str, Any]:
    """The demo dataset, which is not fetched but drawn here."""
    working = told is not None and not told.phase.ended
    failed = told is not None and told.phase in (Phase.FAILED, Phase.STOPPED) and not ready
    standing = Phase.GENERATING.value if working else "ready" if ready else "failed" if failed else "missing"
    label = "Generate again" if failed else "Generate"
    actions = [_action(STOP, "Stop", "End it; it begins anew next time")] if working else []
    if not working and not ready:
        actions = [_action(FETCH, label, "Drawn on this machine's CPU in a minute or less")]
    return {
        "key": DEMO,
        "name": DEMO,
        "title": "Demo set: videos that this machine draws, with exact masks",
        "place": str(home.data / DEMO),
        "size": "nothing to transfer",
        "licence": "free of any",
        "standing": standing,
        "share": told.fraction or 0.0 if told is not None and working else None,
        "figures": f"{told.done} of {told.total} frames" if told is not None and working and told.total else "",
        "note": told.note if told is not None and failed else "",
        "bad": failed,
        "page": "",
        "more": [["By command", "python -m vos_core demo --only_data"]],
        "actions": actions,
    }


def _title(row: Row) -> str:
    return _TITLES.get(row.kind, "Predictions of others")


def _figures(row: Row) -> str:
    words = []
    if row.total:
        words.append(f"{size(row.done or 0)} of {size(row.total)}")
    elif row.done:
        words.append(size(row.done))
    if row.bytes_per_second:
        words.append(f"{size(row.bytes_per_second)}/s")
    if row.seconds_left is not None:
        words.append(f"{duration(row.seconds_left)} left")
    return " · ".join(words)


def _more(row: Row, home: Home) -> list[list[str]]:
    """What one may want to know of an item, as (label, text)."""
    return [["By hand", row.item.by_hand(home)], ["By command", row.command]]


def _actions(row: Row) -> list[dict[str, Any]]:
    if row.standing.working:
        return [_action(STOP, "Stop", "What was transferred is kept: fetching again goes on from there")]
    verify = _action(VERIFY, "Verify", "Read it through: size and SHA-256 as published or as recorded")
    if row.standing is Standing.READY:
        return [verify]
    again = row.standing in _AGAIN
    tip = "In the background: it goes on when this page is closed"
    fetch = _action(FETCH, "Fetch again" if again else "Fetch", tip)
    mended = row.standing is Standing.DAMAGED and row.verifiable
    return [fetch, {**verify, "tip": "Mended in place? Read it through again"}] if mended else [fetch]


def _action(name: str, label: str, tip: str) -> dict[str, Any]:
    return {"name": name, "label": label, "tip": tip}


def _nothing() -> None:
    """A trigger is delivered only where a callback is registered."""
