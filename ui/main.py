"""The main script: page set-up, navigation, and the one place where a page's error becomes a sentence."""

from __future__ import annotations

import streamlit as st

from ui.navigation import ROOT, pages
from ui.theme import brand
from vos_core.errors import VosLabError

st.set_page_config(page_title="VOS Lab", page_icon=str(ROOT / "ui" / "icon.svg"), layout="wide")
page = st.navigation(pages(), position="top")
brand()
try:
    page.run()
except VosLabError as error:
    st.error(str(error), icon=":material/error:")
