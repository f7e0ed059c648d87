"""Results (home): the leaderboard of runs, what they look like together, and published scores beside them."""

from functools import partial

import streamlit as st

from db import queries
from ui.navigation import link
from ui.parts.fetch import fetch_control
from ui.parts.live import look_out
from ui.parts.sight import when_seen
from ui.results.exports import exports
from ui.results.figures import figures
from ui.results.labels import open_box
from ui.results.overview import leaderboard
from ui.results.reference_table import reference_table
from ui.store import home
from ui.theme import empty, head
from vos_core.datasets import find_datasets
from vos_core.downloads.jobs import DEMO
from vos_core.reference import reference_rows

here = home()
head("Results", "every run with its official scores; a row opens the run")
if not queries.any_run(here.database) and not queries.pending_intent(here.database):
    empty(
        "No runs yet",
        "Launch an ablation: choose datasets, models and memory sizes, and watch it fill this page.",
        "No dataset at hand? Generate the demo dataset: its ablation needs no weights and takes minutes on a CPU "
        "(`make demo` does both).",
    )
    datasets = find_datasets(here)
    link("launch", "Launch an ablation", icon=":material/rocket_launch:")
    with st.container(key="next-steps"):
        if DEMO in datasets:
            link("launch", "Launch the demo ablation", icon=":material/science:", template="demo-ablation")
        elif not datasets:
            fetch_control(here, DEMO)
            link("data", "Or fetch DAVIS, MOSE, checkpoints, or add a folder of your own", icon=":material/database:")
    look_out(partial(queries.runs_mark, here.database))
    st.stop()

runs = leaderboard(here)
exports(runs)
# Plotly keeps the browser busy for a second or two, which a reader of the table would feel.
when_seen(partial(figures, runs), key="figures-place", height=560)
places = {(run.dataset, run.split) for run in runs}
references = [row for row in reference_rows() if any(row.is_on(*place) for place in places)]
if references:
    reference_table(references)
open_box(here)
