"""Two runs side by side: which is better and how sure that is, where they differ, video by video, object by object."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from db import queries
from db.models import Run
from ui.figures import CONFIG, difference_bars
from ui.navigation import address, go
from ui.table import Column, Row, table
from ui.theme import plain
from ui.wording import is_official, run_choice, run_title, score, score_meaning
from vos_core.analysis.bootstrap import paired_difference
from vos_core.analysis.comparisons import Comparison, compare
from vos_core.errors import InputError
from vos_core.home import Home


def comparable(runs: Mapping[str, Run]) -> dict[str, Run]:
    """Runs that have, or will have, scores to compare."""
    return {key: run for key, run in runs.items() if run.scorable and run.videos_done}


def two_runs(runs: Mapping[str, Run]) -> tuple[Run, Run]:
    """Two selectboxes, whose choice lives in the address as `runs=1,2`; sensible ones where it says none."""
    asked = [key for key in st.query_params.get("runs", "").split(",") if key in runs]
    first = asked[0] if asked else _second(runs, next(iter(runs)))
    second = asked[1] if len(asked) > 1 else _second(runs, first)
    st.session_state["compare-a"], st.session_state["compare-b"] = first, second

    def remember() -> None:
        st.query_params["runs"] = f"{st.session_state['compare-a']},{st.session_state['compare-b']}"

    keys = list(runs)
    left, middle, right = st.columns([6, 1, 6], vertical_alignment="bottom")
    with left:
        st.selectbox("A", keys, format_func=lambda key: run_choice(runs[key]), key="compare-a", on_change=remember)
    with middle:
        if st.button("Swap", icon=":material/swap_horiz:", key="compare-swap", width="stretch"):
            st.query_params["runs"] = f"{second},{first}"
            st.rerun()
    with right:
        st.selectbox("B", keys, format_func=lambda key: run_choice(runs[key]), key="compare-b", on_change=remember)
    return runs[first], runs[second]


def _second(runs: Mapping[str, Run], key: str) -> str:
    """The run to hold `key` against: the first one that measures the same on the same dataset, else any other."""
    one = runs[key]
    others = [other for other in runs if other != key]
    alike = [other for other in others if _ground(runs[other]) == _ground(one)]
    return next(iter([*alike, *others, key]))


def _ground(run: Run) -> tuple[str, str]:
    return run.dataset_path, score_meaning(run)


def comparison(home: Home, a: Run, b: Run) -> None:
    """Draw all of it. Raises InputError when the two cannot be compared."""
    if a.id == b.id:
        raise InputError("This is one run twice: choose two runs.")
    if score_meaning(a) != score_meaning(b):
        raise InputError(
            f"The figures of run {a.id} are {score_meaning(a)}, those of run {b.id} are {score_meaning(b)}: "
            "they measure different things and cannot be compared."
        )
    if a.dataset_path != b.dataset_path:
        raise InputError(
            f"Run {a.id} is on {a.dataset} in {home.locate(a.dataset_path)}, run {b.id} on {b.dataset} in "
            f"{home.locate(b.dataset_path)}: choose runs on one dataset."
        )
    found = compare(queries.object_rows(home.database, a.id), queries.object_rows(home.database, b.id))
    names = (f"#{a.id} {run_title(a)}", f"#{b.id} {run_title(b)}")
    if not found.objects:
        raise InputError(found.scope(names))
    measure = "J&F" if is_official(a) else "Mean"
    if not is_official(a):
        st.warning(f"These figures are {plain(score_meaning(a))}, no J&F.", icon=":material/balance:")
    _verdict(found, names, measure)
    _videos(found, a, b, names, measure)
    _objects(found, a, b, measure)


def _verdict(found: Comparison, names: tuple[str, str], measure: str) -> None:
    told = paired_difference(found)
    st.markdown(f"#### {plain(told.sentence(names))}")
    st.caption(plain(found.scope(names)))
    tally = found.video_tally
    columns = st.columns(4)
    columns[0].metric(f"A: {measure}", score(found.a))
    columns[1].metric(f"B: {measure}", score(found.b))
    columns[2].metric("B minus A, points", f"{100 * found.difference:+.1f}")
    columns[3].metric("Videos: B ahead, level, A ahead", f"{tally.wins} · {tally.ties} · {tally.losses}")
    if told.low is not None:
        st.caption(f"{told.confidence:.0%} interval: {plain(told.kind)}.")


def _worse(a: Run, b: Run, difference: float) -> int:
    return a.id if difference > 0 else b.id


def _videos(found: Comparison, a: Run, b: Run, names: tuple[str, str], measure: str) -> None:
    st.subheader("Per video", anchor=False)
    event = st.plotly_chart(
        difference_bars(found.videos, names, measure),
        key=f"difference-bars-{a.id}-{b.id}",
        on_select="rerun",
        selection_mode="points",
        config=CONFIG,
        alt=f"Points of {measure} that B gains over A in each video, largest difference first.",
    )
    points = event.selection.points
    if points:
        by_name = {row.video: row for row in found.videos}
        go("inspect", run=_worse(a, b, by_name[points[0]["x"]].difference), video=points[0]["x"])
    st.caption("Largest difference first. A bar opens the video in Inspect, of the run that does worse there.")


def _objects(found: Comparison, a: Run, b: Run, measure: str) -> None:
    st.subheader("Per object", anchor=False)
    j, f = ("J", "F") if is_official(a) else ("Region", "Contour")
    columns = [
        Column("sequence", "Sequence", tip="video_object, as the official toolkit lists them"),
        Column("a", f"A: {measure}", "number"),
        Column("b", f"B: {measure}", "number"),
        Column("difference", "B minus A", "number", "points", 1),
        Column("j", f"{j}: B minus A", "number", "points", 1),
        Column("f", f"{f}: B minus A", "number", "points", 1),
    ]
    places: dict[str, dict[str, object]] = {}
    rows = []
    for row in found.objects:
        place = {"run": _worse(a, b, row.difference), "video": row.video, "object": row.object_id}
        places[row.sequence] = place
        cells = {
            "sequence": row.sequence,
            "a": row.a,
            "b": row.b,
            "difference": 100 * row.difference,
            "j": 100 * row.j_difference,
            "f": 100 * row.f_difference,
        }
        rows.append(Row(row.sequence, address("inspect", **place), cells))
    opened = table(columns, rows, key="compared-objects", caption="Each object in both runs", height=520)
    if opened in places:
        go("inspect", **places[opened])
    st.caption("A row opens the object in Inspect, of the run that does worse there.")
