"""2 to 8 runs side by side: which is best and how sure that is; where they differ, by video, object and attribute."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from db.models import Run
from db.queries import object_rows_of
from ui.compare.charts import Mark, difference_bars
from ui.compare.choice import called
from ui.compare.figures import verdict
from ui.compare.heat import HeatRow, heat_table
from ui.compare.opening import open_video, video_address
from ui.compare.views import attributes, objects, pair_scatter
from ui.navigation import switch
from ui.theme import plain
from ui.wording import count, distinctions, is_official, score_meaning
from vos_core.analysis.lineup import LETTERS, Lineup, line_up
from vos_core.errors import InputError
from vos_core.home import Home

_VIEWS = {"scatter": "Scatter", "objects": "Objects", "attributes": "Attributes"}


def comparison(home: Home, runs: Sequence[Run]) -> None:
    """Draw all of it. Raises InputError when the runs have nothing in common."""
    rows = object_rows_of(home.database, [run.id for run in runs])
    lineup = line_up([rows[run.id] for run in runs])
    if not lineup.objects:
        raise InputError(lineup.scope([called(run) for run in runs]) + " Take a run out of the choice.")
    measure = "J&F" if is_official(runs[0]) else "Mean"
    if not is_official(runs[0]):
        st.warning(f"These figures are {plain(score_meaning(runs[0]))}, no J&F.", icon=":material/balance:")
    verdict(lineup, runs, measure)
    other = _other(runs)
    _bars(home, lineup, runs, other, measure)
    over = _heat(home, lineup, runs, measure)
    view = switch("view", "More", _VIEWS)
    if view == "objects":
        objects(home, lineup, runs, other, measure)
    elif view == "attributes":
        attributes(home, lineup, runs, measure, against_first=over)
    else:
        pair_scatter(home, lineup, runs, other, measure)


def _other(runs: Sequence[Run]) -> int:
    """The index of the run whose differences from A are drawn; a choice where there are several."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        st.subheader("Difference per video", anchor=False)
        if len(runs) == 2:
            return 1
        letters = {str(run.id): f"{LETTERS[index]} − A" for index, run in enumerate(runs) if index}
        chosen = switch("pair", "Which pair", letters)
    return next(index for index, run in enumerate(runs) if index and str(run.id) == chosen)


def _bars(home: Home, lineup: Lineup, runs: Sequence[Run], other: int, measure: str) -> None:
    marks = [
        Mark(row.video, row.video, row.a, row.b, video_address(runs, row.video)) for row in lineup.differences(other)
    ]
    told = distinctions([runs[0], runs[other]])
    names = (f"A: {told[runs[0].id]}", f"{LETTERS[other]}: {told[runs[other].id]}")
    opened = difference_bars(marks, names, measure, key="compare-bars")
    if opened is not None and any(mark.id == opened for mark in marks):
        open_video(home, runs, opened)


def _heat(home: Home, lineup: Lineup, runs: Sequence[Run], measure: str) -> bool:
    """Draw the heat table; returns whether points over A are shown in place of scores."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        st.subheader("Videos and runs", anchor=False)
        over = switch("colour", "Cells", {"score": measure, "difference": "Points over A"}) == "difference"
    told = distinctions(runs)
    titles = [(LETTERS[index], told[run.id]) for index, run in enumerate(runs)]
    order = sorted(lineup.videos, key=lambda line: (-line.spread, line.video))
    opened = heat_table(
        [
            HeatRow(
                line.video,
                line.video,
                line.values,
                href=video_address(runs, line.video),
                tip=f"{count(line.objects, 'object')}; opens where the runs differ most",
            )
            for line in order
        ],
        titles,
        key="compare-heat",
        caption=f"{measure} of each video in each run, the largest spread first",
        corner="Video",
        measure=measure,
        against_first=over,
    )
    if opened and any(line.video == opened.id for line in order):
        of = runs[opened.run] if opened.run is not None and opened.run < len(runs) else None
        open_video(home, runs, opened.id, of=of)
    st.caption(
        "A click opens Inspect with all of these runs side by side: a cell at that run's worst frame, a video, bar or "
        "mark where the runs differ most."
    )
    return over
