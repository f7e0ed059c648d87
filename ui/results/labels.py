"""What the Results page does to the ticked runs: names, notes and tags, putting away, deleting (asks first)."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from db import queries
from db.labels import LONGEST_TAG, LONGEST_TITLE, label_runs
from db.models import Run
from ui.theme import plain, problems
from ui.wording import count, run_choice
from vos_core.errors import InputError, VosLabError
from vos_core.execution import submit
from vos_core.home import Home

_OPEN = "results-dialog"  # (what, ids) of the box that is open: a rerun of the page must not close it
_OPENED = "results-opened"  # how many were: the browser may still hold what was typed into the last one


def ask_for(what: str, run_ids: Sequence[int]) -> None:
    """Open the box `label` or `delete` with the page's next rerun."""
    forget()
    st.session_state[_OPEN] = (what, tuple(run_ids))
    st.session_state[_OPENED] = st.session_state.get(_OPENED, 0) + 1


def forget() -> None:
    """The box is closed, and what was typed into it goes with it."""
    for key in [str(key) for key in st.session_state if str(key).startswith(_OPEN)]:
        del st.session_state[key]


def _key(name: str) -> str:
    """Key of a widget of the box that is open: a box that is opened again is another one."""
    return f"{_OPEN}-{st.session_state[_OPENED]}-{name}"


def open_box(home: Home) -> None:
    """Draw the box that was asked for, if one was: outside of anything that polls."""
    what, run_ids = st.session_state.get(_OPEN, (None, ()))
    if what is None:
        return
    runs = queries.runs(home.database, run_ids)
    if not runs:
        forget()
        problems("These runs are gone: somebody has deleted them meanwhile.")
    elif what == "label":
        title = f"Run {runs[0].id}" if len(runs) == 1 else count(len(runs), "run")
        st.dialog(title, on_dismiss=forget)(_label)(home, runs)
    else:
        st.dialog("Delete?", on_dismiss=forget)(_delete)(home, runs)


def _label(home: Home, runs: Sequence[Run]) -> None:
    one = runs[0] if len(runs) == 1 else None
    common = [tag for tag in runs[0].tags if all(tag in run.tags for run in runs)]
    known = sorted({tag for run in queries.runs(home.database) for tag in run.tags}, key=str.casefold)
    with st.form(_key("form"), border=False):
        title = None
        if one:
            hint = "What tables and plots call it; its settings without one"
            title = st.text_input("Title", one.title or "", max_chars=LONGEST_TITLE, help=hint, key=_key("title"))
        tags = st.multiselect(
            "Tags" if one else "Tags of all of them",
            known,
            default=common,
            accept_new_options=True,
            key=_key("tags"),
            placeholder=f"Choose, or type a new one (at most {LONGEST_TAG} characters)",
            help=None if one else "A tag that only some of them have stays with those.",
        )
        label = "Notes" if one else "Notes for all of them (empty: theirs stay)"
        notes = st.text_area(label, one.notes if one else "", height=110, key=_key("notes"))
        saved = st.form_submit_button("Save", type="primary", key=_key("save"))
    if not saved:
        return
    try:
        label_runs(
            home.database,
            [run.id for run in runs],
            title=title,
            notes=notes if one or notes.strip() else None,
            add_tags=[tag for tag in tags if tag not in common],
            remove_tags=[tag for tag in common if tag not in tags],
        )
    except InputError as error:
        problems(str(error))
    else:
        forget()
        st.rerun()


def _delete(home: Home, runs: Sequence[Run]) -> None:
    st.markdown(f"**{count(len(runs), 'run')}** with scores, timings and notes:")
    st.markdown("\n".join(f"- {plain(run_choice(run))}" for run in runs))
    files = st.checkbox(
        "Delete their masks too",
        key=_key("files"),
        help="Otherwise the folders stay, and the same launch takes finished videos over from them. "
        "Masks that were imported stay where they are; masks that another run is scored from are not deleted.",
    )
    st.caption("This cannot be undone. Archiving keeps a run and only lists it no more.")
    with st.container(horizontal=True):
        kept = st.button("Keep", key=_key("keep"))
        sure = st.button(f"Delete {count(len(runs), 'run')}", type="primary", key=_key("sure"))
    if kept:
        forget()
        st.rerun()
    if not sure:
        return
    try:
        submit.wait(home, submit.delete(home, [run.id for run in runs], files=files))
    except VosLabError as error:
        problems(str(error))
    else:
        forget()
        st.rerun()
