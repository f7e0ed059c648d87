"""Runs (home): what is queued, what runs, and what every run scored."""

import streamlit as st

from db import queries
from ui.live import live
from ui.navigation import chosen, link
from ui.run_overview import overview
from ui.store import home
from ui.theme import empty, head

here = home()
head("Runs", "every run with its official scores; a row opens the run")
ablations = queries.ablations(here.database)
if not ablations and not queries.pending_intent(here.database):
    empty(
        "No runs yet",
        "Launch an ablation: choose datasets, models and memory sizes, and watch it fill this page.",
        "No dataset at hand? `make demo` generates the demo dataset and runs an ablation that needs no weights.",
    )
    link("launch", "Launch an ablation", icon=":material/rocket_launch:")
    st.stop()

ablation = "all"
if len(ablations) > 1:
    names = {str(row.id): f"Ablation {row.id}: {row.name}" for row in sorted(ablations.values(), key=lambda a: -a.id)}
    ablation = chosen("ablation", "Ablation", ["all", *names], lambda key: names.get(key, "All ablations"))

live(lambda: overview(here, None if ablation == "all" else int(ablation)), key="runs")
