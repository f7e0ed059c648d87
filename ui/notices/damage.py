"""A notice on every page: the database was damaged and set aside, and what became of its runs."""

from __future__ import annotations

import streamlit as st

from db.damage import damage_note, dismiss
from ui.store import home
from ui.theme import plain


def damage_notice() -> None:
    """Until somebody has read it; nothing while all is well."""
    here = home()
    note = damage_note(here.database)
    if note is None:
        return
    with st.container(key="damage"):
        if note.rebuilt is None:
            after = "Its runs are being made anew from their folders; reload in a moment, or run `rebuild`."
            st.error(f"{plain(note.sentence)} {after}", icon=":material/healing:")
            return
        lines = "\n".join(f"- {plain(line)}" for line in note.rebuilt)
        st.warning(f"{plain(note.sentence)}\n{lines}", icon=":material/healing:")
        if st.button("I have read this", key="damage_read", help=f"The file stays in {here.state}."):
            dismiss(here.database)
            st.rerun()
