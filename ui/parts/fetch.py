"""A button that fetches or generates what a launch is missing, and its bar: the same on every page and in every tab."""

from __future__ import annotations

import streamlit as st

from ui.parts.live import live
from ui.theme import plain, problems
from ui.wording import duration
from vos_core.downloads import background, find_item
from vos_core.downloads.background import DownloadState, Phase
from vos_core.downloads.jobs import DEMO
from vos_core.errors import VosLabError
from vos_core.home import Home

_DOING = {
    Phase.STARTING: "starting",
    Phase.DOWNLOADING: "downloading",
    Phase.WAITING: "waiting",
    Phase.VERIFYING: "verifying",
    Phase.UNPACKING: "unpacking",
    Phase.GENERATING: "generating",
}


def fetch_control(home: Home, name: str) -> None:
    """Draw the button of one job, or how far it is; the page runs anew once it is there."""
    live(lambda: _control(home, name), key=f"fetch-{name}")


def size(count: float) -> str:
    """`898 MB`, `3.9 GB`."""
    return (
        f"{count / 1e9:.1f} GB"
        if count >= 1e9
        else f"{count / 1e6:.0f} MB"
        if count >= 1e6
        else f"{count / 1e3:.0f} kB"
    )


def _control(home: Home, name: str) -> bool:
    """Draw; returns whether it is under way."""
    told = background.state(home, name)
    if told is not None and not told.phase.ended:
        _bar(told)
        return True
    if told is not None and told.note:
        (st.warning if told.phase is Phase.STOPPED else st.error)(plain(told.note))
    if _button(name, again=told is not None and told.phase is not Phase.READY):
        try:
            background.start(home, [name])
        except VosLabError as error:
            problems(str(error))
            return False
        return True
    return False


def _button(name: str, *, again: bool) -> bool:
    """Draw it; returns whether it was pressed."""
    if name == DEMO:
        label, icon = f"Generate the demo dataset{' again' if again else ''}", ":material/brush:"
        about = "Drawn on this machine's CPU in a minute or less: some videos with exact masks, free of any licence."
    else:
        item = find_item(name)
        room = f" ({size(item.size)})" if item.size else ""
        label, icon = f"{'Fetch again' if again else 'Fetch'} {name}{room}", ":material/download:"
        about = item.licence
    return st.button(label, icon=icon, key=f"fetch-{name}", help=about)


def _bar(told: DownloadState) -> None:
    words = [f"{told.name}: {_DOING[told.phase]}"]
    if told.total:
        frames = told.phase is Phase.GENERATING
        words.append(f"{told.done} of {told.total} frames" if frames else f"{size(told.done)} of {size(told.total)}")
    if told.bytes_per_second:
        words.append(f"{size(told.bytes_per_second)}/s")
    if told.seconds_left is not None:
        words.append(f"{duration(told.seconds_left)} left")
    if told.note:
        words.append(told.note)
    st.progress(told.fraction or 0.0, plain(", ".join(words)))
