"""Masks in one folder an object: which folders they are, what is read, and how they become one label map."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vos_core.masks import MaskError, MissingMask, write_mask
from vos_core.per_object import (
    frames_of,
    is_per_object,
    join,
    labels_of,
    mask_reader,
    object_folders,
    overlap,
    read_binary,
    read_joined,
    read_per_object,
)

LEFT = np.array([[1, 1, 0, 0], [1, 1, 0, 0]], np.uint8)
MIDDLE = np.array([[0, 1, 1, 0], [0, 1, 1, 0]], np.uint8)


def write(path: Path, mask: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_mask(path, mask)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Objects 0 and 2 that overlap in one column; object 2 has no mask of frame 1."""
    for stem in ("00000", "00001"):
        write(tmp_path / "v" / "000" / f"{stem}.png", LEFT)
    write(tmp_path / "v" / "002" / "00000.png", MIDDLE)
    (tmp_path / "v" / ".voslab.json").write_text("{}")
    return tmp_path / "v"


def test_folders(video: Path) -> None:
    assert object_folders(video) == {0: video / "000", 2: video / "002"}
    assert is_per_object(video)
    (video / "notes").mkdir()
    (video / "10").mkdir()
    assert list(object_folders(video)) == [0, 2, 10]
    assert object_folders(video / "none") == {} and not is_per_object(video / "none")
    (video / "2").mkdir()
    with pytest.raises(MaskError, match="are the same object"):
        object_folders(video)


def test_label_maps_are_no_object_folders(video: Path) -> None:
    write(video / "00000.png", LEFT)
    assert not is_per_object(video)
    assert not is_per_object(video / "000")


def test_frames_are_in_time_order(video: Path) -> None:
    for stem in ("9", "10", ".11"):
        write(video / "3" / f"{stem}.png", LEFT)
    assert frames_of(video / "3") == ("9", "10")
    assert frames_of(video / "000") == ("00000", "00001")


def test_reads_masks_that_overlap(video: Path) -> None:
    masks = read_per_object(video, "00000")
    assert list(masks) == [0, 2] and all(mask.dtype == np.bool_ for mask in masks.values())
    assert np.array_equal(masks[0], LEFT > 0) and np.array_equal(masks[2], MIDDLE > 0)
    assert overlap(masks) == 2
    assert list(read_per_object(video, "00001")) == [0]
    with pytest.raises(MissingMask, match=r"00007\.png of any object"):
        read_per_object(video, "00007")


@pytest.mark.parametrize(
    "save",
    [
        lambda path: Image.fromarray(LEFT > 0).save(path),
        lambda path: Image.fromarray(LEFT * 255).save(path),
        lambda path: write_mask(path, LEFT * 7),
    ],
    ids=["1 bit", "grey 255", "palette 7"],
)
def test_any_value_but_0_is_inside(tmp_path: Path, save: Callable[[Path], None]) -> None:
    save(tmp_path / "mask.png")
    assert np.array_equal(read_binary(tmp_path / "mask.png"), LEFT > 0)


def truncate_1_bit(path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).random((40, 40)) < 0.5).save(path)
    path.write_bytes(path.read_bytes()[:90])


@pytest.mark.parametrize(
    ("save", "sentence"),
    [
        (lambda path: write_mask(path, LEFT + MIDDLE), "has more than one object"),
        (lambda path: Image.new("RGB", (4, 2)).save(path), "is 8-bit RGB"),
        (lambda path: path.write_bytes(b"x"), "is not a PNG"),
        (truncate_1_bit, "damaged PNG"),
        (lambda path: write_mask(path, LEFT.T.copy()), "is 2x4 but the frame's other objects are 4x2"),
    ],
    ids=["two objects", "RGB", "no PNG", "truncated", "other size"],
)
def test_what_is_wrong_names_the_file(video: Path, save: Callable[[Path], None], sentence: str) -> None:
    save(video / "002" / "00000.png")
    with pytest.raises(MaskError, match=sentence) as caught:
        read_per_object(video, "00000")
    assert str(video / "002" / "00000.png") in str(caught.value)


@pytest.mark.parametrize(
    ("ids", "labels"),
    [((1, 3), {1: 1, 3: 3}), ((2, 0), {0: 1, 2: 3}), ((), {}), ((253, 0), {0: 1, 253: 254})],
)
def test_labels_leave_0_to_the_background(ids: tuple[int, ...], labels: dict[int, int]) -> None:
    assert labels_of(ids) == labels


@pytest.mark.parametrize("ids", [(255,), (0, 254)])
def test_void_is_no_label(ids: tuple[int, ...]) -> None:
    with pytest.raises(MaskError, match="does not fit"):
        labels_of(ids)


def test_the_lower_id_wins(video: Path) -> None:
    assert join({2: MIDDLE, 1: LEFT}, {1: 1, 2: 2}).tolist() == [[1, 1, 2, 0], [1, 1, 2, 0]]
    assert read_joined(video, "00000").tolist() == [[1, 1, 3, 0], [1, 1, 3, 0]]
    with pytest.raises(MissingMask, match=r"002/00001.png"):
        read_joined(video, "00001")
    with pytest.raises(ValueError, match="no mask"):
        join({}, {})


def test_a_reader_for_either_layout(video: Path, tmp_path: Path) -> None:
    assert mask_reader(video)("00000").tolist() == [[1, 1, 3, 0], [1, 1, 3, 0]]
    write(tmp_path / "joined" / "00000.png", MIDDLE * 5)
    assert mask_reader(tmp_path / "joined")("00000").tolist() == (MIDDLE * 5).tolist()
    with pytest.raises(MissingMask):
        mask_reader(tmp_path / "none")("00000")
