"""The right half of the Launch page: what the grid would queue, what stands against it, and the button."""

from __future__ import annotations

import streamlit as st

from db import queries
from db.states import IntentState
from ui.live import live
from ui.navigation import link
from ui.theme import problems
from ui.wording import count
from vos_core.errors import InputError
from vos_core.execution.pace import past_cpu_seconds
from vos_core.execution.submit import submit
from vos_core.home import Home
from vos_core.launch import LaunchPlan, plan_launch
from vos_core.runs import Grid


# Every change of the form asks again, and reading the headers of a big split takes seconds on a network disk.
@st.cache_data(ttl=20, max_entries=32, show_spinner="Checking frames and annotations")
def _looked_at(grid: Grid, home: Home, name: str) -> LaunchPlan:
    return _plan(grid, home, name)


def _plan(grid: Grid, home: Home, name: str) -> LaunchPlan:
    return plan_launch(grid, home, name, past=past_cpu_seconds(home.database))


def plan_panel(grid: Grid | InputError, home: Home) -> None:
    """Show the plan of `grid`, or why there is none; queue it when the button is pressed."""
    with st.container(border=True, key="plan"):
        st.subheader("What will be queued", anchor=False)
        name = st.text_input("Name of the ablation", key="launch-name", placeholder="From its datasets and models")
        plan = _draw(grid, home, name.strip() if name else "")
        if st.button(
            f"Launch {count(len(plan.runs), 'run')}" if plan else "Launch",
            type="primary",
            icon=":material/rocket_launch:",
            disabled=plan is None,
            width="stretch",
            key="launch-button",
        ):
            _queue(grid, home, name.strip() if name else "")
    intent_id = st.session_state.get("launch-intent")
    if intent_id is not None:
        live(lambda: launch_answer(home, intent_id), key="launch-answer")


def _draw(grid: Grid | InputError, home: Home, name: str) -> LaunchPlan | None:
    try:
        if isinstance(grid, InputError):
            raise grid
        plan = _looked_at(grid, home, name)
    except InputError as error:
        problems(str(error))
        st.caption("Nothing is queued until this is mended.")
        return None
    columns = st.columns(3)
    columns[0].metric("Runs", len(plan.runs))
    columns[1].metric("Videos", f"{plan.videos:,}".replace(",", "\u2009"))
    columns[2].metric("Frames", f"{plan.frames:,}".replace(",", "\u2009"))
    with st.expander("The runs"):
        st.dataframe(
            {
                "Dataset": [run.settings.dataset for run in plan.runs],
                "Run": [run.settings.label for run in plan.runs],
                "Videos": [len(run.videos) for run in plan.runs],
                "Frames": [run.frames for run in plan.runs],
            },
            hide_index=True,
            height="content" if len(plan.runs) < 12 else 420,
        )
    if not all(run.scorable for run in plan.runs):
        st.info("A split annotated on first frames only runs and can be looked at, but has no scores.")
    st.caption("The same by command:")
    st.code(plan.command, language="bash", wrap_lines=True)
    return plan


def _queue(grid: Grid | InputError, home: Home, name: str) -> None:
    try:
        if isinstance(grid, InputError):
            raise grid
        # Planned anew: the plan that was looked at may be older than the files.
        st.session_state["launch-intent"] = submit(_plan(grid, home, name), home)
    except InputError as error:
        problems(str(error))


def launch_answer(home: Home, intent_id: int) -> bool:
    """What the dispatcher says of a launch; returns whether it has still to answer."""
    intent = queries.intent(home.database, intent_id)
    if intent is None:
        return False
    if intent.state == IntentState.PENDING.value:
        st.info("Handed to the dispatcher; it queues the runs in a moment.", icon=":material/hourglass_top:")
        link("runs", "See the runs", icon=":material/leaderboard:")
        return True
    if intent.state == IntentState.REFUSED.value:
        problems(str(intent.answer.get("error", "The dispatcher refused this launch.")))
        return False
    st.success("Queued. The runs go on in the background, also when this page is closed.", icon=":material/check:")
    link("runs", "See the runs", icon=":material/leaderboard:")
    return False
