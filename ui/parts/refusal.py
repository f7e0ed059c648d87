"""What was asked for and refused: the sentence stays, whatever polls, until something else is asked for there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import streamlit as st

from ui.theme import problems
from vos_core.errors import VosLabError

_SLOT = "refused"  # sentences by place; a part that draws itself again every second would wipe one that it drew once


@contextlib.contextmanager
def asking(place: str) -> Iterator[None]:
    """Around what was just asked for at `place`: its refusal is kept for `refusal`, an earlier one is not."""
    told = _told()
    told.pop(place, None)
    try:
        yield
    except VosLabError as error:
        told[place] = str(error)


def refusal(place: str) -> None:
    """Draw why the last wish at `place` was refused, if it was."""
    with st.container():  # always one element: what comes after it keeps its place
        if text := _told().get(place):
            problems(text)


def forget_refusals() -> None:
    """Another page is entered."""
    st.session_state.pop(_SLOT, None)


def _told() -> dict[str, str]:
    told: dict[str, str] = st.session_state.setdefault(_SLOT, {})
    return told
