"""`train/`, `valid/` and `test/` of one folder are splits of one dataset: MOSE, LVOS, YouTube-VOS, SA-V."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clips import write_sav
from tests.datasets.layouts import write_lvos, write_meta, write_mose, write_part, write_youtube_vos
from vos_core.datasets import find_datasets, open_dataset
from vos_core.errors import InputError
from vos_core.home import Home

Writer = Callable[[Path], Path]


@pytest.mark.parametrize(
    ("write", "splits"),
    [
        (write_mose, {"val": ("v3", "v1", "v2"), "train": ("t1", "t2")}),
        (write_lvos, {"val": ("v1", "v2"), "train": ("t1",)}),
        (write_youtube_vos, {"val": ("v2", "v1"), "train": ("t1",)}),
    ],
)
def test_each_folder_is_a_split(tmp_path: Path, write: Writer, splits: dict[str, tuple[str, ...]]) -> None:
    root = write(tmp_path / "set")
    before = sorted(root.rglob("*"))
    dataset = open_dataset(root)
    assert {split: dataset.video_names(split) for split in dataset.splits} == splits
    assert dataset.default_split == "val"
    assert sorted(dataset.video_names("all")) == sorted(name for names in splits.values() for name in names)
    for split, names in splits.items():
        part = "valid" if split == "val" else split
        for name in names:
            video = dataset.video(name)
            assert video.length == 6 and video.frames[0].parent == root / part / "JPEGImages" / name
            assert next(iter(video.annotations.values())).parent == root / part / "Annotations" / name
            assert dataset.folders_of(name)[1] == root / part / "Annotations" / name
    assert sorted(root.rglob("*")) == before, "nothing is written into the folder"


def test_a_part_can_be_opened_by_itself(tmp_path: Path) -> None:
    root = write_mose(tmp_path / "MOSE")
    assert open_dataset(root / "train").splits == ("all",)
    assert open_dataset(root / "train").video_names() == ("t1", "t2")
    shutil.rmtree(root / "valid")
    dataset = open_dataset(root)
    assert (dataset.splits, dataset.default_split, dataset.video_names()) == (("train",), "train", ("t1", "t2"))
    assert dataset.video("t1").annotated == 6


def test_lists_of_both_are_kept_apart(tmp_path: Path) -> None:
    root = write_mose(tmp_path / "MOSE")
    (root / "train/ImageSets").mkdir()
    (root / "train/ImageSets/val.txt").write_text("t2\n")  # videos held out of the training
    dataset = open_dataset(root)
    assert {split: dataset.video_names(split) for split in dataset.splits} == {
        "val": ("v3", "v1", "v2"),
        "train-val": ("t2",),
    }


def test_videos_of_one_name_cannot_be_told_apart(tmp_path: Path) -> None:
    root = write_mose(tmp_path / "MOSE")
    write_part(root / "train", ["v1"])
    dataset = open_dataset(root)
    assert "v1" in dataset.video_names("val") and "valid" in dataset.video("v1").frames[0].parts
    with pytest.raises(InputError, match=r"Split train of dataset MOSE has video 'v1'.*open .*train as a dataset"):
        dataset.video_names("train")


def test_sav_val_and_test(tmp_path: Path) -> None:
    write_sav(tmp_path / "SA-V/sav_val", {"sav_1": 9})
    write_sav(tmp_path / "SA-V/sav_test", {"sav_2": 9})
    (tmp_path / "SA-V/sav_test/sav_val.txt").rename(tmp_path / "SA-V/sav_test/sav_test.txt")
    dataset = open_dataset(tmp_path / "SA-V")
    assert {split: dataset.video_names(split) for split in dataset.splits} == {"val": ("sav_1",), "test": ("sav_2",)}
    assert dataset.video("sav_2").per_object == tmp_path / "SA-V/sav_test/Annotations_6fps/sav_2"


def test_mose_v2_valid(tmp_path: Path) -> None:
    write_part(tmp_path / "MOSEv2/valid", ["b", "a"], annotated=[0])
    write_meta(tmp_path / "MOSEv2/valid/meta_valid.json", {"b": {"length": 6}, "a": {"length": 6}})
    dataset = open_dataset(tmp_path / "MOSEv2")
    assert (dataset.splits, dataset.video_names()) == (("val",), ("b", "a"))


@pytest.mark.parametrize(("text", "splits"), [('{"camera": "left"}', ("all",)), ('{"videos": {"v1": {}}}', ("val",))])
def test_a_meta_json_may_be_anybodys(tmp_path: Path, text: str, splits: tuple[str, ...]) -> None:
    write_part(tmp_path / "set/valid", ["v1"])
    (tmp_path / "set/valid/meta.json").write_text(text)
    assert open_dataset(tmp_path / "set").splits == splits


def test_a_data_folder_with_a_dataset_called_test_is_a_collection(tmp_path: Path) -> None:
    home = Home.from_environment({}, cwd=tmp_path)
    write_part(home.data / "test", ["a"])
    assert list(find_datasets(home)) == ["test"]
    write_part(home.data / "train", ["a"])
    assert list(find_datasets(home)) == ["test", "train"]
    write_part(home.data / "valid", ["b"])
    assert list(find_datasets(home)) == ["data"], "VOSLAB_DATA may be MOSE's own folder"
