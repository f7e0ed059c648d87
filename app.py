"""Launcher: `streamlit run app.py` serves the pages, the picture routes and keeps a dispatcher alive."""

import streamlit as st

from ui.background import lifespan
from ui.media import routes

# Streamlit finds this line by reading the source: it must stand here literally.
app = st.App("ui/main.py", routes=routes(), lifespan=lifespan)
