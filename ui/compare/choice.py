"""Which runs are compared: 2 to 8 of them in an order, the first the baseline; the choice lives in the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from db.models import Run
from ui.navigation import bind, link, numbers, remember
from ui.theme import plain, sentences
from ui.wording import run_choice, run_title, score_meaning
from vos_core.analysis.lineup import MOST, Ground
from vos_core.home import Home

_SUGGESTED = 6


def comparable(runs: Sequence[Run]) -> dict[str, Run]:
    """Runs that have scores to compare, by id as text."""
    return {str(run.id): run for run in runs if run.scorable and run.videos_done}


def called(run: Run) -> str:
    """A run in a sentence: `#5 Propagation, N = 5`."""
    return f"#{run.id} {run_title(run)}"


def chosen_runs(home: Home, every: Sequence[Run]) -> list[Run]:
    """Draw the choice; returns the runs that can be compared with the first of it, which comes first.

    `every` are all runs, `comparable` or not: of those that the address names it is said why they are left out.
    """
    known = {str(run.id): run for run in every}
    runs = comparable(every)
    asked = [str(run_id) for run_id in numbers("runs")]
    chosen = [key for key in asked if key in runs][:MOST] or _pair(runs)
    told = [_missing(key, known) for key in asked if key not in runs]
    if len([key for key in asked if key in runs]) > MOST:
        told.append(f"The address names more than {MOST} runs: the first {MOST} are compared.")
    offered = {key: run for key, run in runs.items() if not run.archived or key in chosen}
    _choice(offered, chosen)
    return _alike(home, [runs[key] for key in chosen], runs, told)


def _missing(key: str, known: Mapping[str, Run]) -> str:
    run = known.get(key)
    if run is None:
        return f"There is no run {key} (any more)."
    if not run.scorable:
        return f"{called(run)} has no scores: its split is annotated on first frames only."
    return f"{called(run)} has no scores yet: it is {run.state}."


def _pair(runs: Mapping[str, Run]) -> list[str]:
    """What to compare where the address does not say: the newest run that has one like it; whole runs first."""
    listed = {key: run for key, run in runs.items() if not run.archived} or dict(runs)
    whole = {key: run for key, run in listed.items() if run.videos_done == run.videos}
    pairs = ([key, *_others(run, among)[:1]] for among in (whole, listed) for key, run in among.items())
    return next((pair for pair in pairs if len(pair) > 1), list(listed)[:1])


def _others(run: Run, runs: Mapping[str, Run]) -> list[str]:
    """Runs to hold one against: those that measure the same, of its own ablation first."""
    alike = [key for key, other in runs.items() if other.id != run.id and _measures(other) == _measures(run)]
    return sorted(alike, key=lambda key: runs[key].ablation_id != run.ablation_id)


def _measures(run: Run) -> tuple[str, str]:
    return run.dataset_path, score_meaning(run)


def _choice(runs: Mapping[str, Run], chosen: list[str]) -> None:
    """The widgets. They write the address, from which the page is drawn anew."""
    st.query_params["runs"] = ",".join(chosen)
    bind("runs")
    st.session_state["compare-runs"] = chosen
    st.session_state["compare-baseline"] = chosen[0]

    def keep() -> None:
        remember({"runs": ",".join(st.session_state["compare-runs"])})

    def rebase() -> None:
        first = st.session_state["compare-baseline"]
        remember({"runs": ",".join([first, *(key for key in st.session_state["compare-runs"] if key != first)])})

    def swap() -> None:
        remember({"runs": ",".join(reversed(st.session_state["compare-runs"]))})

    left, right = st.columns([5, 2], vertical_alignment="bottom")
    with left:
        st.multiselect(
            "Runs, the baseline A first",
            list(runs),
            format_func=lambda key: run_choice(runs[key]),
            max_selections=MOST,
            key="compare-runs",
            on_change=keep,
            placeholder=f"Choose 2 to {MOST} runs",
        )
    with right:
        if len(chosen) == 2:
            st.button("Swap A and B", icon=":material/swap_horiz:", key="compare-swap", width="stretch", on_click=swap)
        elif len(chosen) > 2:
            st.selectbox(
                "Baseline A",
                chosen,
                format_func=lambda key: called(runs[key]),
                key="compare-baseline",
                on_change=rebase,
            )


def _alike(home: Home, chosen: list[Run], runs: Mapping[str, Run], told: list[str]) -> list[Run]:
    """Those of the choice that measure what the first does; says which do not, and what else there is."""
    first, *others = chosen
    ground = _ground(home, first)
    kept = [first]
    for other in others:
        objection = ground.objection(called(first), _ground(home, other), called(other))
        if objection is None:
            kept.append(other)
        else:
            told.append(f"{objection[0].upper()}{objection[1:]}")
    if told and len(kept) > 1:
        st.warning("  \n".join([*map(plain, told), "The rest is compared."]), icon=":material/balance:")
    elif told:
        sentences([*map(plain, told)])
    if len(kept) < 2:
        _suggestions(first, runs)
    return kept


def _ground(home: Home, run: Run) -> Ground:
    return Ground(run.dataset, str(home.locate(run.dataset_path)), score_meaning(run))


def _suggestions(run: Run, runs: Mapping[str, Run]) -> None:
    others = _others(run, runs)[:_SUGGESTED]
    if not others:
        st.info(
            f"No other run measures {plain(score_meaning(run))} on {plain(run.dataset)}: launch one more there.",
            icon=":material/rocket_launch:",
        )
        link("launch", "Launch an ablation", icon=":material/rocket_launch:")
        return
    st.markdown(f"Compare {plain(called(run))} with:")
    for key in others:
        link("compare", run_choice(runs[key]), icon=":material/compare_arrows:", runs=f"{run.id},{key}")
