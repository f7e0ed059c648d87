"""Notices on every page: another host holds the home folder, or the dispatcher does not start."""

from __future__ import annotations

import streamlit as st

from db import queries
from db.holder import held_elsewhere
from ui.store import home
from ui.theme import plain
from vos_core.execution.submit import dispatcher_trouble


def holder_notice() -> None:
    """Says which host it is; nothing while the folder is free or held here."""
    sentence = held_elsewhere(queries.lease(home().database))
    if sentence is not None:
        st.warning(plain(sentence), icon=":material/lock:")


def dispatcher_notice() -> None:
    """Says that no dispatcher could be started, and where its log is; nothing while all is well."""
    if (sentence := dispatcher_trouble(home())) is not None:
        st.error(plain(sentence), icon=":material/error:")
