"""A place on a page that tells when the reader comes to it: what is heavy and lies further down is drawn then."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ui.source import source
from ui.theme import told

_component = st.components.v2.component(
    "voslab_sight", html='<div class="sight" aria-hidden="true"></div>', js=source("parts/sight.js")
)


def when_seen(draw: Callable[[], object], *, key: str, height: int) -> None:
    """Draw as soon as this place has come into sight; until then it is empty and `height` pixels high.

    Only this part of the page runs again then, and whenever something in it is used.
    """

    def part() -> None:
        near = seen(key)
        _component(key=key, data={"height": 0 if near else height}, on_seen_change=_nothing)
        if near:
            with told():
                draw()

    st.fragment(part)()


def seen(key: str) -> bool:
    """Whether the browser told that the place called `key` came into sight since the page was opened."""
    return bool((st.session_state.get(key) or {}).get("seen"))


def _nothing() -> None:
    """A value is delivered only where a callback is registered."""
