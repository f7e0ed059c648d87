"""A part of a page that draws itself again while something is under way, and rests otherwise."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn

import streamlit as st

from db import queries
from ui.navigation import again, link
from ui.theme import told

POLL_SECONDS = 1.5
LOOK_SECONDS = 10.0


def live(draw: Callable[[], bool], *, key: str, mark: Callable[[], object] | None = None) -> None:
    """Draw; `draw` returns whether to poll. When that changes the page runs once more, to start or stop the clock.

    At rest, what was asked for elsewhere shows by its `mark` (see `look_out`), where there is one.
    """
    slot = f"live-{key}"
    polling = bool(st.session_state.get(slot))
    if mark is not None:
        look_out(mark, resting=not polling)

    def tick() -> None:
        active = polling
        with told():
            active = draw()
        if active != polling:
            st.session_state[slot] = active
            again()

    st.fragment(tick, run_every=POLL_SECONDS if polling else None)()


def look_out(mark: Callable[[], object], *, resting: bool = True) -> None:
    """Run the page anew when `mark` is another than before what follows was drawn; asked now and then while `resting`.

    It draws nothing: nobody who reads or types is disturbed as long as nothing changes.
    """
    before: list[object] = []

    def look() -> None:
        if not resting:
            return
        with told():
            now = mark()
            if before and now != before[0]:
                again()
            before[:] = [now]

    st.fragment(look, run_every=LOOK_SECONDS if resting else None)()


def await_runs(database: Path) -> NoReturn:
    """End a page that has no runs to show: it leads to the launch of some, and looks for those launched elsewhere."""
    link("launch", "Launch an ablation", icon=":material/rocket_launch:")
    look_out(partial(queries.runs_mark, database))
    st.stop()
