"""Compare: two runs, which is better and how sure that is, and where they differ."""

import streamlit as st

from db import queries
from ui.comparison import comparable, comparison, two_runs
from ui.navigation import link
from ui.store import home
from ui.theme import empty, head

here = home()
head("Compare", "two runs: which is better, how sure that is, and where they differ")
runs = comparable({str(run.id): run for run in queries.runs(here.database)})
if len(runs) < 2:
    empty("Nothing to compare yet", "Two runs with scores are needed: on the same dataset, to be of use.")
    link("launch", "Launch an ablation", icon=":material/rocket_launch:")
    st.stop()
comparison(here, *two_runs(runs))
