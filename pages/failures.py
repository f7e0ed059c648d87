"""Failures: the worst frames of one run or of an ablation as pictures; what another run fixes, and what it breaks."""

from functools import partial

import streamlit as st

from db import queries
from ui.failures.choice import chosen_other, chosen_scope, has_scores, known_runs
from ui.failures.gallery import kinds_of_change, no_scores, pair_gallery, run_gallery
from ui.navigation import switch
from ui.parts.live import await_runs, look_out
from ui.run.findings import kind_notice
from ui.store import home
from ui.theme import empty, head

here = home()
head("Failures", "the frames where masks are wrong, worst first; a picture opens it in Inspect")
runs = known_runs(here)
if not runs:
    empty("No runs yet", "The frames in which a run fails are shown here, as soon as its videos are scored.")
    await_runs(here.database)
left, right = st.columns(2, vertical_alignment="center")
with left:
    scope = chosen_scope(here, runs)
if not scope.runs:
    empty("No run is left", "No run of this ablation has that model, memory size and dataset: take one choice back.")
    st.stop()
run = scope.single
if run is None:
    run_gallery(here, scope)
    st.stop()
kind_notice(here, run)
if not has_scores(run):
    no_scores(run)
    look_out(partial(queries.run_mark, here.database, run.id))
    st.stop()
with right:
    other = chosen_other(runs, run)
show = switch("show", "What to look at", kinds_of_change(run, other)) if other else "all"
if other and show != "all":
    pair_gallery(here, run, other, show)
else:
    run_gallery(here, scope)
