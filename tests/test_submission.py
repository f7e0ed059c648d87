"""Submissions: what is in the zip, and everything that must keep one from being written."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vos_core.submission
from tests.clips import moving_squares, write_dataset, write_sav
from tests.ui.seed_apart import write_predictions
from vos_core.datasets import Video, open_dataset
from vos_core.errors import InputError, PredictionError, VosLabError
from vos_core.masks import read_mask, write_mask
from vos_core.submission import write_submission

VIDEOS = {"ants": 4, "bees": 3}


@pytest.fixture
def videos(tmp_path: Path) -> list[Video]:
    """A split annotated on first frames only, whose objects have the ids 1 and 3."""
    dataset = open_dataset(write_dataset(tmp_path / "MOSE", VIDEOS, annotated=1))
    split = [dataset.video(name) for name in dataset.video_names()]
    for video in split:
        (path,) = video.annotations.values()
        mask = original_ids(read_mask(path))
        mask[0, 0] = 255
        write_mask(path, mask)
    return split


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Predictions of the split, as a run leaves them: sidecars, half an attempt, and a CSV beside them."""
    folder = tmp_path / "results"
    for name, frames in VIDEOS.items():
        (folder / name).mkdir(parents=True)
        for index, mask in enumerate(moving_squares(frames, 2)):
            write_mask(folder / name / f"{index:05d}.png", original_ids(mask))
        (folder / name / ".voslab.json").write_text("{}")
    (folder / ".tmp-1-ants").mkdir()
    (folder / "run.json").write_text("{}")
    return folder


def original_ids(mask: np.ndarray) -> np.ndarray:
    return np.where(mask == 2, 3, mask).astype(np.uint8)


def test_the_zip_has_every_frame_of_every_video_at_its_root(videos: list[Video], results: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    report = write_submission(results, videos, tmp_path / "out.zip", lambda *counts: told.append(counts))
    assert told == [(1, 2), (2, 2)]
    with zipfile.ZipFile(report.path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"{name}/{i:05d}.png" for name, frames in VIDEOS.items() for i in range(frames)]
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        for name in archive.namelist():
            assert archive.read(name) == (results / name).read_bytes()
            with archive.open(name) as file, Image.open(file) as image:
                assert image.mode == "P" and set(np.unique(np.array(image))) <= {0, 1, 3}
    assert (report.videos, report.frames, report.objects) == (2, 7, 4)
    assert report.size == report.path.stat().st_size
    assert report.left_out == (), "run.json is no mask, but every run has one"
    assert not list(tmp_path.glob(".out.zip*"))


def test_the_same_predictions_give_the_same_bytes(videos: list[Video], results: Path, tmp_path: Path) -> None:
    first, second = (write_submission(results, videos, tmp_path / f"{name}.zip").path for name in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_what_is_not_of_the_split_is_left_out_and_told(videos: list[Video], results: Path, tmp_path: Path) -> None:
    (results / "cats").mkdir()
    (results / "ants" / "00009.png").write_bytes(b"")
    report = write_submission(results, videos, tmp_path / "out.zip")
    assert report.left_out == ("cats/", "ants/00009.png")
    with zipfile.ZipFile(report.path) as archive:
        assert len(archive.namelist()) == 7


def repaint(label: int) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        mask = read_mask(path)
        mask[5, 5] = label
        write_mask(path, mask)

    return change


def save_as(mode: str, **options: object) -> Callable[[Path], None]:
    return lambda path: Image.new(mode, (64, 48)).save(path, **options)


def remove_folder(path: Path) -> None:
    for file in path.parent.iterdir():
        file.unlink()
    path.parent.rmdir()


PROBLEMS: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (Path.unlink, "Video bees: frame 00001 has no prediction in {folder}."),
    "no folder": (remove_folder, "Video bees has no predictions: there is no folder {folder}."),
    "other size": (
        lambda path: write_mask(path, np.zeros((64, 48), np.uint8)),
        "Video bees, frame 00001: the prediction {path} is 48x64 but the frame is 64x48.",
    ),
    "gap in the ids": (
        repaint(2),
        "Video bees, frame 00001: the prediction {path} has object 2, but the video has 1, 3.",
    ),
    "higher id": (
        repaint(9),
        "Video bees, frame 00001: the prediction {path} has object 9, but the video has 1, 3.",
    ),
    "void": (
        repaint(255),
        "Video bees, frame 00001: the prediction {path} has object 255, but the video has 1, 3.",
    ),
    "grey": (save_as("L"), "Video bees, frame 00001: the prediction {path} is no 8-bit palette PNG: write it as one."),
    "4-bit palette": (
        save_as("P", bits=4),
        "Video bees, frame 00001: the prediction {path} is no 8-bit palette PNG: write it as one.",
    ),
    "RGB": (save_as("RGB"), "Video bees, frame 00001: {path} is 8-bit RGB, which does not say"),
    "truncated": (
        lambda path: path.write_bytes(path.read_bytes()[:-20]),
        "Video bees, frame 00001: {path} is a truncated PNG",
    ),
    "empty": (lambda path: path.write_bytes(b""), "Video bees, frame 00001: {path} is empty"),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_what_is_wrong_is_said_and_nothing_is_written(
    videos: list[Video], results: Path, tmp_path: Path, case: str
) -> None:
    change, sentence = PROBLEMS[case]
    path = results / "bees" / "00001.png"
    change(path)
    out = tmp_path / "out.zip"
    out.write_bytes(b"an older one")
    with pytest.raises(PredictionError) as caught:
        write_submission(results, videos, out)
    assert str(caught.value).startswith(sentence.format(path=path, folder=path.parent))
    assert len(str(caught.value).splitlines()) == 1
    assert out.read_bytes() == b"an older one" and not list(tmp_path.glob(".out.zip*"))


def test_all_problems_of_all_videos_are_told_at_once(videos: list[Video], results: Path, tmp_path: Path) -> None:
    for name in ("00000.png", "00002.png"):
        (results / "ants" / name).unlink()
    repaint(7)(results / "ants" / "00001.png")
    save_as("L")(results / "bees" / "00002.png")
    with pytest.raises(PredictionError) as caught:
        write_submission(results, videos, tmp_path / "out.zip")
    lines = str(caught.value).splitlines()
    assert lines[0] == f"Video ants: 2 frames have no prediction: 00000, 00002 in {results / 'ants'}."
    assert [line[:28] for line in lines[1:]] == ["Video ants, frame 00001: the", "Video bees, frame 00002: the"]


@pytest.mark.parametrize(
    ("out", "sentence"),
    [("out.csv", "must be a file whose name ends in .zip"), ("none/out.zip", "There is no folder"), ("", "ends in")],
)
def test_bad_paths(videos: list[Video], results: Path, tmp_path: Path, out: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        write_submission(results, videos, tmp_path / out)
    with pytest.raises(InputError, match="There is no folder of predictions"):
        write_submission(tmp_path / "nowhere", videos, tmp_path / "out.zip")
    with pytest.raises(InputError, match="There is no video to submit"):
        write_submission(results, [], tmp_path / "out.zip")


def test_a_video_without_annotation_or_frames(videos: list[Video], results: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Video ants has no annotation"):
        write_submission(results, [Video("ants", videos[0].frames, {})], tmp_path / "out.zip")
    with pytest.raises(InputError, match="Video ants has no frames"):
        write_submission(results, [Video("ants", (), videos[0].annotations)], tmp_path / "out.zip")


def test_a_prediction_that_changes_after_the_check_spoils_the_zip(
    videos: list[Video], results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = vos_core.submission._write_zip

    def change_first(*arguments: object) -> None:
        repaint(1)(results / "ants" / "00002.png")
        write(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(vos_core.submission, "_write_zip", change_first)
    with pytest.raises(VosLabError, match=r"ants/00002.png changed while"):
        write_submission(results, videos, tmp_path / "out.zip")
    assert [path.name for path in tmp_path.iterdir() if "zip" in path.name] == []


@pytest.fixture
def apart(tmp_path: Path) -> tuple[list[Video], Path]:
    """SA-V's split and predictions of it, one folder an object."""
    root = write_sav(tmp_path / "sav_val", {"sav_1": 9, "sav_2": 5})
    dataset = open_dataset(root)
    for name, frames in (("sav_1", 9), ("sav_2", 5)):
        write_predictions(root / "Annotations_6fps" / name, tmp_path / "theirs" / name, frames)
    return [dataset.video(name) for name in dataset.video_names()], tmp_path / "theirs"


def test_objects_kept_apart_go_in_as_they_are(apart: tuple[list[Video], Path], tmp_path: Path) -> None:
    split, theirs = apart
    (theirs / "sav_1" / "notes.txt").touch()
    report = write_submission(theirs, split, tmp_path / "out.zip")
    assert (report.videos, report.frames, report.objects) == (2, 14, 4)
    assert report.left_out == ("sav_1/notes.txt",)
    with zipfile.ZipFile(report.path) as archive:
        assert archive.read("sav_1/001/00007.png") == (theirs / "sav_1/001/00007.png").read_bytes()
        assert len(archive.namelist()) == 28


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda v: (v / "001" / "00003.png").unlink(), "object 001, frame 00003 has no prediction"),
        (lambda v: (v / "001").rename(v / "007"), "object 001 has no folder in .*\n.*has no object 007: remove"),
        (lambda v: write_mask(v / "000" / "00002.png", np.ones((4, 5), np.uint8)), "is 5x4 but the frame is 64x48"),
        (lambda v: (v / "000" / "00002.png").write_bytes(b"x"), "object 000, frame 00002: .*is not a PNG"),
        (lambda v: write_mask(v / "00000.png", np.ones((48, 64), np.uint8)), "are label maps, but .* per_obj_png_file"),
    ],
)
def test_what_is_wrong_with_objects_kept_apart(
    apart: tuple[list[Video], Path], tmp_path: Path, spoil: Callable[[Path], object], sentence: str
) -> None:
    split, theirs = apart
    spoil(theirs / "sav_1")
    with pytest.raises(PredictionError, match=sentence):
        write_submission(theirs, split, tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()


def test_objects_kept_apart_are_no_label_maps(videos: list[Video], results: Path, tmp_path: Path) -> None:
    folder = results / "ants"
    for path in list(folder.glob("*.png")):
        (folder / "001").mkdir(exist_ok=True)
        path.rename(folder / "001" / path.name)
    with pytest.raises(PredictionError, match="submitted as label maps, which cannot hold objects that overlap"):
        write_submission(results, videos, tmp_path / "out.zip")
