"""Subsets: lists in the home that are splits of a dataset, whose own folder is only read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clips import write_dataset
from vos_core.datasets import Dataset, dataset_at, find_dataset, stored_dataset
from vos_core.datasets.registration import register, unregister
from vos_core.datasets.subsets import read_subset_file, remove_subset, subsets_of, write_subset
from vos_core.errors import InputError
from vos_core.home import Home
from vos_core.launch import plan_launch
from vos_core.runs import Grid, run_name


@pytest.fixture
def davis(home: Home) -> Dataset:
    write_dataset(home.data / "DAVIS", {"a": 4, "b": 4, "c": 4})
    (home.data / "DAVIS/ImageSets/2017/val.txt").write_text("a\nb\n")
    return find_dataset(home, "DAVIS")


def test_a_subset_is_a_split(home: Home, davis: Dataset) -> None:
    before = sorted(davis.root.rglob("*"))
    path = write_subset(home, davis, "hard", ["b", "a"], "val")
    assert path == home.state / "subsets/DAVIS/hard.txt" and path.read_text() == "b\na\n"
    assert sorted(davis.root.rglob("*")) == before
    for dataset in (
        find_dataset(home, "DAVIS"),
        dataset_at(home, "DAVIS", davis.root),
        stored_dataset(home, "DAVIS", home.store(davis.root)),
    ):
        assert (dataset.splits, dataset.default_split) == (("val", "hard"), "val")
        assert dataset.video_names("hard") == ("b", "a")
    remove_subset(home, "DAVIS", "hard")
    assert find_dataset(home, "DAVIS").splits == ("val",)


def test_a_dataset_without_lists_keeps_its_default(home: Home, davis: Dataset) -> None:
    (davis.root / "ImageSets/2017/val.txt").unlink()
    write_subset(home, find_dataset(home, "DAVIS"), "first", ["a"])
    dataset = find_dataset(home, "DAVIS")
    assert (dataset.splits, dataset.default_split) == (("all", "first"), "all")
    assert dataset.video_names() == ("a", "b", "c")


@pytest.mark.parametrize(
    ("name", "videos", "split", "sentence"),
    [
        ("val", ["a"], None, "'val' is a split of dataset DAVIS itself"),
        ("VAL", ["a"], None, "'VAL' is a split of dataset DAVIS itself"),
        ("all", ["a"], None, "'all' is a split of dataset DAVIS itself"),
        ("Taken", ["a"], None, "has a subset 'taken' already"),
        ("", ["a"], None, "Give it a name"),
        ("../x", ["a"], None, "is no name"),
        ("-x", ["a"], None, "is no name"),
        ("two words", ["a"], None, "is no name"),
        ("x" * 61, ["a"], None, "is too long"),
        ("hard", [], None, "needs at least one video"),
        ("hard", ["a", "z", "y"], None, "There is no video 'z' and 1 more in dataset DAVIS"),
        ("hard", ["c"], "val", "There is no video 'c' in split val of dataset DAVIS"),
        ("hard", ["a"], "nope", "has no split 'nope'"),
        ("hard", ["a", "b", "a"], None, "Video 'a' is named twice"),
    ],
)
def test_what_cannot_be_a_subset(
    home: Home, davis: Dataset, name: str, videos: list[str], split: str | None, sentence: str
) -> None:
    write_subset(home, davis, "taken", ["b"])
    with pytest.raises(InputError, match=sentence):
        write_subset(home, davis, name, videos, split)
    assert dict(subsets_of(home, "DAVIS")) == {"taken": home.state / "subsets/DAVIS/taken.txt"}
    assert subsets_of(home, "DAVIS")["taken"].read_text() == "b\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a\nz\n", "list.txt line 2 names video 'z'"),
        ("a\n\nb\n", "list.txt line 2 is blank"),
        ("a\na\n", "line 2 names video 'a' a second time"),
        ("", "is empty"),
    ],
)
def test_a_list_file_is_told_by_line(davis: Dataset, tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_subset_file(davis, tmp_path / "list.txt")


def test_a_list_with_a_video_that_went_away_is_told(home: Home, davis: Dataset) -> None:
    path = write_subset(home, davis, "hard", ["b"])
    path.write_text("b\nz\n")
    with pytest.raises(InputError, match="line 2 names video 'z'"):
        find_dataset(home, "DAVIS").video_names("hard")


def test_removing_what_is_not_there(home: Home, davis: Dataset) -> None:
    with pytest.raises(InputError, match="has no subset 'hard': it has none"):
        remove_subset(home, "DAVIS", "hard")


def test_a_split_of_its_own_goes_before_a_subset(home: Home, davis: Dataset) -> None:
    write_subset(home, davis, "hard", ["b"])
    (davis.root / "ImageSets/2017/hard.txt").write_text("a\n")
    dataset = find_dataset(home, "DAVIS")
    assert dataset.splits == ("hard", "val") and dataset.video_names("hard") == ("a",)


def test_subsets_outlive_a_registration(home: Home, tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "elsewhere", {"x": 4, "y": 4})
    write_subset(home, register(home, root, "mine"), "half", ["y"])
    assert register(home, root, "mine").video_names("half") == ("y",)
    unregister(home, "mine")
    assert register(home, root, "mine").splits == ("val", "half")


def test_a_run_over_a_subset_names_its_videos(home: Home, davis: Dataset) -> None:
    """Its list may be another tomorrow: two settings never share a folder."""
    stored = home.store(davis.root)
    names = []
    for videos in (["b"], ["b", "a"]):
        write_subset(home, davis, "hard", videos)
        plan = plan_launch(Grid((("DAVIS", stored, "hard"),), ("static",)), home)
        (run,) = plan.runs
        assert (run.settings.videos, [facts.name for facts in run.videos]) == (tuple(videos), videos)
        assert "--set hard" in plan.command and "--video" not in plan.command
        names.append(run_name(run.settings, run.default_split))
        assert names[-1].startswith("DAVIS_static_split-hard_")
        remove_subset(home, "DAVIS", "hard")
    assert names[0] != names[1]
