"""Run: one run's scores per video and object, where it fails, its settings, timings, log and errors."""

from functools import partial

import streamlit as st

from db import queries
from ui.navigation import chosen, switch
from ui.parts.live import await_runs, live
from ui.results.labels import open_box
from ui.run.background import background
from ui.run.curves import over_time
from ui.run.findings import failures, kind_notice, verdict
from ui.run.log import run_log
from ui.run.report import failure_classes, object_table, scored, video_bars, video_table
from ui.run.scoring import agreement_form, second_metric
from ui.run.server import server_panel
from ui.run.standing import leads, parts, standing
from ui.store import home
from ui.theme import empty, head
from ui.wording import run_choice, run_title

here = home()
runs = {str(run.id): run for run in queries.runs(here.database)}
if not runs:
    head("Run")
    empty("No runs yet", "A run's scores, timings and errors are shown here.")
    await_runs(here.database)
title = st.container()
run = runs[chosen("run", "Run", list(runs), lambda key: run_choice(runs[key]), forget=("video",))]
with title:
    head(run_title(run), f"run {run.id} on {run.dataset} {run.split}")
leads(run)
kind_notice(here, run)
live(partial(standing, here, run), key=f"run-{run.id}", mark=partial(queries.run_mark, here.database, run.id))
open_box(here)
tasks = queries.tasks(here.database, run.id)
video_bars(here, run, tasks)
failure_classes(here, run)
# What is not chosen is neither read nor drawn.
match switch("part", "Part", parts(run, bool(scored(tasks)))):
    case "objects":
        object_table(run, queries.object_rows(here.database, run.id))
    case "time":
        over_time(here, run, scored(tasks))
    case "failures":
        failures(here, run)
    case "videos":
        video_table(run, tasks)
    case "background":
        background(run, tasks, here)
    case "log":
        live(partial(run_log, here, run, tasks), key=f"log-{run.id}")
    case "more":
        verdict(run)
        second_metric(here, run)
        agreement_form(here, run)
        server_panel(here, run)
