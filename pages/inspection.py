"""Inspect: one video of one run, frame by frame: picture, annotation, prediction, J and F."""

import streamlit as st

from db import queries
from ui.inspection import inspect_video, watch
from ui.live import live
from ui.navigation import chosen, link, number
from ui.run_findings import kind_notice
from ui.store import home
from ui.theme import empty, head
from ui.wording import run_choice

here = home()
head("Inspect", "picture, annotation and prediction, frame by frame")
runs = {str(run.id): run for run in queries.runs(here.database)}
if not runs:
    empty("Nothing to look at yet", "A run's videos can be watched here as soon as they are segmented.")
    link("launch", "Launch an ablation", icon=":material/rocket_launch:")
    st.stop()
left, middle, right = st.columns([3, 2, 1], vertical_alignment="center")
with left:
    run = runs[chosen("run", "Run", list(runs), lambda key: run_choice(runs[key]))]
tasks = {task.video: task for task in queries.tasks(here.database, run.id)}
with middle:
    video = chosen("video", "Video", list(tasks), lambda name: name, forget=("frame", "object"))
with right:
    link("run", "This run", icon=":material/bar_chart:", run=run.id)
kind_notice(here, run)
inspect_video(here, run, tasks[video], number("frame") or 0, number("object"))
live(lambda: watch(here, tasks[video]), key=f"inspect-{run.id}-{video}")
