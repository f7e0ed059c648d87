"""Scoring a run once more, on the Run page: by MOSEv2's J&F-dot, and against a folder of masks that is no truth."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from db import queries
from db.models import Run
from db.states import RunState
from ui.launch.plan import launch_answer
from ui.parts.live import live
from ui.theme import problems
from ui.wording import DOT_TIPS, score
from vos_core.datasets import open_dataset
from vos_core.errors import InputError
from vos_core.execution.rescoring import why_no_dot
from vos_core.execution.submit import score as score_again
from vos_core.execution.submit import submit
from vos_core.home import Home
from vos_core.imports import plan_agreement
from vos_core.runs import RunSettings


def second_metric(home: Home, run: Run) -> None:
    """J&F-dot's figures, or the button that asks for them; nothing for a run that can have none."""
    if run.dot_scores is None and (not _is_over(run) or run.jf_mean is None or why_no_dot(run)):
        return
    st.subheader("Second metric: J&F-dot", anchor=False)
    if run.dot_scores is not None:
        for column, (name, value) in zip(st.columns(len(run.dot_scores)), run.dot_scores.items()):
            column.metric(name, score(value), help=DOT_TIPS.get(name))
        st.caption(
            "MOSEv2's metric, beside the official figures: its J and F are computed otherwise, so compare neither."
        )
        return
    if st.button(
        "Compute J&F-dot",
        icon=":material/add_chart:",
        key="score-dot",
        disabled=queries.pending_intent(home.database),
        help="MOSEv2's metric. The masks are scored once more; the official figures stay as they are.",
    ):
        try:
            score_again(home, [run.id], dot=True)
        except InputError as error:
            problems(str(error))
        else:
            st.rerun()


def agreement_form(home: Home, run: Run) -> None:
    """Holds the run's masks against those of a folder: a run of its own, of agreement and no J&F."""
    if run.state != RunState.DONE.value or run.reference:
        return
    with st.expander("Score against a folder"):
        with st.form(f"agreement-form-{run.id}", border=False):
            against = st.text_input(
                "Folder of masks",
                key="agreement-path",
                placeholder="/path/to/sample_submission_valid_all",
                help="VIDEO/FRAME.png, such as MOSE's sample submission.",
            )
            st.caption("These masks are no ground truth: what comes out is agreement with the folder, and no J&F.")
            asked = st.form_submit_button("Score against it", icon=":material/balance:", key="agreement")
        if asked:
            try:
                if not (against or "").strip():
                    raise InputError("Give the folder of the masks.")
                default_split = open_dataset(home.locate(run.dataset_path), run.dataset).default_split
                settings = RunSettings.from_values(run.settings)
                plan = plan_agreement(home, settings, default_split, run.predictions, Path(against.strip()))
                st.session_state[f"agreement-intent-{run.id}"] = submit(plan, home)
            except InputError as error:
                problems(str(error))
        intent_id: int | None = st.session_state.get(f"agreement-intent-{run.id}")
        if intent_id is not None:
            live(partial(launch_answer, home, intent_id), key=f"agreement-answer-{intent_id}")


def _is_over(run: Run) -> bool:
    return RunState(run.state).ended
