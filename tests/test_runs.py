"""Run settings, folder names and the expansion of a grid."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vos_core.errors import InputError
from vos_core.runs import Grid, RunSettings, run_folder, run_name

DAVIS = ("DAVIS", "data:DAVIS", "val")
BASE = RunSettings("DAVIS", "data:DAVIS", "val", "sam2_hiera_base_plus", 7, "naive")


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (BASE, "DAVIS_sam2_hiera_base_plus_memsize7"),
        (replace(BASE, memory_size=0), "DAVIS_sam2_hiera_base_plus_memsize0"),
        (
            replace(BASE, memory_size=3, memory_mode="position_preserving"),
            "DAVIS_sam2_hiera_base_plus_memsize3_position_preserving",
        ),
        (RunSettings("demo", "data:demo", "val", "flow"), "demo_flow"),
        (RunSettings("demo", "data:demo", "val", "propagation", 5), "demo_propagation_memsize5"),
        (replace(BASE, split="train"), "DAVIS_sam2_hiera_base_plus_memsize7_split-train"),
        (replace(BASE, options=(("score_thresh", 0.5),)), "DAVIS_sam2_hiera_base_plus_memsize7_score_thresh-0.5"),
    ],
)
def test_run_name(settings: RunSettings, name: str) -> None:
    assert run_name(settings, "val") == name
    assert run_folder(settings, name) == f"{settings.dataset}_pred_pngs/{name}"


def test_two_settings_never_share_a_name() -> None:
    settings = [
        BASE,
        replace(BASE, memory_size=6),
        replace(BASE, memory_mode="position_preserving"),
        replace(BASE, split="train"),
        replace(BASE, videos=("a",)),
        replace(BASE, videos=("b",)),
        replace(BASE, options=(("checkpoint", "a/b.pt"),)),
        replace(BASE, options=(("checkpoint", "a-b.pt"),)),
        replace(BASE, dataset="DA VIS"),
        replace(BASE, dataset="DA-VIS"),
    ]
    names = [run_name(item, "val") for item in settings]
    assert len(set(names)) == len(names)
    assert all("/" not in name and " " not in name for name in names)


def test_json_round_trip() -> None:
    settings = replace(BASE, videos=("a", "b"), options=(("device", "cpu"), ("score_thresh", 0.5)))
    assert RunSettings.from_json(settings.to_json()) == settings


def test_axes_collapse_where_a_model_has_none() -> None:
    runs = Grid((DAVIS,), ("static", "flow", "propagation"), (1, 2, 3, 5, 7)).expand()
    assert [run.label for run in runs] == [
        "static",
        "flow",
        *(f"propagation N={size}" for size in (1, 2, 3, 5, 7)),
    ]


def test_modes_multiply_only_sam2() -> None:
    runs = Grid((DAVIS,), ("propagation", "sam2_hiera_tiny"), (7, 1, 7), ("naive", "position_preserving")).expand()
    assert [(run.model, run.memory_size, run.memory_mode) for run in runs] == [
        ("propagation", 1, None),
        ("propagation", 7, None),
        ("sam2_hiera_tiny", 1, "naive"),
        ("sam2_hiera_tiny", 7, "naive"),
        ("sam2_hiera_tiny", 1, "position_preserving"),
        ("sam2_hiera_tiny", 7, "position_preserving"),
    ]


@pytest.mark.parametrize(
    ("models", "sizes", "sentence"),
    [
        (("nope",), (), "There is no model 'nope': the registered models are static"),
        (("sam2_hiera_large",), (8,), "Memory size 8 is out of range.*no trained position code"),
        (("sam2_hiera_large",), (-1,), "Memory size -1 is out of range"),
        (("propagation",), (0,), "Memory size 0 is out of range for propagation: choose 1 to 16"),
    ],
)
def test_impossible_cells(models: tuple[str, ...], sizes: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Grid((DAVIS,), models, sizes).expand()


@pytest.mark.parametrize(
    "grid",
    [
        Grid((DAVIS,), ("static", "flow", "propagation"), (1, 2, 7)),
        Grid((DAVIS, ("MOSE", "data:MOSE", "val")), ("sam2_hiera_base_plus", "sam2_hiera_large"), (0, 7), ("naive",)),
        Grid((DAVIS,), ("sam2_hiera_tiny",), (0, 2, 7), strides=(1, 4), pointers=(4, 16)),
        Grid((DAVIS,), ("sam2_hiera_tiny",), (7,), strides=(4,), options=(("device", "cpu"), ("exact", True))),
        Grid((DAVIS,), ("propagation",), (3,), videos=("a", "b")),
    ],
)
def test_runs_are_covered_by_the_grid_that_made_them(grid: Grid) -> None:
    assert Grid.covering(grid.expand()).expand() == grid.expand()


def test_cells_are_told_whether_they_can_be_run_or_not() -> None:
    cells = Grid((DAVIS,), ("propagation", "sam2_hiera_tiny"), (0, 8)).cells()
    assert [(cell.model, cell.memory_size) for cell in cells] == [
        ("propagation", 0),
        ("propagation", 8),
        ("sam2_hiera_tiny", 0),
        ("sam2_hiera_tiny", 8),
    ]
