"""The main script: page set-up, navigation, the page."""

from __future__ import annotations

import streamlit as st

from ui.navigation import ROOT, begin, entered
from ui.notices.access import access_notice, way_out
from ui.notices.damage import damage_notice
from ui.notices.holder import dispatcher_notice, holder_notice
from ui.parts.refusal import forget_refusals
from ui.theme import brand, told

st.set_page_config(page_title="VOS Lab", page_icon=str(ROOT / "ui" / "icon.svg"), layout="wide")
page = entered()
brand()
try:
    if begin(page.url_path):
        forget_refusals()
    with told():
        with st.container():  # always one element: where a page's parts stand is part of who they are
            if page.url_path != "queue":  # which says it itself
                holder_notice()
            dispatcher_notice()
            damage_notice()
            access_notice()
        page.run()
finally:  # a page may stop early
    way_out()
