"""The live part of the Results page: summary line, leaderboard, and runs whose figures are no J&F."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from db import queries
from db.holder import held_elsewhere
from db.labels import label_runs
from db.leaderboard import archived_count, board_runs, run_ids
from db.models import Run, Worker
from db.states import RunState
from ui.navigation import again, go, number
from ui.parts.live import live
from ui.parts.refusal import asking, refusal
from ui.results.board import Asked, board
from ui.results.labels import ask_for
from ui.results.rows import board_columns, board_rows
from ui.results.run_table import other_table
from ui.theme import chip, chips, empty
from ui.wording import count, is_active
from vos_core.execution.submit import dispatcher_alive
from vos_core.home import Home

_SHOWN = "results-shown"  # runs of the last drawing
_DRAWN = "results-drawn"  # what figures were drawn from; not there until they are


def leaderboard(home: Home) -> list[Run]:
    """Draw the live part; returns the runs that it shows, for what is drawn of them once.

    When those change, or their scores, the whole page runs again.
    """
    st.session_state.pop(_DRAWN, None)
    live(lambda: _overview(home), key="runs", mark=partial(queries.runs_mark, home.database))
    runs: list[Run] = st.session_state.get(_SHOWN, [])
    st.session_state[_DRAWN] = _told_of(runs)
    return runs


def _overview(home: Home) -> bool:
    """Draw the runs that the address asks for; returns whether anything is under way."""
    ablation, baseline = number("ablation"), number("baseline")
    with_archived = bool(st.query_params.get("archived"))
    ablations = queries.ablations(home.database)
    loaded = board_runs(home.database, ablation_id=ablation, archived=with_archived, also=baseline)
    runs = [run for run in loaded if ablation in (None, run.ablation_id) and (with_archived or not run.archived)]
    guests = frozenset(run.id for run in loaded) - {run.id for run in runs}
    pending = queries.pending_intent(home.database)
    active = queries.has_work(home.database) or any(is_active(run) for run in loaded)
    alive = active and dispatcher_alive(home)
    _summary(runs, queries.workers(home.database) if alive else [], pending, alive, active)
    refusal("results")
    away = archived_count(home.database)
    if not runs and not (ablation or away):
        if not pending:
            again()  # the last run was deleted: the page then says what to do
        empty("Nothing here yet", "The dispatcher is about to queue what you launched.")
        _show([])
        return active
    told = board(
        board_columns(loaded),
        board_rows(loaded, ablations, guests=guests),
        ablations=[(str(row.id), f"{row.id}: {row.name}") for row in sorted(ablations.values(), key=lambda a: -a.id)],
        archived=away,
        elsewhere=sorted(run_ids(home.database) - {run.id for run in loaded}),
        locked=held_elsewhere(queries.lease(home.database)) or "",
    )
    if told.asked:
        _act(home, told.asked)
    shown = runs if told.shown is None else [run for run in runs if run.id in set(told.shown)]
    others = [run for run in shown if run.other_scores]
    if others:
        st.subheader("Not J&F", anchor=False)
        st.caption("These figures are not computed against ground truth alone: compare them with no J&F.")
        other_table(others, key="others-table")
    _show(shown)
    return active


def _show(runs: list[Run]) -> None:
    """Tell what is shown; what was drawn of other runs, or of older scores, is drawn again."""
    st.session_state[_SHOWN] = runs
    drawn = st.session_state.get(_DRAWN)
    if drawn is not None and drawn != _told_of(runs):
        again()


def _told_of(runs: Sequence[Run]) -> list[tuple[object, ...]]:
    """What figures and exports tell of runs: a poll in which none of it changed needs no new ones."""
    return [(run.id, run.title, run.state, run.jf_mean, run.dot_scores) for run in runs]


def _act(home: Home, asked: Asked) -> None:
    ids = asked.runs
    if asked.action == "open":
        go("run", run=ids[0])
    elif asked.action == "compare":
        go("compare", runs=",".join(str(run_id) for run_id in ids))
    elif asked.action == "inspect":
        go("inspect", run=ids[0], **({"with": ",".join(str(run_id) for run_id in ids[1:])} if ids[1:] else {}))
    else:
        with asking("results"):
            if asked.action in ("archive", "unarchive"):
                label_runs(home.database, ids, archived=asked.action == "archive")
            else:
                ask_for(asked.action, ids)
        again()


def _summary(runs: Sequence[Run], workers: Sequence[Worker], pending: bool, alive: bool, active: bool) -> None:
    parts = []
    for state in RunState:
        total = sum(run.state == state.value for run in runs)
        if total:
            parts.append(chip(state.value, state=state.value, strong=str(total)))
    frames = sum(run.frames_done for run in runs if is_active(run))
    of_all = sum(run.frames for run in runs if is_active(run))
    if of_all:
        parts.append(chip(f"of {count(of_all, 'frame')}", strong=f"{frames:,}".replace(",", "\u2009")))
    for worker in workers:
        speed = f" · {worker.frames_per_second:.1f} frames/s" if worker.frames_per_second else ""
        parts.append(chip(f"{worker.name} {worker.state}{speed}", tip=worker.device))
    if pending:
        parts.append(chip("waiting for the dispatcher", state="queued"))
    elif active and not alive:
        parts.append(chip("no dispatcher: the app is starting one", state="queued"))
    chips(*parts)
