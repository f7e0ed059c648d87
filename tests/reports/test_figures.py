"""Figures of an ablation: which runs are which marks, what is dashed, apart or left out, and their CSV and HTML."""

from __future__ import annotations

import csv
import io
import itertools
from typing import Any

import pytest

from tests.analysis.runs import run
from vos_core.reference import reference_rows
from vos_core.reports import FIGURES, Figure, by_split, figure, figure_csv, figure_html, figures, plotly_figure
from vos_core.reports.figures import Series, SeriesKind, memory_figure, seconds_figure, speed_figure

LARGE = "sam2_hiera_large"
NAIVE, PRESERVING = "naive", "position_preserving"
EIGHT = {"devices": ["NVIDIA L4"], "gpus": {str(number): "NVIDIA L4" for number in range(8)}}
ONE = {"devices": ["NVIDIA L4"], "gpus": {"0": "NVIDIA L4"}}


def lines(drawn: Figure) -> dict[str, Series]:
    return {one.name: one for one in drawn.series}


def places(one: Series) -> list[tuple[float | None, float]]:
    return [(mark.x, mark.y) for mark in one.marks]


@pytest.mark.parametrize(
    ("runs", "drawn"),
    [
        ([], []),
        ([run(0.4, model="static", memory_size=None)], []),
        ([run(None, state="queued", inference_s=0.0)], []),
        ([run(0.1, memory_size=0)], []),
        ([run(0.5, id=1)], ["memory", "seconds"]),
        ([run(0.5, inference_s=0.0)], ["memory"]),
        ([run(None, dataset="MOSE", memory_size=3)], ["seconds"]),
        ([run(0.5, id=1), run(0.4, model="static", memory_size=None, id=2)], ["memory", "seconds", "speed"]),
    ],
)
def test_a_figure_is_there_only_of_runs_that_have_it(runs: list[Any], drawn: list[str]) -> None:
    assert [one.key for one in figures(runs, reference_rows())] == drawn


def test_one_line_a_model_by_memory_size_and_a_level_for_methods_without() -> None:
    runs = [
        run(0.6, model="propagation", memory_size=5),
        run(0.4, model="flow", memory_size=None),
        run(0.5, model="propagation", memory_size=1),
        run(None, model="propagation", memory_size=9),
    ]
    found = lines(memory_figure(runs))
    assert places(found["Propagation"]) == [(1, 0.5), (5, 0.6)]
    assert (found["Flow"].kind, found["Flow"].dash, places(found["Flow"])) == (
        SeriesKind.NO_MEMORY,
        "dash",
        [(None, 0.4)],
    )


@pytest.mark.parametrize("key", ["memory", "seconds"])
@pytest.mark.parametrize(
    ("changes", "published"),
    [
        ({"memory_mode": NAIVE}, True),
        ({"memory_mode": PRESERVING}, False),
        ({"dataset": "demo"}, False),
        ({"model": "sam2_hiera_tiny"}, False),
    ],
)
def test_published_lines_stand_only_beside_runs_of_their_model_mode_and_split(
    key: str, changes: dict[str, Any], published: bool
) -> None:
    drawn = figure(key, [run(0.8, **{"model": LARGE, "memory_size": 3, **changes})], reference_rows())
    theirs = [one for one in drawn.series if one.kind is SeriesKind.PUBLISHED]
    assert len(theirs) == published
    assert all(one.dash == "dash" and one.model == LARGE and 0 not in [m.x for m in one.marks] for one in theirs)


def test_published_seconds_of_mose_stand_beside_runs_without_scores() -> None:
    drawn = seconds_figure([run(None, dataset="MOSE", model=LARGE, memory_size=3)], reference_rows())
    (theirs,) = (one for one in drawn.series if one.kind is SeriesKind.PUBLISHED)
    assert (theirs.devices, theirs.marks[0].y) == ("8 x NVIDIA L4", 561.1)


ELSEWHERE = {"dataset_path": "/mnt/x/DAVIS"}


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, ["DAVIS val"]),
        ({"dataset": "MOSE"}, ["DAVIS val", "MOSE val"]),
        ({"split": "train", **ELSEWHERE}, ["DAVIS train", "DAVIS val"]),
        (ELSEWHERE, ["DAVIS val (/mnt/x/DAVIS)", "DAVIS val (data/DAVIS)"]),
        ({"dataset_path": "data(/mnt/x):DAVIS"}, ["DAVIS val (/mnt/x/DAVIS)", "DAVIS val (data/DAVIS)"]),
    ],
)
def test_datasets_of_one_name_are_told_apart_by_their_folders(changes: dict[str, Any], names: list[str]) -> None:
    assert list(by_split([run(0.8, id=1), run(0.5, id=2, **changes)])) == names


@pytest.mark.parametrize("key", FIGURES)
def test_datasets_of_one_name_share_no_line(key: str) -> None:
    timed = [{"busy_s": 800.0}, {"busy_s": 400.0}]
    here = [run(0.8 + size / 100, id=size, memory_size=size, **timed[size - 1]) for size in (1, 2)]
    there = [run(0.5 + size / 100, id=size + 2, memory_size=size, **timed[size - 1], **ELSEWHERE) for size in (1, 2)]
    found = [one for one in figure(key, [*here, *there]).series if one.kind is SeriesKind.RUNS]
    assert sorted([mark.run_id for mark in one.marks] for one in found) == [[1, 2], [3, 4]]
    assert {one.line for one in found} == {
        "SAM 2 base+ · DAVIS val (data/DAVIS) · naive",
        "SAM 2 base+ · DAVIS val (/mnt/x/DAVIS) · naive",
    }


def test_a_run_is_beaten_only_by_runs_of_its_own_folder() -> None:
    runs = [run(0.9, id=1, busy_s=100.0), run(0.5, id=2, memory_size=6, **ELSEWHERE)]
    rows = list(csv.DictReader(io.StringIO(figure_csv(speed_figure(runs)))))
    assert {row["run"]: row["on_front"] for row in rows} == {"1": "no", "2": "no"}, "no front of one"
    runs.append(run(0.6, id=3, memory_size=5, busy_s=900.0, **ELSEWHERE))
    (front,) = (one for one in speed_figure(runs).series if one.kind is SeriesKind.FRONT)
    assert {mark.run_id for mark in front.marks} == {2, 3}


def test_memory_off_is_apart_and_the_curve_keeps_its_shape() -> None:
    runs = [run(jf, memory_size=size, id=size) for size, jf in ((0, 0.044), (1, 0.865), (7, 0.885))]
    drawn = memory_figure(runs)
    curve, off = drawn.series
    assert (off.kind, places(off), places(curve)) == (SeriesKind.MEMORY_OFF, [(0, 0.044)], [(1, 0.865), (7, 0.885)])
    values = plotly_figure(drawn)
    low, high = values["layout"]["yaxis"]["range"]
    assert 0.85 < low < 0.865 and 0.885 < high < 0.9
    assert low < values["data"][1]["y"][0] < 0.865, "at the lower edge"
    assert values["data"][1]["text"] == ["0.044"]
    assert "0.044000" in figure_csv(drawn), "the data are as measured"


def test_seconds_of_other_gpus_are_other_lines_and_wall_seconds_count() -> None:
    runs = [
        run(model=LARGE, memory_size=7, active_s=104.0, provenance=EIGHT),
        run(model=LARGE, memory_size=6, active_s=90.0, provenance=EIGHT),
        run(model=LARGE, memory_size=6, active_s=600.0, provenance=ONE),
        run(model=LARGE, memory_size=5, active_s=50.0, provenance=EIGHT, state="running"),
    ]
    found = lines(seconds_figure(runs))
    assert {name: places(one) for name, one in found.items()} == {
        "SAM 2 large · naive · 8 x NVIDIA L4": [(6, 90.0), (7, 104.0)],
        "SAM 2 large · naive · 1 x NVIDIA L4": [(6, 600.0)],
    }
    assert len({one.line for one in found.values()}) == 1, "one entry in the legend that figures share"
    labels = plotly_figure(seconds_figure(runs), legend=False)["layout"]["annotations"]
    assert {label["text"] for label in labels} == {"8 x L4", "1 x L4"}
    heights = sorted(label["y"] for label in labels)
    assert heights[0] >= 0 and heights[-1] <= 1
    assert min(b - a for a, b in itertools.pairwise(heights)) > 0.06, "no label lies over another"
    assert "All on 8 x NVIDIA L4." in seconds_figure(runs[:2]).note


def test_runs_of_one_model_that_differ_look_different_and_the_same_in_each_figure() -> None:
    runs = [
        run(0.8, id=1),
        run(0.7, id=2, settings={"videos": ["dog"], "options": []}),
        run(0.6, id=3, dataset="demo"),
        run(0.5, id=4, memory_mode=PRESERVING),
    ]
    looks = [
        {one.marks[0].run_id: (one.colour, one.symbol, one.dash) for one in drawn.series}
        for drawn in (memory_figure(runs), seconds_figure(runs), speed_figure(runs))
    ]
    assert len(set(looks[0].values())) == 4
    assert looks[0] == looks[1] == looks[2]


def test_the_front_joins_what_nothing_beats() -> None:
    runs = [
        run(0.885, id=1, busy_s=800.0),
        run(0.860, id=2, busy_s=400.0),
        run(0.850, id=3, busy_s=500.0),
        run(0.044, id=4, busy_s=300.0, memory_size=0),
    ]
    (front,) = (one for one in speed_figure(runs).series if one.kind is SeriesKind.FRONT)
    assert [mark.run_id for mark in front.marks] == [1, 2], "slowest first; memory off is apart"


def test_marks_lead_to_their_runs_and_published_ones_nowhere() -> None:
    drawn = memory_figure([run(0.8, id=12, model=LARGE, memory_size=3)], reference_rows())
    ids = {one["name"]: one["customdata"] for one in plotly_figure(drawn)["data"]}
    assert ids["SAM 2 large · naive"] == [[12]]
    assert set(map(len, ids["SAM 2 large · naive · published"])) == {0}


@pytest.mark.parametrize("key", FIGURES)
def test_csv_has_a_row_a_mark(key: str) -> None:
    runs = [run(0.8, id=1, memory_size=3), run(0.85, id=2), run(0.3, id=3, model="static", memory_size=None)]
    drawn = figure(key, runs)
    rows = list(csv.DictReader(io.StringIO(figure_csv(drawn))))
    assert sorted(row["run"] for row in rows) == ["1", "2", "3"]
    for row in rows:
        of = next(item for item in runs if str(item.id) == row["run"])
        assert row["memory_size"] == ("" if of.memory_size is None else str(of.memory_size))
        assert float(row[drawn.y.name]) == (of.active_s if key == "seconds" else of.jf_mean)


def test_html_needs_no_network_and_names_are_text() -> None:
    drawn = memory_figure([run(0.8, dataset="<img src=x onerror=alert(1)>"), run(0.7, dataset="b")])
    page = figure_html(drawn)
    assert "<img src=x" not in page
    assert "<script src" not in page and "cdn.plot.ly" not in page.split("<script")[0]
    assert page.index("Plotly.newPlot") > 1_000_000, "the script is in the file"
    assert "&lt;img" in str(plotly_figure(drawn)["data"][0]["name"])
