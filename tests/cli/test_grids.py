"""From words to a grid: the knobs of SAM 2's memory, and what is said of arguments that some models have no use for."""

from __future__ import annotations

import argparse

import pytest

from tests.clips import write_dataset
from vos_core.cli.grids import add_grid_arguments, grid_of, ignored_arguments
from vos_core.home import Home
from vos_core.runs import Grid, run_folder, run_name


def parsed(home: Home, *words: str) -> tuple[argparse.Namespace, Grid]:
    if not home.data.exists():
        write_dataset(home.data / "DAVIS", {"a": 4})
    parser = argparse.ArgumentParser()
    add_grid_arguments(parser)
    args = parser.parse_args(["--dataset", "DAVIS", *words])
    return args, grid_of(args, home)


def test_stride_and_pointers_are_axes(home: Home) -> None:
    _, grid = parsed(
        home, "--sam2_model", "tiny", "--sam2_memsize", "3", "7", "--memory_temporal_stride", "1", "2",
        "--max_obj_ptrs", "4", "16",
    )  # fmt: skip
    assert [run.label for run in grid.expand()] == [
        f"sam2_hiera_tiny N={size} naive{knobs}"
        for size in (3, 7)
        for knobs in (" pointers=4", "", " pointers=4 stride=2", " stride=2")
    ]


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (["--model", "static"], []),
        (["--model", "propagation", "--memory_size", "2"], []),
        (
            ["--model", "static", "flow", "propagation", "--memory_size", "2"],
            ["memory sizes do not apply to static, flow: models without a memory"],
        ),
        (["--model", "static", "--device", "cpu"], ["--device does not apply to static, only to SAM 2"]),
        (
            ["--model", "static", "sam2_hiera_tiny", "--device", "cpu", "--max_obj_ptrs", "4"],
            ["--device, --max_obj_ptrs do not apply to static, only to SAM 2"],
        ),
        (["--sam2_model", "tiny", "--device", "cpu", "--sam2_memsize", "3"], []),
    ],
)
def test_what_does_not_apply_is_said(home: Home, words: list[str], lines: list[str]) -> None:
    assert ignored_arguments(*parsed(home, *words)) == lines


def test_the_usual_scripts_words(home: Home) -> None:
    """Its folders, names and memory mode; and flags behind --extra_flags, which its own parser took for its own."""
    _, grid = parsed(
        home, "--sam2_memsize", "0", "1", "2", "3", "4", "5", "6", "7", "--sam2_model", "base_plus", "large",
    )  # fmt: skip
    runs = grid.expand()
    assert [run_folder(run, run_name(run, "val")) for run in runs] == [
        f"DAVIS_pred_pngs/DAVIS_sam2_hiera_{model}_memsize{size}"
        for model in ("base_plus", "large")
        for size in range(8)
    ]
    assert {run.memory_mode for run in runs} == {"naive"}
    _, grid = parsed(home, "--sam2_model", "large", "--sam2_memsize", "5", "--extra_flags", "--use_all_masks")
    (run,) = grid.expand()
    assert run.options == (("use_all_masks", True),)
    assert run_name(run, "val") == "DAVIS_sam2_hiera_large_memsize5_use_all_masks-True"
