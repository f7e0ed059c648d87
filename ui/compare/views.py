"""What of a comparison is drawn on demand: the scatter of a pair, its objects, and the objects' attributes."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from db.models import Run
from ui.compare.charts import Mark, scatter
from ui.compare.heat import HeatRow, heat_table
from ui.compare.opening import open_video, video_address
from ui.navigation import switch
from ui.parts.table import Column, Row, table
from ui.wording import count, distinctions, is_official, run_title
from vos_core.analysis.attributes import MEANINGS, attribute_lines, collect, shapes_file
from vos_core.analysis.lineup import LETTERS, Lineup
from vos_core.datasets import open_dataset
from vos_core.home import Home

_MEASURE_S = 1.5  # at a time, so that a large dataset is seen to be worked on


def pair_scatter(home: Home, lineup: Lineup, runs: Sequence[Run], other: int, measure: str) -> None:
    """Run `other` (its index) against A: a mark a video, or an object."""
    by_object = switch("marks", "A mark is", {"video": "a video", "object": "an object"}) == "object"
    pair = [runs[0], runs[other]]
    marks: list[Mark] = []
    places: dict[str, tuple[str, int | None]] = {}
    if by_object:
        for line in lineup.objects:
            places[line.sequence] = (line.video, line.object_id)
            link = video_address(pair, line.video, line.object_id)
            marks.append(Mark(line.sequence, line.sequence, line.values[0], line.values[other], link))
    else:
        for video in lineup.videos:
            places[video.video] = (video.video, None)
            link = video_address(pair, video.video)
            marks.append(Mark(video.video, video.video, video.values[0], video.values[other], link))
    told = distinctions(pair)
    names = (f"{LETTERS[0]}: {told[runs[0].id]}", f"{LETTERS[other]}: {told[runs[other].id]}")
    opened = scatter(marks, names, measure, key="compare-scatter")
    if opened in places:
        video_name, object_id = places[opened]
        open_video(home, pair, video_name, object_id=object_id)


def objects(home: Home, lineup: Lineup, runs: Sequence[Run], other: int, measure: str) -> None:
    """Each object in all runs, and what run `other` gains over A; the largest difference first."""
    j, f = ("J", "F") if is_official(runs[0]) else ("Region", "Contour")
    gain = f"{LETTERS[other]} − A"
    columns = [
        Column("sequence", "Sequence", tip="video_object, as the official toolkit lists them"),
        *(Column(f"run-{i}", f"{LETTERS[i]}: {measure}", "number", tip=run_title(run)) for i, run in enumerate(runs)),
        Column("difference", gain, "number", "points", 1),
        Column("j", f"{j}: {gain}", "number", "points", 1),
        Column("f", f"{f}: {gain}", "number", "points", 1),
    ]
    rows, places = [], {}
    lines = {(line.video, line.object_id): line for line in lineup.objects}
    for row in lineup.pairs[other - 1].objects:
        line = lines[row.video, row.object_id]
        places[row.sequence] = (row.video, row.object_id)
        cells: dict[str, object] = {"sequence": row.sequence}
        cells |= {f"run-{index}": value for index, value in enumerate(line.values)}
        cells |= {"difference": 100 * row.difference, "j": 100 * row.j_difference, "f": 100 * row.f_difference}
        rows.append(Row(row.sequence, video_address(runs, row.video, row.object_id), cells))
    opened = table(columns, rows, key="compared-objects", caption="Each object in the runs", height=520)
    if opened in places:
        open_video(home, runs, places[opened][0], object_id=places[opened][1])


def attributes(home: Home, lineup: Lineup, runs: Sequence[Run], measure: str, *, against_first: bool) -> None:
    """Runs' means over the objects of each kind; the annotations are measured once a dataset, and kept."""
    run = runs[0]
    if run.reference:
        st.info("These figures are held against masks that are no annotations: attributes are measured from those.")
    dataset = open_dataset(home.locate(run.dataset_path), run.dataset)
    names = [video.video for video in lineup.videos]
    with st.spinner(f"Measuring the annotations of {count(len(names), 'video')}, once"):
        shapes = collect(dataset, names, shapes_file(home.state, run.dataset_path), _MEASURE_S)
    lines = attribute_lines(lineup, shapes)
    told = distinctions(runs)
    rows = [
        HeatRow(
            f"{line.attribute}/{line.value}",
            line.value,
            line.means,
            tip=MEANINGS.get(line.value, ""),
            group=line.attribute,
            facts=(line.objects, line.videos),
        )
        for line in lines
    ]
    heat_table(
        rows,
        [(LETTERS[index], told[one.id]) for index, one in enumerate(runs)],
        key="compare-attributes",
        caption=f"{measure} by attribute of the object",
        corner="Attribute",
        measure=measure,
        facts=("Objects", "Videos"),
        against_first=against_first,
        height=640,
        order="attribute-order",
    )
    st.caption(
        "Means over the objects that have an attribute, measured from the annotations; what each word means shows when "
        "it is pointed at. Few objects say little: look at their number first."
    )
    if len(shapes) < len(names):
        st.caption(f"{len(shapes)} of {count(len(names), 'video')} measured so far.")
        st.rerun()
