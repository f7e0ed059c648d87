"""Launcher: `streamlit run app.py` serves the pages, the picture routes and keeps a dispatcher alive."""

import streamlit as st
from starlette.middleware import Middleware

from ui.background import lifespan
from ui.gate.doors import doors
from ui.media.routes import routes
from ui.shell import Shell, prefixed

# Streamlit finds this line by reading the source: it must stand here literally.
app = st.App(
    "ui/main.py",
    routes=prefixed(routes()),
    middleware=[*doors(), Middleware(Shell)],
    lifespan=lifespan,
)
