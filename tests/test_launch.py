"""Planning a launch: what it would queue, the equivalent command, and every problem at once."""

from __future__ import annotations

import shlex
from dataclasses import replace

import numpy as np
import pytest

from tests.clips import write_dataset
from vos_core.cli import grids
from vos_core.cores import cpu_workers
from vos_core.cuda import Graphics, TorchBuild
from vos_core.errors import InputError
from vos_core.execution.slots import find_slots
from vos_core.gpus import Gpu, Placement
from vos_core.home import Home
from vos_core.launch import LaunchPlan, check_grid, duration, plan_launch
from vos_core.masks import read_mask, write_mask
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

    davis.checkpoints.mkdir()
    (davis.checkpoints / "sam2_hiera_tiny.pt").touch()
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
        (Grid((("X", "data:X", "val"),), ("static",)), ["There is no dataset 'X'", "it holds DAVIS"]),
        (Grid((("X", "/nowhere/X", "val"),), ("static",)), ["There is no dataset folder /nowhere/X"]),
        (grid("sam2_hiera_large", memory_modes=()), ["Choose at least one memory mode."]),
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
        plan_launch(grid("static", "sam2_hiera_large", options=(("device", "cpu"),)), davis)
    assert len(str(error.value).splitlines()) == 2


NO_DRIVER = Graphics((), None, TorchBuild("2.13.0", "13.0"))
ON_CPU = (("device", "cpu"),)
ON_CUDA = (("device", "cuda"),)
L4 = Gpu("0", "NVIDIA L4")


@pytest.fixture
def weights(davis: Home) -> Home:
    davis.checkpoints.mkdir()
    for size in ("tiny", "large"):
        (davis.checkpoints / f"sam2_hiera_{size}.pt").touch()
    return davis


@pytest.mark.parametrize(
    ("options", "machine", "words"),
    [
        ((), NO_DRIVER, ["finds no GPU here: this machine has no NVIDIA driver", "about 1 minute", "--device cpu"]),
        (ON_CUDA, NO_DRIVER, ["the device cuda, but this machine has no NVIDIA driver"]),
        (
            (),
            Graphics((L4,), "535.104.05", TorchBuild("2.13.0+cu130", "13.0")),
            [
                "NVIDIA L4 with driver 535.104.05",
                "CUDA 13.0",
                "driver 580 or newer",
                "`make install TORCH=torch==2.13.0+cu126 ",
            ],
        ),
        (
            ON_CUDA,
            Graphics((L4,), "580.95.05", TorchBuild("2.13.0+cpu", None)),
            ["is here, but torch 2.13.0+cpu is a build without CUDA", "make install TORCH=torch==2.13.0+cu130 "],
        ),
        ((), Graphics((L4,), "390.1", TorchBuild("2.13.0", "13.0")), ["wants driver 580 or newer: update the driver."]),
        ((), Graphics((), "580.1", TorchBuild("2.13.0", "13.0"), True), ["CUDA_VISIBLE_DEVICES hides every GPU"]),
        ((), Graphics((), None, None), ["torch is not installed: call `make install`"]),
    ],
)
def test_sam2_without_a_gpu_is_refused_with_the_reason_and_the_time(
    weights: Home, options: tuple[tuple[str, str], ...], machine: Graphics, words: list[str]
) -> None:
    with pytest.raises(InputError) as error:
        plan_launch(grid("sam2_hiera_tiny", "static", options=options), weights, machine=machine)
    (sentence,) = str(error.value).splitlines()
    assert all(word in sentence for word in words), sentence
    plan_launch(grid("sam2_hiera_tiny", options=ON_CPU), weights, machine=machine)
    plan_launch(grid("static", "propagation"), weights, machine=machine)


@pytest.mark.parametrize(
    "machine",
    [
        Graphics((L4,), "580.95.05", TorchBuild("2.13.0", "13.0")),
        Graphics((L4,), "535.104.05", TorchBuild("2.13.0+cu126", "12.6")),
        Graphics((), None, TorchBuild("2.13.0+cpu", None), elsewhere=True),
    ],
)
def test_sam2_is_launched_where_torch_can_use_the_gpu(weights: Home, machine: Graphics) -> None:
    for options in ((), ON_CUDA):
        assert plan_launch(grid("sam2_hiera_tiny", options=options), weights, machine=machine).frames == 9


def test_the_hours_are_those_of_this_machine_where_it_knows_them(weights: Home) -> None:
    def past(model: str, frames: int, objects: int) -> float | None:
        assert (model, objects) == ("sam2_hiera_tiny", 2)
        return frames * 3600.0 * cpu_workers()

    with pytest.raises(InputError, match="take about 9 hours"):
        plan_launch(grid("sam2_hiera_tiny"), weights, machine=NO_DRIVER, past=past)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5, "1 minute"), (600, "10 minutes"), (5000, "83 minutes"), (9000, "2 hours"), (2e5, "2 days")],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_objects_that_appear_later_are_launched_only_where_they_are_tracked(weights: Home) -> None:
    """Object 2 of video a is first annotated on frame 2, and frame 0 has no annotation at all."""
    masks = weights.data / "DAVIS/Annotations/480p/a"
    (masks / "00000.png").unlink()
    labels = read_mask(masks / "00001.png")
    write_mask(masks / "00001.png", np.where(labels == 2, 0, labels).astype(np.uint8))
    later = grid("sam2_hiera_tiny", options=(*ON_CPU, ("track_object_appearing_later_in_video", True)))
    (run,) = plan_launch(later, weights).runs
    assert [(video.objects, video.annotated) for video in run.videos] == [(2, 4), (2, 4)]
    with pytest.raises(InputError, match="Video a: its first frame 00000 has no annotation"):
        plan_launch(grid("sam2_hiera_tiny", options=ON_CPU), weights)
    # Masks that lie where objects happen to appear are prompts, nothing to score against.
    (weights.data / "DAVIS/Annotations/480p/b/00001.png").unlink()
    (run,) = plan_launch(later, weights).runs
    assert [video.annotated for video in run.videos] == [4, 1]


def test_knobs_that_change_nothing_are_no_axis(weights: Home) -> None:
    asked = grid("sam2_hiera_tiny", sizes=(0, 2, 3), strides=(1, 2), pointers=(4, 16), options=ON_CPU)
    labels = [run.settings.label for run in plan_launch(asked, weights).runs]
    assert [label.partition(" ")[2].replace(" device=cpu", "") for label in labels] == [
        "N=0",
        "N=2 pointers=4",
        "N=2",
        "N=3 pointers=4",
        "N=3",
        "N=3 pointers=4 stride=2",
        "N=3 stride=2",
    ]
    with pytest.raises(InputError, match="changes nothing at memory size 0"):
        plan_launch(replace(asked, strides=(2, 4)), weights)


def test_outputs_that_cannot_be_written_are_told_before_anything_is_queued(davis: Home) -> None:
    davis.outputs.parent.mkdir(exist_ok=True)
    davis.outputs.write_text("a file")
    with pytest.raises(InputError, match=r"Masks cannot be written to .*outputs: .* is no folder; set VOSLAB_OUTPUTS"):
        plan_launch(grid("static"), davis)


@pytest.mark.parametrize("value", ["abc", "0", "-1", "1.5", "²"])
def test_a_number_of_workers_that_is_none_is_refused(davis: Home, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOSLAB_CPU_WORKERS", value)
    with pytest.raises(InputError, match=f"VOSLAB_CPU_WORKERS is '{value}': set it to a number"):
        plan_launch(grid("static"), davis)
    assert find_slots(gpus=())  # what is queued already goes on


def test_what_can_be_launched_is_planned_beside_what_cannot(weights: Home) -> None:
    datasets = (("DAVIS", "data:DAVIS", "val"), ("MOSE", "data:MOSE", "val"))
    models = ("propagation", "sam2_hiera_tiny", "sam2.1_hiera_tiny")
    asked = Grid(datasets, models, (0, 7, 8), pointers=(1,), options=ON_CPU)
    checked = check_grid(asked, weights, "mine")
    labels = {(run.settings.dataset, run.settings.label.replace(" device=cpu", "")) for run in checked.plan.runs}
    assert labels == {
        ("DAVIS", "propagation N=7"),
        ("DAVIS", "propagation N=8"),
        ("DAVIS", "sam2_hiera_tiny N=7 pointers=1"),
    }
    why = {
        (run.settings.dataset, run.settings.model, run.settings.memory_size): [one.sentence for one in run.refusals]
        for run in checked.refused
    }
    assert len(why) == 18 - 3
    assert "choose 1 to 16" in why["DAVIS", "propagation", 0][0]
    assert "changes nothing at memory size 0" in why["DAVIS", "sam2_hiera_tiny", 0][0]
    assert "no trained position code" in why["DAVIS", "sam2_hiera_tiny", 8][0]
    assert "every mask would vanish" in why["DAVIS", "sam2.1_hiera_tiny", 7][0]
    assert len(why["MOSE", "propagation", 0]) == 2, "the dataset is missing, and the size is none"
    assert {one.fetch for run in checked.refused for one in run.refusals} == {None, "mose"}
    assert checked.plan.command.endswith("--name mine --skip_refused")
    assert plan_launch(replace(asked, datasets=datasets[:1], models=("propagation",), memory_sizes=(7,)), weights)


def test_missing_checkpoints_say_what_would_bring_them(davis: Home) -> None:
    (refused,) = check_grid(grid("sam2_hiera_large", sizes=(7,), options=ON_CPU), davis).refused
    assert [refusal.fetch for refusal in refused.refusals] == ["sam2_hiera_large"]


def test_each_dataset_takes_its_own_of_the_chosen_videos(davis: Home) -> None:
    write_dataset(davis.data / "other", {"b": 3, "c": 3})
    both = (("DAVIS", "data:DAVIS", "val"), ("other", "data:other", "val"))
    runs = plan_launch(Grid(both, ("static",), videos=("c", "b")), davis).runs
    assert [run.settings.videos for run in runs] == [("b",), ()], "all of a split is no choice"
    checked = check_grid(Grid(both, ("static",), videos=("a",)), davis)
    assert [run.settings.dataset for run in checked.plan.runs] == ["DAVIS"]
    assert checked.sentences == ("Split val of dataset other has no video 'a'.",)


def test_a_folder_that_cannot_be_looked_at_is_refused_with_a_sentence(davis: Home) -> None:
    (davis.data / "odd").symlink_to("x" * 300)
    places = (("odd", "data:odd", "val"), ("far", "/" + "x" * 300, "val"))
    with pytest.raises(InputError, match=r"There is no dataset 'odd'(?s:.*)cannot be read \(File name too long\)"):
        plan_launch(replace(grid("static"), datasets=places), davis)
