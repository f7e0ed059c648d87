"""The right half of the Launch page: what the grid would queue, what stands against it, and the button."""

from __future__ import annotations

import streamlit as st

from db import queries
from db.states import IntentState
from ui.launch.rows import refusal_groups, run_rows
from ui.navigation import link
from ui.parts.command import command
from ui.parts.fetch import fetch_control, size
from ui.parts.live import live
from ui.theme import plain, problems
from ui.wording import count, model_title
from vos_core.downloads import State
from vos_core.downloads.jobs import jobs
from vos_core.errors import InputError
from vos_core.execution.outlook import Outlook, Standing, outlook
from vos_core.execution.pace import past_cpu_seconds
from vos_core.execution.submit import submit
from vos_core.forecast import Forecast
from vos_core.home import Home
from vos_core.launch import CheckedGrid, LaunchPlan, check_grid, duration
from vos_core.runs import Grid

_ASKED = "launch-asked"  # (intent, what the form asked for) of the launch that is told of


# Every change of the form asks again, and reading the headers of a big split takes seconds on a network disk.
@st.cache_data(ttl=20, max_entries=32, show_spinner="Checking frames and annotations")
def _looked_at(grid: Grid, home: Home, name: str, fetched: tuple[State, ...]) -> CheckedGrid:
    return _checked(grid, home, name)


def _checked(grid: Grid, home: Home, name: str) -> CheckedGrid:
    return check_grid(grid, home, name, past=past_cpu_seconds(home.database))


def plan_panel(grid: Grid | InputError, home: Home, name: str) -> None:
    """Show the plan of `grid`, or why there is none; queue it when the button is pressed.

    What a launch changes of the plan stands below the button and the answer: a link moves for nobody who clicks it.
    """
    checked, ahead = _looked_over(grid, home, name)
    starting = ahead.starting if ahead else 0
    if st.button(
        _label(checked, starting),
        type="primary",
        icon=":material/rocket_launch:",
        disabled=not starting,
        width="stretch",
        key="launch-button",
    ):
        _queue(grid, home, name)
    if _ASKED in st.session_state:
        intent_id, asked = st.session_state[_ASKED]
        if asked == (grid, name):
            live(lambda: launch_answer(home, intent_id), key="launch-answer")
        else:
            forget_launch()
    if checked and ahead:
        _details(checked, ahead)


def forget_launch() -> None:
    """What became of a launch is told no more: the form asks for another one, or was left."""
    st.session_state.pop(_ASKED, None)


def _label(checked: CheckedGrid | None, starting: int) -> str:
    if checked is None or not starting:
        return (
            "Nothing to launch: every run is here"
            if checked and checked.plan.runs and not checked.problems
            else "Launch"
        )
    if checked.refused:
        return "Launch the other one" if starting == 1 else f"Launch the {starting} others"
    return f"Launch {count(starting, 'run')}"


def _looked_over(grid: Grid | InputError, home: Home, name: str) -> tuple[CheckedGrid | None, Outlook | None]:
    try:
        if isinstance(grid, InputError):
            raise grid
        # What was fetched in the meantime makes it another question.
        fetched = tuple(job.state(home) for job in jobs().values())
        checked = _looked_at(grid, home, name, fetched)
    except InputError as error:
        problems(str(error))
        st.caption("Nothing is queued until this is mended.")
        return None, None
    if checked.problems:
        problems("\n".join(checked.problems))
        st.caption("Nothing is queued until this is mended.")
        return checked, None
    ahead = outlook(checked.plan, home)
    if checked.plan.runs:
        _extent(checked.plan, ahead)
    _refused(checked, home)
    return checked, ahead


def _details(checked: CheckedGrid, ahead: Outlook) -> None:
    """What each run of the plan comes to, and the command that asks for the same."""
    if checked.plan.runs:
        for line in _notes(checked.plan, ahead):
            st.caption(line)
    with st.expander(f"The runs ({len(checked.plan.runs) + len(checked.refused)})"):
        run_rows(checked, ahead)
    if checked.plan.runs and not all(run.scorable for run in checked.plan.runs):
        st.info("A split annotated on first frames only runs and can be looked at, but has no scores.")
    st.caption("The same by command:")
    command(checked.plan.command, key="launch-command")


def _extent(plan: LaunchPlan, ahead: Outlook) -> None:
    """How much will be queued, how long it takes here, and the room that it takes."""
    runs = [run for run, standing in zip(plan.runs, ahead.standings) if standing.starts]
    columns = st.columns(3)
    columns[0].metric("Runs", len(runs))
    columns[1].metric("Videos", _thousands(sum(len(run.videos) for run in runs)))
    columns[2].metric("Frames", _thousands(sum(run.frames for run in runs)))
    told = ahead.forecast
    time, masks = st.columns([2, 1])
    time.metric("Time", _time(told) if runs else "–", help="From the videos that this machine has done")
    masks.metric("Masks", size(told.bytes), help="On the disk, in whole blocks")
    if not told.fits:
        st.warning(
            f"The disk of {plain(plan.outputs)} has {size(told.free_bytes)} free, and the masks will take about "
            f"{size(told.bytes)}: make room, or set VOSLAB\\_OUTPUTS to a folder on another disk.",
            icon=":material/hard_drive:",
        )


def _notes(plan: LaunchPlan, ahead: Outlook) -> list[str]:
    told = ahead.forecast
    notes = []
    here = {standing: ahead.standings.count(standing) for standing in Standing if standing is not Standing.NEW}
    words = {
        Standing.DONE: "done already: kept",
        Standing.UNDER_WAY: "under way already",
        Standing.PAUSED: "paused: resume it on the Queue page",
        Standing.RESUMED: "begun before: only what is missing is done",
    }
    notes += [f"{count(number, 'run')} {words[standing]}." for standing, number in here.items() if number]
    if told.unknown:
        names = ", ".join(model_title(model) for model in told.unknown)
        notes.append(f"No past run of {names} here: no time is said for it.")
    if any(run.note for run in told.runs):
        notes.append("Some of the time is taken from other memory sizes of the same model.")
    source = "the latest runs over these datasets" if told.masks_measured else "a usual mask of that many pixels"
    notes.append(f"{size(told.free_bytes)} free on the disk. The size of masks is reckoned from {source}.")
    return notes


def _time(told: Forecast) -> str:
    if told.seconds is None:
        return "not known"
    text = f"{max(1, round(told.seconds))} s" if told.seconds < 90 else duration(told.seconds)
    return f"about {text}{' + ?' if told.unknown else ''}"


def _refused(checked: CheckedGrid, home: Home) -> None:
    if not checked.refused:
        return
    total = len(checked.plan.runs) + len(checked.refused)
    st.error(f"**{len(checked.refused)} of {count(total, 'run')} cannot be launched.** What is against them:")
    for group in refusal_groups(checked.refused):
        with st.container(border=True, key=f"refused-{group.key}"):
            st.caption(f"**{count(group.runs, 'run')}**: {plain(group.cells)}")
            lines = [plain(line) for line in group.refusal.sentence.splitlines()]
            st.markdown("\n".join(f"- {line}" for line in lines) if len(lines) > 1 else lines[0])
            if group.refusal.fetch:
                fetch_control(home, group.refusal.fetch)


def _thousands(number: int) -> str:
    return f"{number:,}".replace(",", "\u2009")


def _queue(grid: Grid | InputError, home: Home, name: str) -> None:
    try:
        if isinstance(grid, InputError):
            raise grid
        # Checked anew: the plan that was looked at may be older than the files.
        checked = _checked(grid, home, name)
        if checked.problems:
            raise InputError("\n".join(checked.problems))
        st.session_state[_ASKED] = (submit(checked.plan, home), (grid, name))
    except InputError as error:
        problems(str(error))


def launch_answer(home: Home, intent_id: int) -> bool:
    """What the dispatcher says of a launch; returns whether it has still to answer."""
    intent = queries.intent(home.database, intent_id)
    if intent is None:
        return False
    if intent.state != IntentState.REFUSED.value:
        # Above the words, which change: it stays where the mouse is.
        link("results", "See the results", icon=":material/leaderboard:")
    if intent.state == IntentState.PENDING.value:
        st.info("Handed to the dispatcher; it queues the runs in a moment.", icon=":material/hourglass_top:")
        return True
    if intent.state == IntentState.REFUSED.value:
        problems(str(intent.answer.get("error", "The dispatcher refused this launch.")))
        return False
    here = len(intent.answer.get("existing", ()))
    kept = (
        f" {count(here, 'run')} of it {'was' if here == 1 else 'were'} here already: kept and completed."
        if here
        else ""
    )
    st.success(
        f"Queued. The runs go on in the background, also when this page is closed.{kept}", icon=":material/check:"
    )
    return False
