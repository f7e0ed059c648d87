"""Figures: which points and lines are drawn of which runs."""

from __future__ import annotations

import pytest

from db.models import Run
from ui.figures import VideoBar, difference_bars, has_memory_curve, memory_curve, video_bars
from ui.palette import OBJECTS, object_colour
from vos_core.analysis.comparisons import VideoDifference
from vos_core.overlays import OBJECT_COLOURS
from vos_core.reference import reference_rows


def run(model: str, size: int | None, score: float | None, mode: str | None = None, dataset: str = "demo") -> Run:
    return Run(
        id=1,
        name=f"{dataset}_{model}_{mode}_{size}",
        model=model,
        memory_size=size,
        memory_mode=mode,
        jf_mean=score,
        dataset=dataset,
        split="val",
        settings={},
        inference_s=0.0,
        active_s=0.0,
        busy_s=0.0,
    )


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([], False),
        ([run("static", None, 0.4)], False),
        ([run("propagation", 3, None)], False),
        ([run("sam2_hiera_tiny", 0, 0.1)], False),
        ([run("propagation", 3, 0.5)], True),
    ],
)
def test_there_is_a_curve_only_of_scored_runs_with_memory(runs: list[Run], expected: bool) -> None:
    assert has_memory_curve(runs) is expected


def test_one_line_a_model_in_order_of_memory_size_and_dashes_for_methods_without() -> None:
    runs = [run("propagation", 5, 0.6), run("flow", None, 0.4), run("propagation", 1, 0.5), run("propagation", 9, None)]
    figure = memory_curve(runs)
    by_name = {trace.name: trace for trace in figure.data}
    assert set(by_name) == {"Propagation", "Flow"}
    assert (list(by_name["Propagation"].x), list(by_name["Propagation"].y)) == ([1, 5], [0.5, 0.6])
    assert by_name["Flow"].line.dash == "dash"
    assert list(by_name["Flow"].y) == [0.4, 0.4]


def test_modes_and_datasets_are_lines_of_their_own() -> None:
    name = "sam2_hiera_large"
    runs = [
        run(name, 7, 0.9, "naive"),
        run(name, 7, 0.9, "position_preserving"),
        run(name, 7, 0.7, "naive", dataset="mose"),
    ]
    assert len([trace for trace in memory_curve(runs).data if "lines" in trace.mode]) == 3


@pytest.mark.parametrize(
    ("model", "mode", "dataset", "expected"),
    [
        ("sam2_hiera_large", "naive", "DAVIS", ["SAM 2 large · naive", "SAM 2 large · naive · published"]),
        ("sam2_hiera_large", "position_preserving", "DAVIS", ["SAM 2 large"]),
        ("sam2_hiera_large", "naive", "demo", ["SAM 2 large · naive"]),
        ("sam2_hiera_tiny", "naive", "DAVIS", ["SAM 2 tiny · naive"]),
    ],
)
def test_published_curve_is_drawn_only_beside_runs_of_its_model_mode_and_split(
    model: str, mode: str, dataset: str, expected: list[str]
) -> None:
    figure = memory_curve([run(model, 3, 0.8, mode, dataset)], reference_rows())
    lines = [trace for trace in figure.data if "lines" in trace.mode]
    assert [trace.name for trace in lines] == expected
    assert all(trace.line.dash == "dash" for trace in lines[1:])
    assert all(0 not in trace.x for trace in lines)


def test_memory_off_is_no_point_of_the_curve() -> None:
    runs = [run("sam2_hiera_large", 0, 0.2, "naive"), run("sam2_hiera_large", 7, 0.9, "naive")]
    line, off = memory_curve(runs).data
    assert list(line.x) == [7]
    assert (off.mode, list(off.x)) == ("markers", [0])


def test_worst_video_comes_first() -> None:
    bars = [VideoBar("a", 0.9, 0.9), VideoBar("b", 0.2, 0.4), VideoBar("c", 0.5, 0.5)]
    assert list(video_bars(bars, worst_first=True).data[0].x) == ["b", "c", "a"]
    assert list(video_bars(bars, worst_first=False).data[0].x) == ["a", "b", "c"]


def test_object_colours_start_over_after_the_last() -> None:
    assert object_colour(1) == OBJECTS[0]
    assert object_colour(len(OBJECTS) + 1) == OBJECTS[0]
    assert len(set(OBJECTS)) == len(OBJECTS)
    assert OBJECTS is OBJECT_COLOURS


def test_difference_bars_keep_their_order_and_tell_the_sides_apart() -> None:
    rows = [VideoDifference("a", 1, 0.2, 0.6), VideoDifference("b", 2, 0.9, 0.7), VideoDifference("c", 1, 0.5, 0.5)]
    figure = difference_bars(rows, ("first", "second"), "J&F")
    ahead, behind = figure.data
    assert (ahead.name, list(ahead.x)) == ("second ahead", ["a", "c"])
    assert (behind.name, list(behind.x)) == ("first ahead", ["b"])
    assert list(behind.y) == pytest.approx([-20])
    assert list(figure.layout.xaxis.categoryarray) == ["a", "b", "c"]
