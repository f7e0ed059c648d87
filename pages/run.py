"""Run: one run's scores per video and object, where it fails, its settings, timings and errors."""

import streamlit as st

from db import queries
from ui.live import live
from ui.navigation import chosen, link
from ui.run_findings import failures, kind_notice, verdict
from ui.run_report import background, sequences, standing, video_list, videos
from ui.run_scoring import agreement_form, second_metric
from ui.run_server import server_panel
from ui.store import home
from ui.theme import empty, head
from ui.wording import run_choice, run_title

here = home()
runs = {str(run.id): run for run in queries.runs(here.database)}
if not runs:
    head("Run")
    empty("No runs yet", "A run's scores, timings and errors are shown here.")
    link("launch", "Launch an ablation", icon=":material/rocket_launch:")
    st.stop()
title = st.container()
run = runs[chosen("run", "Run", list(runs), lambda key: run_choice(runs[key]))]
with title:
    head(run_title(run), f"run {run.id} on {run.dataset} {run.split}")
if run.scorable and run.videos_done:
    link("compare", "Compare with another run", icon=":material/compare_arrows:", runs=run.id)
kind_notice(here, run)
live(lambda: standing(here, run), key=f"run-{run.id}")
tasks = queries.tasks(here.database, run.id)
verdict(run)
second_metric(here, run)
videos(run, tasks)
failures(here, run)
sequences(run, queries.object_rows(here.database, run.id))
video_list(run, tasks)
agreement_form(here, run)
server_panel(here, run)
background(run, tasks, here)
