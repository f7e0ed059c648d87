"""Launch: choose datasets, models and memory sizes; see what that queues; queue it."""

import streamlit as st

from ui.launch_form import grid_form
from ui.launch_plan import plan_panel
from ui.store import home
from ui.theme import empty, head
from vos_core.datasets import find_datasets
from vos_core.errors import InputError
from vos_core.runs import Grid

here = home()
head("Launch", "every combination of datasets, models and memory sizes becomes a run")
datasets = find_datasets(here)
if not datasets:
    empty(
        "No dataset yet",
        f"There is none in {here.data}. Fetch one: `python -m vos_core fetch davis`, "
        "generate the demo set: `python -m vos_core demo`, or give a folder below.",
    )
form, plan = st.columns([1.25, 1], gap="medium")
grid: Grid | InputError
with form:
    try:
        grid = grid_form(here, datasets)
    except InputError as error:
        grid = error
with plan:
    plan_panel(grid, here)
