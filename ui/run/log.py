"""A run's log: what the dispatcher wrote of it, and the end of what the workers on its videos wrote."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from db.models import Run, VideoTask
from db.states import RunState
from ui.navigation import switch
from ui.theme import problems
from vos_core.home import Home
from vos_core.logs import log_files, run_lines, tail

RUN_LINES = 200
WORKER_LINES = 60


def run_log(home: Home, run: Run, tasks: Sequence[VideoTask]) -> bool:
    """Draw it; returns whether more may come."""
    files = log_files(home)
    workers = sorted({task.worker for task in tasks if task.worker} & files.keys())
    name = switch("log", "Log of", {"run": "This run", **{worker: f"Worker {worker}" for worker in workers}})
    path = files.get("dispatcher" if name == "run" else name)
    try:
        text = "" if path is None else run_lines(path, run.id, RUN_LINES) if name == "run" else tail(path, WORKER_LINES)
    except OSError as error:
        problems(f"The log {path} cannot be read: {error.strerror}.")
        return False
    if not text:
        nothing = (
            "It has not begun."
            if run.state == RunState.QUEUED.value
            else "The dispatcher's log has no word of this run."
        )
        st.caption(nothing if name == "run" else "This worker wrote nothing: it writes only what goes wrong.")
    else:
        st.code(text, language=None, wrap_lines=True, height=420)
        what = f"The last {RUN_LINES} lines about run {run.id}" if name == "run" else f"The last {WORKER_LINES} lines"
        st.caption(f"{what} of {path}" + ("" if name == "run" else "; other runs' among them"))
    return run.state == RunState.RUNNING.value
