"""Import: masks that were made elsewhere become runs: one folder, or a whole project folder."""

from functools import partial

import streamlit as st

from ui.importing.form import adoption, folder_form
from ui.launch.plan import launch_answer
from ui.parts.live import live
from ui.store import home
from ui.theme import head
from vos_core.datasets import find_datasets

here = home()
head("Import", "masks made elsewhere become runs: scored, compared and looked at like the app's own")
left, right = st.columns(2, gap="medium")
with left:
    folder_form(here, find_datasets(here))
with right:
    adoption(here)
intent_id: int | None = st.session_state.get("import-intent")
if intent_id is not None:
    live(partial(launch_answer, here, intent_id), key=f"import-answer-{intent_id}")
