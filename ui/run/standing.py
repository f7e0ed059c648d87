"""The head of the Run page: where the run stands, what may be done about it, its seven figures, and what went wrong."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from db import queries
from db.models import Run, VideoTask
from db.states import RunState, ScoreKind, TaskState
from ui.launch.templates import relaunch_link
from ui.navigation import again, link
from ui.parts.refusal import asking, refusal
from ui.queue.actions import TIPS, Action, act, locked, offered
from ui.results.labels import ask_for
from ui.theme import chip, chips, plain, sentences
from ui.wording import SCORES, count, duration, is_active, is_official, run_seconds, score, score_labels
from vos_core.home import Home

ERRORS_SHOWN = 20
_ICONS = {
    Action.RETRY: ":material/replay:",
    Action.RESUME: ":material/resume:",
    Action.PAUSE: ":material/pause:",
    Action.CANCEL: ":material/stop_circle:",
}
_MORE = {RunState.DONE.value, RunState.FAILED.value, RunState.CANCELLED.value}


def parts(run: Run, scored: bool) -> dict[str, str]:
    """What the page shows one at a time under the bars, by its name in the address; the likeliest wish first."""
    disagrees = run.score_kind == ScoreKind.AGREEMENT.value
    found = {
        "objects": "Objects",
        "time": "Over time",
        "failures": "Disagreements" if disagrees else "Failures",
        "videos": "Videos",
        "background": "Settings and timings",
        "log": "Log",
        "more": "More scores",
    }
    if not scored:
        for name in ("objects", "time", "failures"):
            del found[name]
    if run.state != RunState.DONE.value:
        del found["more"]
    elif not run.scorable:  # splits without annotations are what servers score: it is what one comes for
        del found["more"]
        found = {"more": "For a server", **found}
    return found


def leads(run: Run) -> None:
    """From here to other pages: beside another run, its failures, its masks, its settings once more."""
    with st.container(horizontal=True, gap="medium", key="leads"):
        if run.scorable and run.videos_done:
            link("compare", "Compare with another run", icon=":material/compare_arrows:", runs=run.id)
            link("failures", "Failures as pictures", icon=":material/photo_library:", run=run.id)
        if run.videos_done:
            link("inspect", "Look at the masks", icon=":material/frame_inspect:", run=run.id)
        if relaunch_link(run):
            link("launch", "Launch with these settings", icon=":material/rocket_launch:", like=run.id)


def standing(home: Home, drawn: Run) -> bool:
    """The live head of the page: state, progress, buttons, the seven figures. Returns whether to poll.

    `drawn` is the run as the rest of the page shows it: when a video more is done, the page is drawn anew.
    """
    run = queries.run_by_id(home.database, drawn.id)
    if run is None:
        st.error("This run was deleted.")
        link("results", "The runs that there are", icon=":material/leaderboard:")
        return False
    waiting = queries.pending_intent(home.database)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="standing"):
        chips(*_chips(run, waiting))
        _buttons(home, run, waiting)
    # Behind the buttons: what was pressed counts for this run of the page only.
    if (run.videos_done, run.videos_failed, run.state) != (drawn.videos_done, drawn.videos_failed, drawn.state):
        again()
    refusal(f"run-{run.id}")
    if is_active(run) or run.state == RunState.PAUSED.value:
        st.progress(run.frames_done / run.frames if run.frames else 0.0)
    _figures(run)
    if run.error:
        st.error(plain(run.error))
    _errors(queries.tasks(home.database, run.id) if run.videos_failed else [])
    return waiting or is_active(run)


def _chips(run: Run, waiting: bool) -> list[str]:
    parts = [
        chip(run.state, state=run.state),
        chip(f"of {count(run.videos, 'video')}", strong=str(run.videos_done)),
        chip(f"of {count(run.frames, 'frame')}", strong=f"{run.frames_done:,}".replace(",", "\u2009")),
    ]
    if (seconds := run_seconds(run)) is not None:
        parts.append(chip(duration(seconds), tip="Time with at least one worker on the run"))
    if is_active(run) and run.frames_per_second:
        parts.append(chip("frames/s", strong=f"{run.frames_per_second:.1f}", tip="Now, all workers on it together"))
    if is_active(run) and run.seconds_left is not None:
        parts.append(chip("left", strong=duration(run.seconds_left), tip="Expected, from videos that are done"))
    if run.videos_failed:
        parts.append(chip(f"{count(run.videos_failed, 'video')} failed", state="failed"))
    if waiting:
        parts.append(chip("asked, waiting for the dispatcher", state="queued"))
    return parts


def _buttons(home: Home, run: Run, waiting: bool) -> None:
    """What may be asked of the run now, the likeliest wish first."""
    reason = locked(home)
    names = {action: action.value.capitalize() for action in _ICONS}
    names[Action.RETRY] = f"Retry {count(run.videos_failed, 'failed video')}"
    first = next((action for action in (Action.RETRY, Action.RESUME) if action in offered([run])), None)
    with st.container(horizontal=True, width="content", gap="small"):
        for action in (action for action in _ICONS if action in offered([run])):
            if st.button(
                names[action],
                icon=_ICONS[action],
                key=action.value,
                type="primary" if action is first else "secondary",
                disabled=waiting or bool(reason),
                help=reason or TIPS[action],
            ):
                with asking(f"run-{run.id}"):
                    act(home, action, [run.id], [run.id])
                st.rerun()
        if st.button("Name", icon=":material/label:", key="label", help="Title, tags and notes"):
            ask_for("label", [run.id])
            st.rerun()
        if run.state in _MORE and st.button(
            "Delete", icon=":material/delete:", key="delete", disabled=waiting or bool(reason), help="Asks first"
        ):
            ask_for("delete", [run.id])
            st.rerun()


def _figures(run: Run) -> None:
    official = is_official(run)
    values = {name: getattr(run, name) for name, _ in SCORES} if official else run.other_scores or {}
    if values.get("jf_mean") is None:
        if not run.scorable:
            st.info("No scores: this split is annotated on first frames only, so there is nothing to score against.")
        elif run.state in (RunState.FAILED.value, RunState.CANCELLED.value):
            st.info("No official scores: they are means over all videos of the split, and some are missing.")
        return
    labels = score_labels(run)
    with st.container(key="figures"):
        for column, name in zip(st.columns(len(labels)), labels):
            column.metric(labels[name], score(values[name]))


def _errors(tasks: Sequence[VideoTask]) -> None:
    """Each failed video with its sentence, and what to do about it."""
    failed = [task for task in tasks if task.state == TaskState.FAILED.value]
    if not failed:
        return
    lines = [
        plain(line) if task.video in line else f"**{plain(task.video)}**: {plain(line)}"
        for task in failed
        for line in (task.error or "failed without a word").splitlines()
    ]
    if len(lines) > ERRORS_SHOWN:
        command = f"python -m vos_core show {failed[0].run_id}"
        lines[ERRORS_SHOWN:] = [f"and {len(lines) - ERRORS_SHOWN} more: `{command}` lists them all"]
    sentences(lines)
    st.caption(
        "What is done stays: mend what the sentences name, then retry, and only the failed videos are run again. What "
        "the worker wrote when it happened is below, in the log."
    )
