"""Datasets on disk: layouts, lists, and what is said of damaged ones."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.clips import write_dataset, write_sav
from vos_core.cli import main
from vos_core.datasets import find_dataset, find_datasets, open_dataset
from vos_core.datasets.checks import check_videos
from vos_core.datasets.findings import Severity
from vos_core.datasets.list_survey import check_names
from vos_core.datasets.lists import read_video_list
from vos_core.errors import InputError
from vos_core.home import Home


@pytest.fixture
def davis(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "data" / "DAVIS", {"a": 5, "b": 4})


def test_a_meta_file_that_leads_elsewhere_is_not_quoted(tmp_path: Path) -> None:
    root = tmp_path / "MOSE" / "valid"
    for kind in ("JPEGImages", "Annotations"):
        (root / kind / "a").mkdir(parents=True)
    secret = tmp_path / "meta.json"
    secret.write_text('{"videos": {"a": {}, "a secret": {}}}')
    (root / "meta_valid.json").symlink_to(secret)
    with pytest.raises(InputError) as told:
        open_dataset(root).video_names("val")
    assert "secret" not in str(told.value) and "names a video, which has no folder" in str(told.value)


def test_davis_layout(davis: Path) -> None:
    dataset = open_dataset(davis)
    assert (dataset.name, dataset.splits, dataset.default_split) == ("DAVIS", ("val",), "val")
    assert dataset.video_names() == ("a", "b")
    video = dataset.video("a")
    assert video.stems == ("00000", "00001", "00002", "00003", "00004")
    assert list(video.annotations) == list(video.stems)
    assert video.is_scorable


def test_mose_layout_beneath_valid(tmp_path: Path) -> None:
    for folder in ("JPEGImages/v1", "Annotations/v1", "ImageSets"):
        (tmp_path / "MOSE" / "valid" / folder).mkdir(parents=True)
    for stem in ("00000", "00001", "00002"):
        (tmp_path / "MOSE/valid/JPEGImages/v1" / f"{stem}.jpg").touch()
    (tmp_path / "MOSE/valid/Annotations/v1/00000.png").touch()
    (tmp_path / "MOSE/valid/ImageSets/val.txt").write_text("v1\n")
    dataset = open_dataset(tmp_path / "MOSE")
    assert (dataset.name, dataset.video_names("val")) == ("MOSE", ("v1",))
    video = dataset.video("v1")
    assert (video.length, list(video.annotations), video.is_scorable) == (3, ["00000"], False)


def test_frames_are_in_order_of_number(davis: Path) -> None:
    folder = davis / "JPEGImages/480p/a"
    (folder / "00002.jpg").rename(folder / "10.jpg")
    (davis / "Annotations/480p/a/00002.png").rename(davis / "Annotations/480p/a/10.png")
    assert open_dataset(davis).video("a").stems == ("00000", "00001", "00003", "00004", "10")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a\n\nb\n", "line 2 is blank"),
        ("\na\nb\n", "line 1 is blank"),
        ("\n \n", "is empty"),
        ("a\nc\n", "line 2 names video 'c', which has no folder"),
        ("a\na\n", "line 2 names video 'a' a second time"),
        ("", "is empty"),
    ],
)
def test_damaged_list(davis: Path, text: str, sentence: str) -> None:
    (davis / "ImageSets/2017/val.txt").write_text(text)
    with pytest.raises(InputError, match=sentence):
        open_dataset(davis).video_names("val")


def test_blank_lines_at_the_end_of_a_list_are_none(davis: Path) -> None:
    (davis / "ImageSets/2017/val.txt").write_text("b\na\n\n  \n")
    assert open_dataset(davis).video_names("val") == ("b", "a")


def test_list_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(InputError, match="cannot be read"):
        read_video_list(path)


@pytest.mark.parametrize(
    ("name", "sentence"), [("..", "no video"), ("a/../b", "no video"), ("nope", "no video 'nope'")]
)
def test_unknown_video(davis: Path, name: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        open_dataset(davis).video(name)


def test_missing_folder_and_foreign_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no dataset folder"):
        open_dataset(tmp_path / "nowhere")
    with pytest.raises(InputError, match="is not a DAVIS-layout dataset"):
        open_dataset(tmp_path)
    (tmp_path / "DAVIS.zip").touch()
    with pytest.raises(InputError, match=r"DAVIS.zip is a file, and a dataset is a folder"):
        open_dataset(tmp_path / "DAVIS.zip")


def test_datasets_of_a_home(davis: Path, tmp_path: Path) -> None:
    home = Home.from_environment({}, cwd=tmp_path)
    assert list(find_datasets(home)) == ["DAVIS"]
    assert find_dataset(home, "davis").root == davis
    with pytest.raises(InputError, match=r"There is no dataset 'MOSE'.*it holds DAVIS"):
        find_dataset(home, "MOSE")


def test_data_folder_may_be_the_dataset(davis: Path) -> None:
    home = Home.from_environment({"VOSLAB_DATA": str(davis)}, cwd=davis)
    assert list(find_datasets(home)) == ["DAVIS"]


def test_nothing_is_put_into_a_data_folder_that_is_a_dataset(
    davis: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VOSLAB_DATA", str(davis))
    monkeypatch.setenv("VOSLAB_HOME", str(davis.parent / "home"))
    for words in (["demo", "--only_data"], ["fetch", "mose"]):
        assert main(words) == 2
        assert f"set VOSLAB_DATA to the folder above, {davis.parent}" in capsys.readouterr().err
    assert not (davis / "demo").exists() and not (davis / "MOSE").exists()


def test_files_that_a_mac_leaves_beside_lists_are_no_splits(davis: Path) -> None:
    (davis / "ImageSets/2017/._val.txt").write_bytes(b"\x00\x05\x16\x07\xff")
    assert list(open_dataset(davis).splits) == ["val"]


def test_a_name_that_is_no_text_is_told(davis: Path) -> None:
    for top in ("JPEGImages", "Annotations"):
        folder = min((davis / top / "480p").iterdir())
        folder.rename(folder.with_name(os.fsdecode(b"caf\xe9")))
    shutil.rmtree(davis / "ImageSets")
    dataset = open_dataset(davis)
    with pytest.raises(InputError, match=r"caf.*no UTF-8 text: rename"):
        check_videos(dataset, dataset.video_names())
    problems = check_names(dataset, dataset.video_names())
    assert [one.severity for one in problems if "UTF-8" in one.sentence] == [Severity.ERROR]


@pytest.fixture
def mose(tmp_path: Path) -> Path:
    """MOSE's `valid/` as it is unpacked: three videos, no ImageSets."""
    for video in ("v1", "v2", "v3"):
        for folder in ("JPEGImages", "Annotations"):
            (tmp_path / "MOSE/valid" / folder / video).mkdir(parents=True)
    return tmp_path / "MOSE"


@pytest.mark.parametrize("where", ["meta_valid.json", "valid/meta_valid.json"])
@pytest.mark.parametrize("opened", ["", "valid"])
def test_the_meta_file_is_the_list_where_there_is_none(mose: Path, where: str, opened: str) -> None:
    (mose / where).write_text('{"videos": {"v3": {}, "v1": {}}}')
    before = sorted(mose.rglob("*"))
    dataset = open_dataset(mose / opened)
    assert (dataset.splits, dataset.default_split) == (("val",), "val")
    assert dataset.video_names() == ("v3", "v1")
    assert dataset.video_names("all") == ("v1", "v2", "v3")
    assert sorted(mose.rglob("*")) == before, "nothing is written into the folder"


def test_a_list_goes_before_the_meta_file(mose: Path) -> None:
    (mose / "meta_valid.json").write_text('{"videos": {"v3": {}}}')
    (mose / "valid/ImageSets").mkdir()
    (mose / "valid/ImageSets/val.txt").write_text("v2\n")
    assert open_dataset(mose).video_names() == ("v2",)


def test_without_list_and_meta_file_all_videos_are_the_split(mose: Path) -> None:
    (mose.parent / "meta_valid.json").write_text('{"videos": {"elsewhere": {}}}')
    assert open_dataset(mose).splits == ("all",)
    assert open_dataset(mose).video_names() == ("v1", "v2", "v3")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"videos": {"v9": {}, "v1": {}, "v8": {}}}', "names video 'v9' and 1 more, which has no folder"),
        ("{", "is no meta file of MOSE"),
    ],
)
def test_a_meta_file_that_does_not_fit(mose: Path, text: str, sentence: str) -> None:
    (mose / "meta_valid.json").write_text(text)
    with pytest.raises(InputError, match=sentence):
        open_dataset(mose).video_names()


@pytest.mark.parametrize("split", ["val", "test"])
def test_sav_as_it_is_published(tmp_path: Path, split: str) -> None:
    root = write_sav(tmp_path / "data" / f"sav_{split}", {"sav_1": 13, "sav_2": 9})
    (root / "sav_val.txt").rename(root / f"sav_{split}.txt")
    home = Home.from_environment({}, cwd=tmp_path)
    assert list(find_datasets(home)) == [f"sav_{split}"], "a collection, not one dataset"
    for found in (find_dataset(home, f"SAV_{split}"), open_dataset(root.parent, "SA-V")):
        assert (found.splits, found.video_names()) == ((split,), ("sav_1", "sav_2"))
        video = found.video("sav_1")
        assert (video.length, video.annotated, video.is_scorable) == (13, 4, True)
        assert sorted(video.annotated_stems) == ["00000", "00004", "00008", "00012"]
        assert video.per_object == root / "Annotations_6fps" / "sav_1"


def test_sav_may_keep_the_plain_names(tmp_path: Path) -> None:
    root = write_sav(tmp_path / "sav", {"sav_1": 9})
    (root / "JPEGImages_24fps").rename(root / "JPEGImages")
    assert open_dataset(root).video("sav_1").length == 9
    (root / "Annotations_6fps").rename(root / "Annotations")
    (root / "notes.txt").touch()
    (root / "sav_notes.txt").touch()
    dataset = open_dataset(root)
    assert (dataset.splits, dataset.video("sav_1").annotated) == (("val",), 3)
