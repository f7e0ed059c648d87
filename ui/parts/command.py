"""A command line to be copied. Streamlit's own code block brings 1.5 MB of highlighting with it."""

from __future__ import annotations

import streamlit as st

from ui.source import source

_component = st.components.v2.component(
    "voslab_command",
    html='<div class="command"><code></code><button type="button" aria-live="polite">Copy</button></div>',
    css=source("parts/command.css"),
    js=source("parts/command.js"),
)


def command(text: str, *, key: str) -> None:
    """Draw it, with a button that copies it."""
    _component(key=key, data={"command": text})
