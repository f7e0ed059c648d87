"""The notice, on every page, that another host holds the home folder: here it can only be looked at."""

from __future__ import annotations

import streamlit as st

from db import queries
from db.holder import held_elsewhere
from ui.store import home
from ui.theme import plain


def holder_notice() -> None:
    """Says which host it is; nothing while the folder is free or held here."""
    sentence = held_elsewhere(queries.lease(home().database))
    if sentence is not None:
        st.warning(plain(sentence), icon=":material/lock:")
