"""Inspect: one video of one or more runs, frame by frame: picture, annotation, predictions, errors, J and F."""

from functools import partial

import streamlit as st

from db import queries
from db.leaderboard import board_runs
from ui.navigation import chosen, follow, link, number, numbers
from ui.parts.live import await_runs, live
from ui.player.inspection import OF_VIDEO, inspect_video, meaningless, side_by_side, video_mark, watch
from ui.player.player import VIEW
from ui.run.findings import kind_notice
from ui.store import home
from ui.theme import empty, head
from ui.wording import run_choice

here = home()
head("Inspect", "picture, annotation and predictions, frame by frame")
runs = {str(run.id): run for run in board_runs(here.database, archived=True)}
if not runs:
    empty("Nothing to look at yet", "A run's videos can be watched here as soon as they are segmented.")
    await_runs(here.database)
left, middle, right = st.columns([3, 2, 1], vertical_alignment="center")
with left:
    run = runs[
        chosen(
            "run",
            "Run",
            list(runs),
            lambda key: run_choice(runs[key]),
            forget=lambda before, after: meaningless(here, runs[before], runs[after]),
        )
    ]
tasks = {task.video: task for task in queries.tasks(here.database, run.id)}
with middle:
    video = chosen("video", "Video", list(tasks), lambda name: name, forget=OF_VIDEO)
with right:
    link("run", "This run", icon=":material/bar_chart:", run=run.id)
kind_notice(here, run)
by_id = {one.id: one for one in runs.values()}
shown = side_by_side(here, run, video, numbers("with"), by_id)
view = {name: st.query_params[name] for name in VIEW if name in st.query_params}
asked = inspect_video(here, shown, by_id, number("frame") or 0, numbers("object"), view)
if asked:
    follow(asked)
    st.rerun()
key = f"inspect-{run.id}-{video}"
live(partial(watch, here, shown), key=key, mark=partial(video_mark, here, shown))
