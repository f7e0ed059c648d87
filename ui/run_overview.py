"""The live part of the Runs page: summary line, tables, J&F against memory size, published scores."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from db import queries
from db.models import Run, Worker
from db.states import RunState
from ui.figures import CONFIG, has_memory_curve, memory_curve
from ui.reference_table import reference_table
from ui.run_table import other_table, run_table
from ui.theme import chip, chips, empty
from ui.wording import count, is_active, is_official
from vos_core.execution.submit import dispatcher_alive
from vos_core.home import Home
from vos_core.reference import reference_rows


def overview(home: Home, ablation: int | None) -> bool:
    """Draw runs of one ablation (None: all); returns whether anything is under way."""
    everything = queries.runs(home.database)
    runs = [run for run in everything if ablation is None or run.ablation_id == ablation]
    pending = queries.pending_intent(home.database)
    active = pending or any(is_active(run) for run in everything)
    alive = active and dispatcher_alive(home)
    _summary(runs, queries.workers(home.database) if alive else [], pending, alive, active)
    if not runs:
        what_next = "The dispatcher is about to queue what you launched." if pending else "Choose another ablation."
        empty("Nothing here yet", what_next)
        return active
    official = [run for run in runs if is_official(run)]
    others = [run for run in runs if not is_official(run)]
    if official:
        run_table(official, key="runs-table")
    if others:
        st.subheader("Not J&F", anchor=False)
        st.caption("These figures are not computed against ground truth alone: compare them with no J&F.")
        other_table(others, key="others-table")
    references = [row for row in reference_rows() if any(row.is_on(run.dataset, run.split) for run in runs)]
    if has_memory_curve(official):
        st.subheader("J&F against memory size", anchor=False)
        st.plotly_chart(
            memory_curve(official, references),
            key="memory-curve",
            config=CONFIG,
            alt="J&F-Mean of each run against its memory size, one line a model; methods without memory "
            "and published scores are dashed.",
        )
        st.caption(
            "Dashed: methods without memory, and published scores of the same memory mode. "
            "Object pointers are independent of N: even at N = 1 some history remains."
        )
    if references:
        reference_table(references)
    return active


def _summary(runs: Sequence[Run], workers: Sequence[Worker], pending: bool, alive: bool, active: bool) -> None:
    parts = []
    for state in RunState:
        number = sum(run.state == state.value for run in runs)
        if number:
            parts.append(chip(state.value, state=state.value, strong=str(number)))
    frames = sum(run.frames_done for run in runs if is_active(run))
    total = sum(run.frames for run in runs if is_active(run))
    if total:
        parts.append(chip(f"of {count(total, 'frame')}", strong=f"{frames:,}".replace(",", "\u2009")))
    for worker in workers:
        speed = f" · {worker.frames_per_second:.1f} frames/s" if worker.frames_per_second else ""
        parts.append(chip(f"{worker.name} {worker.state}{speed}", tip=worker.device))
    if pending:
        parts.append(chip("waiting for the dispatcher", state="queued"))
    elif active and not alive:
        parts.append(chip("no dispatcher: the app is starting one", state="queued"))
    chips(*parts)
