"""Launch: choose datasets, models and memory sizes; see what that queues; queue it."""

from dataclasses import replace

import streamlit as st

from ui.launch.address import choose_first, take_address, write_address
from ui.launch.form import grid_form
from ui.launch.plan import plan_panel
from ui.launch.start import first, key_of, shown
from ui.launch.templates import templates, told_start
from ui.navigation import link
from ui.parts.fetch import fetch_control
from ui.store import home
from ui.theme import empty, head
from vos_core.datasets import find_datasets
from vos_core.downloads.jobs import DEMO

here = home()
head("Launch", "every combination of datasets, models and memory sizes becomes a run")
datasets = find_datasets(here)
told_start(take_address(here, datasets))
if not choose_first(datasets):
    empty(
        "No dataset yet",
        f"There is none in {here.data}. Fetch DAVIS or MOSE, or add a folder of your own, on the Data page; generate "
        "the demo dataset; or give a folder below.",
    )
    link("data", "Datasets and checkpoints", icon=":material/database:")
    names = shown("datasets")
    if DEMO not in (first().datasets if names is None else names):  # chosen, the plan offers it
        with st.container(key="next-steps"):
            fetch_control(here, DEMO)
templates(here, datasets)
form, plan = st.columns([1.25, 1], gap="medium")
with form:
    filled = grid_form(here, datasets)
with plan, st.container(border=True, key="plan"):
    st.subheader("What will be queued", anchor=False)
    name = st.text_input(
        "Name of the ablation", value=first().name, key=key_of("name"), placeholder="From its datasets and models"
    ).strip()
    write_address(replace(filled.draft, name=name))
    plan_panel(filled.grid, here, name)
