"""The main script: page set-up, navigation, the page."""

from __future__ import annotations

import streamlit as st

from ui.holder import dispatcher_notice, holder_notice
from ui.navigation import ROOT, pages
from ui.theme import brand, told

st.set_page_config(page_title="VOS Lab", page_icon=str(ROOT / "ui" / "icon.svg"), layout="wide")
page = st.navigation(pages(), position="top")
brand()
with told():
    if page.url_path != "queue":  # which says it itself
        holder_notice()
    dispatcher_notice()
    page.run()
