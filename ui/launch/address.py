"""The launch form and its address keep step: the address fills the form, the form writes the address."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from ui.launch.draft import Draft
from ui.launch.plan import forget_launch
from ui.launch.start import begin_with, begin_with_dataset, begun, shown
from ui.launch.templates import Named, first_draft, named_draft
from ui.navigation import navigated
from vos_core.datasets import Dataset
from vos_core.home import Home

_BARE = "launch-bare"  # the form was last drawn without any dataset here
_WRITTEN = "launch-written"  # the address that this form wrote last
_ALWAYS = "path"  # a widget that the page always has: without its state the page was left


def take_address(home: Home, datasets: Mapping[str, Dataset]) -> Named | None:
    """Fill the form from the address where that is not the form's own echo; says what the address named, if it did."""
    asked = st.query_params.to_dict()
    if begun() and shown(_ALWAYS) is not None and (not navigated() or asked == st.session_state.get(_WRITTEN)):
        return None  # a widget's message: it may have left the browser before the form's last address came there
    start = named_draft(home, datasets, asked)
    if start is None and asked:
        start = Named(Draft.from_query(asked))
    forget_launch()
    begin_with(start.draft if start and start.draft else first_draft(datasets))
    return start


def choose_first(datasets: Mapping[str, Dataset]) -> bool:
    """Choose the first dataset that comes while the form is open and has none chosen; returns whether any is here."""
    if st.session_state.get(_BARE) and datasets and not shown("datasets"):
        begin_with_dataset(next(iter(datasets)))
    st.session_state[_BARE] = not datasets
    return bool(datasets)


def write_address(draft: Draft) -> None:
    """Let the address say what the form shows."""
    query = st.session_state[_WRITTEN] = draft.query()
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
