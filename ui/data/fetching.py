"""The live part of the Data page: the board of what can be fetched, and what its buttons do."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from ui.data.board import FETCH, STOP, VERIFY, Wish, board, demo_row
from ui.parts.fetch import size
from ui.parts.refusal import asking, refusal
from ui.theme import chip, chips
from vos_core.downloads import background
from vos_core.downloads.jobs import DEMO, find_job
from vos_core.downloads.overview import overview
from vos_core.downloads.presence import State
from vos_core.forecast import free_bytes
from vos_core.home import Home


def fetch_board(home: Home) -> bool:
    """Draw it; always worth polling: a fetch may be begun by a command, or from another page."""
    rows = overview(home)
    told = background.state(home, DEMO)
    ready = find_job(DEMO).state(home) is State.READY
    demo = demo_row(told, ready, home)
    working = [row for row in rows if row.standing.working]
    _standing(home, len(working))
    refusal("fetch")
    wish = board(rows, demo, home)
    if wish is not None:
        _do(home, wish)
        st.rerun()
    return True


def _standing(home: Home, working: int) -> None:
    """What lies where, and how much room is left there."""
    parts = [chip("under way", state="running", strong=str(working))] if working else []
    for label, folder in (("Datasets", home.data), ("Checkpoints", home.checkpoints)):
        parts.append(chip(f"in {folder}", strong=label))
        with suppress(OSError):  # a disk that is away
            parts.append(chip("free there", strong=size(free_bytes(folder)), tip=f"On the disk of {folder}"))
    chips(*parts)


def _do(home: Home, wish: Wish) -> None:
    with asking("fetch"):
        if wish.action == FETCH:
            background.start(home, [wish.name])
        elif wish.action == VERIFY:
            background.verify(home, [wish.name])
        elif wish.action == STOP and not background.stop(home, wish.name):
            st.toast(f"{wish.name} was not under way on this machine.", icon=":material/info:")
