"""What is found wrong with a video before it is run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.clips import split_objects, write_dataset
from vos_core.datasets import open_dataset
from vos_core.datasets.checks import check_video, check_videos
from vos_core.errors import InputError
from vos_core.masks import write_mask


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "DAVIS", {"a": 6, "b": 4})


def annotation(root: Path, index: int) -> Path:
    return root / "Annotations/480p/a" / f"{index:05d}.png"


def test_facts(root: Path) -> None:
    facts = check_video(open_dataset(root).video("a"))
    assert (facts.frames, facts.objects, facts.height, facts.width, facts.annotated) == (6, 2, 48, 64, 6)


def no_prompt(root: Path) -> None:
    annotation(root, 0).unlink()


def gap(root: Path) -> None:
    annotation(root, 3).unlink()


def last_missing(root: Path) -> None:
    annotation(root, 5).unlink()


def other_size(root: Path) -> None:
    write_mask(annotation(root, 2), np.zeros((10, 20), np.uint8))


def empty_prompt(root: Path) -> None:
    write_mask(annotation(root, 0), np.zeros((48, 64), np.uint8))


def void_prompt(root: Path) -> None:
    write_mask(annotation(root, 0), np.full((48, 64), 255, np.uint8))


def stray(root: Path) -> None:
    annotation(root, 1).rename(annotation(root, 77))


def no_picture(root: Path) -> None:
    (root / "JPEGImages/480p/a/00002.jpg").write_bytes(b"hello\xff\xd9")


def frame(root: Path) -> Path:
    return root / "JPEGImages/480p/a/00003.jpg"


def cut_short(root: Path) -> None:
    frame(root).write_bytes(frame(root).read_bytes()[:-40])


def filled_with_zeros(root: Path) -> None:
    data = frame(root).read_bytes()
    frame(root).write_bytes(data[:400] + bytes(5000))


def empty_frame(root: Path) -> None:
    frame(root).write_bytes(b"")


def damaged(root: Path) -> None:
    annotation(root, 0).write_bytes(annotation(root, 0).read_bytes()[:60])


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (no_prompt, "Video a: its first frame 00000 has no annotation"),
        (gap, "Video a: frame 00003 has no annotation while its neighbours have"),
        (last_missing, "Video a: frame 00005 has no annotation"),
        (other_size, "Video a, frame 00002: annotation .* is 20x10 but the frame is 64x48"),
        (empty_prompt, "Video a: the annotation of its first frame 00000 holds no object"),
        (void_prompt, "Video a: the annotation of its first frame 00000 holds no object"),
        (stray, "Video a: annotation .*00077.png belongs to no frame"),
        (damaged, "00000.png"),
        (no_picture, "Video a: frame .*00002.jpg is no picture that can be read: replace the file"),
        (cut_short, r"Video a: frame .*00003.jpg was cut off, or is no picture \(\d+ bytes\); replace the file"),
        (filled_with_zeros, r"Video a: frame .*00003.jpg was cut off.* \(5400 bytes\)"),
        (empty_frame, "Video a: frame .*00003.jpg is empty"),
    ],
)
def test_damage_is_named(root: Path, damage: Callable[[Path], None], sentence: str) -> None:
    damage(root)
    with pytest.raises(InputError, match=sentence):
        check_videos(open_dataset(root), ["a", "b"])


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "JPG", "png"])
def test_whole_frames_pass_with_what_tools_append(tmp_path: Path, suffix: str) -> None:
    """On a split annotated on first frames only, whose later frames nobody else looks at."""
    root = write_dataset(tmp_path / "MOSE", {"a": 3}, annotated=1)
    for path in (root / "JPEGImages/480p/a").iterdir():
        with Image.open(path) as image:
            image.save(path.with_suffix(f".{suffix}"))
        if suffix != "jpg":
            path.unlink()
    last = root / "JPEGImages/480p/a" / f"00002.{suffix}"
    last.write_bytes(last.read_bytes() + b"MADE BY A CAMERA" * 20)
    assert check_video(open_dataset(root).video("a")).frames == 3
    last.write_bytes(last.read_bytes()[:-350])
    with pytest.raises(InputError, match="was cut off"):
        check_video(open_dataset(root).video("a"))


def test_all_problems_at_once(root: Path) -> None:
    no_prompt(root)
    (root / "Annotations/480p/b/00000.png").unlink()
    with pytest.raises(InputError, match=r"Video a: [^\n]*\nVideo b: "):
        check_videos(open_dataset(root), ["a", "b"])


@pytest.mark.parametrize("kept", [(0,), (0, 5), (0, 2, 4)])
def test_sparse_annotations_are_fine(root: Path, kept: tuple[int, ...]) -> None:
    for index in range(6):
        if index not in kept:
            annotation(root, index).unlink()
    assert check_video(open_dataset(root).video("a")).annotated == len(kept)


@pytest.fixture
def apart(root: Path) -> Path:
    """Video a with one folder an object, `001` and `002`; returns that folder."""
    split_objects(root / "Annotations/480p/a")
    return root / "Annotations/480p/a"


def test_object_folders_are_a_video(root: Path, apart: Path) -> None:
    for index in (1, 2, 3):
        (apart / "002" / f"{index:05d}.png").unlink()  # an object may be annotated less often
    video = open_dataset(root).video("a")
    assert (video.per_object, dict(video.annotations), video.ground_truth, video.annotated) == (apart, {}, apart, 6)
    facts = check_video(video)
    assert (facts.frames, facts.objects, facts.height, facts.width, facts.annotated) == (6, 2, 48, 64, 6)
    assert open_dataset(root).video("b").per_object is None


def test_the_highest_label_of_object_folders_counted_from_0(root: Path) -> None:
    split_objects(root / "Annotations/480p/a", first_id=0)
    assert check_video(open_dataset(root).video("a")).objects == 2


def without_first(apart: Path) -> None:
    (apart / "002" / "00000.png").unlink()


def nothing_first(apart: Path) -> None:
    for name in ("001", "002"):
        write_mask(apart / name / "00000.png", np.zeros((48, 64), np.uint8))


def test_objects_are_counted_by_their_labels(root: Path, apart: Path) -> None:
    """One that is hidden on the first frame too, and ids that leave gaps."""
    video = open_dataset(root).video("a")
    write_mask(apart / "002" / "00000.png", np.zeros((48, 64), np.uint8))
    assert check_video(video).objects == 2
    (apart / "002").rename(apart / "004")
    assert check_video(video).objects == check_video(video, later=True).objects == 4
    (apart / "001").rename(apart / "000")
    assert check_video(video).objects == check_video(video, later=True).objects == 5


def smaller(apart: Path) -> None:
    write_mask(apart / "002" / "00003.png", np.zeros((10, 20), np.uint8))


def astray(apart: Path) -> None:
    (apart / "002" / "00003.png").rename(apart / "002" / "00077.png")


def same_number(apart: Path) -> None:
    (apart / "2").mkdir()


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (without_first, r"Video a: an object has no mask of the first frame 00000.*002/00000.png"),
        (nothing_first, "Video a: the annotations of its first frame 00000 hold no object"),
        (smaller, "Video a, frame 00003: annotation .*002/00003.png is 20x10 but the frame is 64x48"),
        (astray, "Video a: annotation .*002/00077.png belongs to no frame"),
        (same_number, "same object"),
    ],
)
def test_damaged_object_folders(root: Path, apart: Path, damage: Callable[[Path], None], sentence: str) -> None:
    damage(apart)
    with pytest.raises(InputError, match=sentence):
        check_videos(open_dataset(root), ["a", "b"])
