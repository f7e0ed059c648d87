"""A part of a page that draws itself again while something is under way, and rests otherwise."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ui.theme import told

POLL_SECONDS = 1.5


def live(draw: Callable[[], bool], *, key: str) -> None:
    """Draw; `draw` returns whether to poll. When that changes the page runs once more, to start or stop the clock."""
    slot = f"live-{key}"
    polling = bool(st.session_state.get(slot))

    def tick() -> None:
        active = polling
        with told():
            active = draw()
        if active != polling:
            st.session_state[slot] = active
            st.rerun()

    st.fragment(tick, run_every=POLL_SECONDS if polling else None)()
