"""What the launch form shows first: the draft that it began with, and the keys of the widgets that began with it.

A widget gets its first value as an argument, never by `st.session_state`: what is put there is said to the browser
once, and lost where the next run begins before the browser has drawn the widget. It then shows nothing, and says so
with the next click. Arguments are said in every run. Another draft makes widgets anew, under other keys.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from ui.launch.draft import Draft

_START = "launch-start"


@dataclass(frozen=True)
class Start:
    """`number` counts the drafts of a session, `came` the datasets that came, and were chosen, while it was open."""

    draft: Draft
    number: int
    came: int = 0


def begin_with(draft: Draft) -> None:
    """Have the form show a draft, whatever it showed before."""
    before: Start | None = st.session_state.get(_START)
    st.session_state[_START] = Start(draft, before.number + 1 if before else 1)


def begin_with_dataset(name: str) -> None:
    """Have the form show a dataset where it shows none, and the rest as it is."""
    start = _start()
    st.session_state[_START] = replace(start, draft=replace(start.draft, datasets=(name,)), came=start.came + 1)


def begun() -> bool:
    """Whether the form was ever drawn in this session."""
    return _START in st.session_state


def first() -> Draft:
    """What the widgets show until something else is chosen."""
    return _start().draft


def key_of(name: str) -> str:
    """Key of a widget of the form."""
    start = _start()
    anew = "" if start.number == 1 else f"-{start.number}"
    came = f"-came-{start.came}" if start.came and name == "datasets" else ""
    return f"launch-{name}{anew}{came}"


def shown(name: str) -> Any:
    """What a widget of the form holds; None before it is drawn."""
    return st.session_state.get(key_of(name))


def _start() -> Start:
    start: Start = st.session_state[_START]
    return start
