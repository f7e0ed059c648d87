"""Planning a launch: what it would queue, the equivalent command, and every problem at once."""

from __future__ import annotations

import shlex

import pytest

from tests.clips import write_dataset
from vos_core.cli import grids
from vos_core.errors import InputError
from vos_core.gpus import Placement
from vos_core.home import Home
from vos_core.launch import LaunchPlan, plan_launch
from vos_core.runs import Grid


@pytest.fixture
def davis(home: Home) -> Home:
    write_dataset(home.data / "DAVIS", {"a": 5, "b": 4})
    return home


def grid(*models: str, sizes: tuple[int, ...] = (), **changes: object) -> Grid:
    return Grid((("DAVIS", "data:DAVIS", "val"),), models, sizes, **changes)  # type: ignore[arg-type]


def test_counts(davis: Home) -> None:
    plan = plan_launch(grid("static", "propagation", sizes=(1, 3)), davis)
    assert (len(plan.runs), plan.videos, plan.frames) == (3, 6, 27)
    assert all(run.scorable for run in plan.runs)


def test_payload_round_trip(davis: Home) -> None:
    plan = plan_launch(grid("propagation", sizes=(1, 3), videos=("b",), placement=Placement((), 2)), davis, name="mine")
    assert LaunchPlan.from_payload(plan.to_payload()) == plan


@pytest.mark.parametrize(
    "asked",
    [
        grid("static"),
        grid("static", "propagation", sizes=(1, 3)),
        grid("propagation", sizes=(2,), videos=("b",)),
        grid("static", placement=Placement((), 2)),
    ],
)
def test_the_command_line_means_the_same_grid(davis: Home, asked: Grid) -> None:
    import argparse

    command = shlex.split(plan_launch(asked, davis).command)
    assert command[:4] == ["python", "-m", "vos_core", "run"]
    parser = argparse.ArgumentParser()
    grids.add_grid_arguments(parser)
    parsed = grids.grid_of(parser.parse_args(command[4:]), davis)
    assert parsed.expand() == asked.expand()
    assert parsed.placement == asked.placement


@pytest.mark.parametrize(
    ("asked", "sentences"),
    [
        (grid(), ["Choose at least one model."]),
        (Grid((), ("static",)), ["Choose at least one dataset."]),
        (grid("nope"), ["There is no model 'nope'"]),
        (grid("propagation", sizes=(0,)), ["Memory size 0 is out of range"]),
        (grid("static", videos=("z",)), ["has no video 'z'"]),
        (grid("static", placement=Placement(("99",))), ["There is no GPU 99"]),
        (grid("sam2_hiera_large", sizes=(7,)), ["The checkpoint of sam2_hiera_large is missing", "fetch sam2_hiera"]),
        (Grid((("X", "data:X", "val"),), ("static",)), ["There is no dataset folder"]),
        (Grid((("DAVIS", "data:DAVIS", "test"),), ("static",)), ["has no split 'test'"]),
    ],
)
def test_what_cannot_be_launched(davis: Home, asked: Grid, sentences: list[str]) -> None:
    with pytest.raises(InputError) as error:
        plan_launch(asked, davis)
    for sentence in sentences:
        assert sentence in str(error.value)


def test_all_problems_are_told_at_once(davis: Home) -> None:
    (davis.data / "DAVIS/Annotations/480p/a/00000.png").unlink()
    with pytest.raises(InputError) as error:
        plan_launch(grid("static", "sam2_hiera_large"), davis)
    assert len(str(error.value).splitlines()) == 2
