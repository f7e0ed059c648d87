"""The pages and how one gets from one to another; addresses carry everything that a page shows."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlencode

import streamlit as st
from streamlit.navigation.page import Page
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequestType

ROOT = Path(__file__).resolve().parent.parent
_TITLES = {
    # name and address: (file, title, icon); the first is the home page
    "results": ("results.py", "Results", ":material/leaderboard:"),
    "launch": ("launch.py", "Launch", ":material/rocket_launch:"),
    "queue": ("queue.py", "Queue", ":material/list_alt:"),
    "data": ("data.py", "Data", ":material/database:"),
    "import": ("importing.py", "Import", ":material/move_to_inbox:"),
    "run": ("run.py", "Run", ":material/bar_chart:"),
    "compare": ("compare.py", "Compare", ":material/compare_arrows:"),
    "inspect": ("inspection.py", "Inspect", ":material/frame_inspect:"),
    "failures": ("failures.py", "Failures", ":material/photo_library:"),
    "doctor": ("doctor.py", "Doctor", ":material/stethoscope:"),
}

_run = threading.local()  # a session's runs have a thread each; `page`: the page of the one that goes on there
_PAGE = "address-page"  # which page `_BOUND` is about
_BOUND = "address-bound"
_WRITTEN = "address-written"  # what widgets made of the address: an older one does not undo it


@dataclass
class _Written:
    """What this page's widgets wrote to the address and the browser has not shown to have heard: parts of it that were
    chosen, and others with the values that a choice made meaningless."""

    chosen: set[str] = field(default_factory=set)
    forgotten: dict[str, str] = field(default_factory=dict)
    fresh: bool = False  # written by this very script run: its address is no word of the browser

    def clear(self) -> None:
        self.chosen.clear()
        self.forgotten.clear()

    def undone(self, bound: Mapping[str, str | None]) -> bool:
        """Whether the address is an older one."""
        return any(st.query_params.get(name) != bound[name] for name in self.chosen) or any(
            st.query_params.get(name) == value for name, value in self.forgotten.items()
        )


def entered() -> Page:
    """Draw the navigation; the page that this script run is of.

    A click has Streamlit begin a run while the one before may still be about to begin anew (`st.rerun`). Which page is
    meant, and the address, are the session's and not the run's: the late one writes its own there, and this one would
    show the page that was left. So each run says once more what it was asked for.
    """
    listed = pages()
    context = get_script_run_ctx()
    asked = _asked()
    if context is not None and asked is not None:
        with context.session_state.query_params() as query:
            query.populate_from_query_string(context.query_string)
        context.pages_manager.set_script_intent(asked.page_script_hash, asked.page_name)
    page = st.navigation(listed, position="top")
    if context is not None and st.session_state.get(_PAGE, page.url_path) != page.url_path:
        # What the page that is left has still written to its address may have come to the browser since it asked for
        # this one, and been taken for this one's.
        with context.session_state.query_params() as query:
            query._send_query_param_msg()
    _run.page = page._script_hash
    return page


def again() -> NoReturn:
    """Begin this run of the page anew. Which page that is the session knows, and the late run of another one may have
    written that one's there since this run began: it is said once more."""
    context = get_script_run_ctx()
    page = getattr(_run, "page", None)
    if context is not None and page is not None and not context.fragment_ids_this_run:
        context.pages_manager.set_current_page_script_hash(page)
    st.rerun()


def _asked() -> RerunData | None:
    """What this run was asked for: only the function that runs it still knows once something else is asked for."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_name != "code_to_exec":
        frame = frame.f_back
    asked: RerunData | None = frame.f_locals.get("rerun_data") if frame is not None else None
    return asked


def pages() -> list[Page]:
    """The pages of one script run, home first."""
    return [_page(name) for name in _TITLES]


def paths() -> list[str]:
    """Addresses of the pages, relative to the app's own; the home page's is empty."""
    return ["" if name == "results" else name for name in _TITLES]


def _page(name: str) -> Page:
    file, title, icon = _TITLES[name]
    home = name == "results"
    # Made anew each time: Streamlit keeps per-run state in them, and sessions run in threads.
    return st.Page(ROOT / "pages" / file, title=title, icon=icon, default=home, url_path=None if home else name)


def address(page: str, **query: object) -> str:
    """Relative address of a page: the app may sit under a proxy's path prefix."""
    path = "./" if page == "results" else page
    given = {name: str(value) for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def go(page: str, **query: object) -> NoReturn:
    """Leave for another page."""
    # Also where it is this page: what was chosen on it gives way to the new address. And first of all: a run that
    # another click has ended meanwhile ends here, before it forgets fragments that are the next page's by now.
    st.session_state.pop(_PAGE, None)
    _forget_fragments()
    given = {name: str(value) for name, value in query.items() if value is not None}
    st.switch_page(_page(page), query_params=given)


def _forget_fragments() -> None:
    """Have Streamlit pass over what still comes from the page that is left: a poll, a component's word of its state.

    Streamlit takes such a request as long as it knows the fragment, which is until the next page has run, and runs it
    after that page under the address of the page that asked: the browser then clears what it shows as another page's.
    """
    context = get_script_run_ctx()
    if context is None or context.script_requests is None:
        return
    context.fragment_storage.clear()  # none is taken from now on
    waiting = context.script_requests
    with waiting._lock:  # nor is one done that was taken before: Streamlit has no public way to take it back
        if waiting._state is ScriptRequestType.RERUN and waiting._rerun_data.fragment_id_queue:
            waiting._state = ScriptRequestType.CONTINUE


def link(page: str, label: str, *, icon: str | None = None, tip: str | None = None, **query: object) -> None:
    """A link to another page; `tip` shows when it is pointed at."""
    given = {name: str(value) for name, value in query.items() if value is not None}
    st.page_link(_page(page), label=label, icon=icon, help=tip, query_params=given)


def begin(page: str) -> bool:
    """Before a page (its `url_path`) is drawn: the address is followed, and what is bound on another page forgotten.

    Returns whether it is another page than before.

    A message of a widget may have left the browser before the choice made just before was written to its address: the
    address that it brings is then the older one, and what this session knows of the page's choices goes before it.
    """
    bound, written = _bound(), _written()
    before: dict[str, str | None] = {}
    stays = st.session_state.get(_PAGE) == page
    if stays:
        if navigated():
            written.clear()
        elif written.undone(bound):
            remember({})
        elif not written.fresh:
            written.clear()
        written.fresh = False
        before.update(bound)
    else:
        _forget_fragments()
        written.clear()
    bound.clear()
    for name, value in before.items():
        bound[name] = st.query_params.get(name)
        if value is not None and bound[name] is None:  # Back to before it was chosen: the first option again
            st.session_state.pop(f"address-{name}", None)
    st.session_state[_PAGE] = page
    return not stays


def navigated() -> bool:
    """Whether the address was chosen in this run: by Back or Forward, or by a link to the page that is open.

    The message of a link holds no state of the page's widgets, those of widgets hold that of each.
    """
    context = get_script_run_ctx()
    if context is None:
        return True
    return context.is_history_navigation or not context.session_state._state._new_widget_state.states


def bind(name: str) -> str | None:
    """What the address says for `name`, which widgets of this page write with `remember`; None where nothing."""
    bound = _bound()
    wanted = st.query_params.get(name)
    context = get_script_run_ctx()
    if context is not None and context.fragment_ids_this_run and name in _written().chosen:
        wanted = bound.get(name)  # a poll that left the browser before the choice brings the address of before
    bound[name] = wanted
    return wanted


def remember(values: Mapping[str, str | None], forget: Sequence[str] = ()) -> None:
    """Write a choice to the address; for callbacks of widgets. None takes a part out, and so does `forget`, which names
    parts that mean nothing after this choice: others than this page's widgets may write them anew.

    The message that brings a second choice may have left the browser before the first was written there. Its address is
    then the older one: what was chosen on this page before is written again, what it took out is taken out again.
    """
    bound, written = _bound(), _written()
    bound.update(values)
    written.chosen.update(values)
    written.fresh = True
    for name in set(forget) - values.keys():
        if name in bound:
            bound[name] = None
            written.chosen.add(name)
        elif name in st.query_params:
            written.forgotten[name] = st.query_params[name]
    gone = written.forgotten
    query: dict[str, str | None] = {
        name: value for name, value in st.query_params.to_dict().items() if gone.get(name) != value
    }
    query |= {name: bound[name] for name in written.chosen}
    st.query_params.from_dict({name: value for name, value in query.items() if value is not None})


def follow(query: Mapping[str, object]) -> None:
    """Let the address say this and nothing else; the page's choices are those that it names."""
    st.query_params.from_dict({name: str(value) for name, value in query.items()})
    bound = _bound()
    bound.update({name: st.query_params.get(name) for name in bound})
    written = _written()
    written.chosen.update(bound)
    written.fresh = True
    written.forgotten.clear()


def _bound() -> dict[str, str | None]:
    """The parts of the address that are bound to widgets of this page, as this session knows them last."""
    bound: dict[str, str | None] = st.session_state.setdefault(_BOUND, {})
    return bound


def _written() -> _Written:
    written: _Written = st.session_state.setdefault(_WRITTEN, _Written())
    return written


def chosen(
    name: str,
    label: str,
    options: Sequence[str],
    format_func: Callable[[str], str] = str,
    *,
    forget: Sequence[str] | Callable[[str, str], Sequence[str]] = (),
) -> str:
    """A selectbox whose choice lives in the address as `name`; falls back to the first option.

    `forget` names parts of the address that mean nothing after another choice (the frame of another video), or gives
    them for the choice before and the one after.
    """
    key = f"address-{name}"
    wanted = bind(name)
    if wanted in options:
        st.session_state[key] = wanted
    else:
        if wanted is not None or st.session_state.get(key) not in options:
            st.session_state.pop(key, None)
        if wanted is not None:
            st.warning(
                f"There is no {label.lower()} `{wanted}` (any more): another one is shown.", icon=":material/link_off:"
            )

    def keep() -> None:
        other = st.session_state[key]
        remember({name: other}, forget(choice, other) if callable(forget) else forget)

    choice = str(
        st.selectbox(
            label,
            options,
            format_func=format_func,
            key=key,
            on_change=keep,
            label_visibility="collapsed",
        )
    )
    return choice


def switch(name: str, label: str, options: Mapping[str, str]) -> str:
    """A row of choices (key -> label), one of which lives in the address as `name`; the first where it says none.

    The first is not written there: an address stays short.
    """
    key = f"switch-{name}"
    first = next(iter(options))
    wanted = bind(name)
    st.session_state[key] = wanted if wanted in options else first

    def keep() -> None:
        choice = st.session_state[key]
        remember({name: None if choice == first else str(choice)})

    st.segmented_control(
        label,
        list(options),
        format_func=options.__getitem__,
        key=key,
        on_change=keep,
        label_visibility="collapsed",
    )
    return wanted if wanted is not None and wanted in options else first


def number(name: str) -> int | None:
    """A whole number of the address; None when it is not there or is none."""
    return whole(st.query_params.get(name, ""))


def numbers(name: str) -> list[int]:
    """The whole numbers of the address that `name` lists (`with=3,5`), each once; what is none is passed over."""
    parts = st.query_params.get(name, "").split(",")
    told = (whole(part) for part in parts)
    return list(dict.fromkeys(value for value in told if value is not None and value >= 0))


def whole(text: str) -> int | None:
    """The whole number that `text` is; None where it is none, or one so large that it names nothing.

    The database holds no number of 20 digits, and Python reads none of 5000.
    """
    text = text.strip()
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else None
