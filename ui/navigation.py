"""The pages and how one gets from one to another; addresses carry everything that a page shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlencode

import streamlit as st
from streamlit.navigation.page import Page

ROOT = Path(__file__).resolve().parent.parent
_TITLES = {
    # name and address: (file, title, icon); the first is the home page
    "runs": ("runs.py", "Runs", ":material/leaderboard:"),
    "launch": ("launch.py", "Launch", ":material/rocket_launch:"),
    "queue": ("queue.py", "Queue", ":material/list_alt:"),
    "import": ("importing.py", "Import", ":material/move_to_inbox:"),
    "run": ("run.py", "Run", ":material/bar_chart:"),
    "compare": ("compare.py", "Compare", ":material/compare_arrows:"),
    "inspect": ("inspection.py", "Inspect", ":material/frame_inspect:"),
}


def pages() -> list[Page]:
    """The pages of one script run, home first."""
    return [_page(name) for name in _TITLES]


def _page(name: str) -> Page:
    file, title, icon = _TITLES[name]
    home = name == "runs"
    # Made anew each time: Streamlit keeps per-run state in them, and sessions run in threads.
    return st.Page(ROOT / "pages" / file, title=title, icon=icon, default=home, url_path=None if home else name)


def address(page: str, **query: object) -> str:
    """Relative address of a page: the app may sit under a proxy's path prefix."""
    path = "./" if page == "runs" else page
    given = {name: str(value) for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def go(page: str, **query: object) -> NoReturn:
    """Leave for another page."""
    given = {name: str(value) for name, value in query.items() if value is not None}
    st.switch_page(_page(page), query_params=given)


def link(page: str, label: str, *, icon: str | None = None, **query: object) -> None:
    """A link to another page."""
    given = {name: str(value) for name, value in query.items() if value is not None}
    st.page_link(_page(page), label=label, icon=icon, query_params=given)


def chosen(
    name: str,
    label: str,
    options: Sequence[str],
    format_func: Callable[[str], str] = str,
    *,
    forget: Sequence[str] = (),
) -> str:
    """A selectbox whose choice lives in the address as `name`; falls back to the first option.

    `forget` names parts of the address that mean nothing after another choice (the frame of another video).
    """
    key = f"address-{name}"
    wanted = st.query_params.get(name)
    if wanted in options:
        st.session_state[key] = wanted
    else:
        if st.session_state.get(key) not in options:
            st.session_state.pop(key, None)
        if wanted is not None:
            st.warning(
                f"There is no {label.lower()} `{wanted}` (any more): another one is shown.", icon=":material/link_off:"
            )

    def remember() -> None:
        st.query_params[name] = st.session_state[key]
        for other in forget:
            st.query_params.pop(other, None)

    choice = st.selectbox(
        label,
        options,
        format_func=format_func,
        key=key,
        on_change=remember,
        label_visibility="collapsed",
    )
    return str(choice)


def number(name: str) -> int | None:
    """A whole number of the address; None when it is not there or is none."""
    try:
        return int(st.query_params[name])
    except (KeyError, ValueError):
        return None
