"""The live part of the Queue page: where it stands in one line, the board, and the logs."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from db import queries
from db.queue import QueueOverview, queue_overview
from db.states import RunState
from ui.navigation import go, link
from ui.parts.refusal import asking, refusal
from ui.queue.actions import Action, act, locked
from ui.queue.board import board
from ui.theme import chip, chips, empty, problems
from ui.wording import count, duration
from vos_core.execution.submit import dispatcher_alive
from vos_core.gpus import gauges
from vos_core.home import Home
from vos_core.logs import log_files, tail
from vos_core.reports import inference_times

LOG_LINES = 40


def queue_view(home: Home) -> bool:
    """Draw it; always worth polling: work may come by command, and gauges move."""
    overview = queue_overview(home.database)
    alive = dispatcher_alive(home)
    if not alive:  # what an earlier dispatcher knew of its workers
        overview = QueueOverview(overview.runs, overview.ended, ())
    reason = locked(home)
    if reason:
        st.warning(reason, icon=":material/lock:")
    asked = _standing(home, overview, alive, bool(reason))
    refusal("queue")
    if not overview.runs:
        empty(
            "Nothing is queued",
            "Launch an ablation and watch it here: by run and by worker, with its speed and the time left.",
            "By command: `python -m vos_core run --dataset DAVIS --model propagation --memory_size 1 3 7`",
        )
        link("launch", "Launch an ablation", icon=":material/rocket_launch:")
    devices = gauges()
    if not devices:
        st.caption("No NVIDIA GPU here: models run on the CPU.")
    opened, wish = board(overview, devices, reason)
    if opened is not None:
        go("run", run=opened)
    if wish:
        asked = Action(wish["action"]), [int(run_id) for run_id in wish["runs"]]
    if asked:
        with asking("queue"):
            act(home, *asked, [run.id for run in overview.runs])
        st.rerun()
    _logs(home)
    return True


def exports(home: Home) -> None:
    """What other programs read: the time that each finished run took. Made when it is asked for."""
    if queries.state_counts(home.database).get(RunState.DONE.value):
        st.download_button(
            "Inference times (CSV)",
            lambda: inference_times(queries.timed_runs(home.database)),
            file_name="inference_times.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
            help="Dataset, Model, MemSize, NumGPUs, GPU_Names, InferenceTime_s of every run that is done: seconds with "
            "a worker on it, model loading included, pauses left out",
        )


def _standing(home: Home, overview: QueueOverview, alive: bool, shut: bool) -> tuple[Action, list[int]] | None:
    """Chips, and the buttons for all runs; returns what was just asked for."""
    states = Counter(run.state for run in overview.runs)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        parts = [chip(state, state=state, strong=str(number)) for state, number in sorted(states.items())]
        speeds = [worker.frames_per_second for worker in overview.workers if worker.frames_per_second]
        if overview.runs:
            done = sum(run.frames_done for run in overview.runs)
            frames = sum(run.frames for run in overview.runs)
            parts.append(chip(f"of {count(frames, 'frame')}", strong=f"{done:,}".replace(",", "\u2009")))
        if speeds:
            parts.append(chip("frames/s", strong=f"{sum(speeds):.1f}", tip="All workers together"))
        known = [run.seconds_left for run in overview.runs if run.seconds_left is not None]
        if known:
            # A run that no worker is on yet has no time of its own: the sum must not pass for the whole queue's.
            part = len(known) < states[RunState.QUEUED.value] + states[RunState.RUNNING.value]
            label = "left of what is under way" if part else "left"
            parts.append(chip(label, strong=duration(sum(known)), tip="Expected, from videos that are done"))
        if queries.pending_intent(home.database):
            parts.append(chip("asked, waiting for the dispatcher", state="queued"))
        elif not alive:
            idle = "rests: it starts when there is work"
            waiting = set(states) & {RunState.QUEUED.value, RunState.RUNNING.value}
            parts.append(chip(f"dispatcher {'is about to start' if waiting else idle}", state="queued"))
        chips(*parts)
        ids = [run.id for run in overview.runs]
        with st.container(horizontal=True, width="content"):
            going = states[RunState.QUEUED.value] + states[RunState.RUNNING.value]
            if going and st.button("Pause all", icon=":material/pause:", key="queue-pause-all", disabled=shut):
                return Action.PAUSE, ids
            paused = [run.id for run in overview.runs if run.state == RunState.PAUSED.value]
            if paused and st.button("Resume all", icon=":material/resume:", key="queue-resume-all", disabled=shut):
                return Action.RESUME, paused
    return None


def _logs(home: Home) -> None:
    with st.expander("Logs", icon=":material/terminal:", key="queue-logs"):
        files = log_files(home)
        if not files:
            st.caption("None yet: the dispatcher and each worker write one.")
            return
        name = st.selectbox("Log of", list(files), key="queue-log")
        try:
            text = tail(files[name], LOG_LINES) if name else ""
        except OSError as error:
            problems(f"The log {files[name]} cannot be read: {error.strerror}.")
            return
        st.caption(f"The last {LOG_LINES} lines of {files[name]}")
        st.code(text or "(empty)", language=None, wrap_lines=True)
