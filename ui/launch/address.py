"""The launch form and its address keep step: the address fills the form, the form writes the address."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from ui.launch.draft import Draft
from ui.launch.options import option_state
from ui.launch.plan import forget_launch
from ui.launch.templates import Start, first_draft, named_draft
from ui.navigation import navigated
from vos_core.datasets import Dataset
from vos_core.gpus import workers_per_gpu
from vos_core.home import Home
from vos_core.models.registry import MODELS
from vos_core.models.sam2_options import POINTERS, STRIDE

_BARE = "launch-bare"  # the form was last drawn without any dataset here
_WRITTEN = "launch-written"  # the address that this form wrote last
_ALWAYS = "launch-path"  # a widget that the page always has: without its state the page was left
_NEVER_EMPTY = ("launch-sizes", "launch-modes", f"launch-{STRIDE}", f"launch-{POINTERS}")


def take_address(home: Home, datasets: Mapping[str, Dataset]) -> Start | None:
    """Fill the form from the address where that is not the form's own echo; says what the address named, if it did."""
    asked = st.query_params.to_dict()
    if _ALWAYS in st.session_state and (not navigated() or asked == st.session_state.get(_WRITTEN)):
        return None  # a widget's message: it may have left the browser before the form's last address came there
    start = named_draft(home, datasets, asked)
    if start is None and asked:
        start = Start(Draft.from_query(asked))
    forget_launch()
    fill(start.draft if start and start.draft else first_draft(datasets))
    return start


def choose_first(datasets: Mapping[str, Dataset]) -> bool:
    """Choose the first dataset that comes while the form is open and has none chosen; returns whether any is here."""
    if st.session_state.get(_BARE) and datasets and not st.session_state["launch-datasets"]:
        st.session_state["launch-datasets"] = list(datasets)[:1]
    st.session_state[_BARE] = not datasets
    return bool(datasets)


def write_address(draft: Draft) -> None:
    """Let the address say what the form shows."""
    query = st.session_state[_WRITTEN] = draft.query()
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)


def fill(draft: Draft) -> None:
    """Put a draft into the state of the form's widgets."""
    values: dict[str, object] = {
        "launch-datasets": list(draft.datasets),
        _ALWAYS: draft.path,
        "launch-videos": list(draft.videos),
        "launch-sizes": list(draft.sizes),
        "launch-modes": list(draft.modes),
        f"launch-{STRIDE}": list(draft.strides),
        f"launch-{POINTERS}": list(draft.pointers),
        "launch-gpus": list(draft.gpus),
        "launch-workers-per-gpu": draft.workers or workers_per_gpu(),
        "launch-name": draft.name,
        **option_state(dict(draft.options)),
    }
    for family in {spec.family for spec in MODELS.values()}:
        values[f"launch-models-{family}"] = [name for name in draft.models if MODELS[name].family == family]
    for key in [key for key in st.session_state if str(key).startswith("launch-split-")]:
        del st.session_state[key]
    for label, split in draft.splits:
        values[f"launch-split-{label}"] = split
    for key, value in values.items():
        if value == [] and key in _NEVER_EMPTY:
            st.session_state.pop(key, None)  # the widget's own first value (see `ui.launch.form.seeded`)
        else:
            st.session_state[key] = value
