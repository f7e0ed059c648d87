"""MOSE's meta file: what it says, whether the folders agree, and the list that comes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vos_core.datasets import open_dataset
from vos_core.datasets.mose import VideoMeta, read_meta, video_order, write_list
from vos_core.errors import InputError
from vos_core.masks import write_mask

# An order that is neither the folders' nor the alphabet's.
META: dict[str, Any] = {
    "videos": {
        "c8f2": {"objects": ["1", "3"], "length": 3, "height": 8, "width": 9, "category": "x"},
        "0a1b": {"objects": {"2": {}}, "length": 2},
        "77de": {"length": 1},
    }
}


def write_valid(root: Path) -> Path:
    """MOSE's valid folder: all frames, annotations of first frames, no lists, the meta file beside it."""
    valid = root / "MOSE" / "valid"
    for name, facts in META["videos"].items():
        (valid / "JPEGImages" / name).mkdir(parents=True)
        (valid / "Annotations" / name).mkdir(parents=True)
        for index in range(facts["length"]):
            Image.new("RGB", (9, 8)).save(valid / "JPEGImages" / name / f"{index:05d}.jpg")
        (valid / "JPEGImages" / name / ".hidden.jpg").write_text("")
        write_mask(valid / "Annotations" / name / "00000.png", np.ones((8, 9), np.uint8))
    (root / "MOSE" / "meta_valid.json").write_text(json.dumps(META))
    return valid


def meta_of(valid: Path) -> Path:
    return valid.parent / "meta_valid.json"


def test_the_list_has_the_meta_files_videos_in_its_order(tmp_path: Path) -> None:
    valid = write_valid(tmp_path)
    path = write_list(valid, "val", video_order(valid, meta_of(valid)))
    assert path == valid / "ImageSets" / "val.txt"
    assert path.read_text() == "c8f2\n0a1b\n77de\n"
    dataset = open_dataset(valid.parent)
    assert dataset.splits == ("val",) and dataset.video_names() == ("c8f2", "0a1b", "77de")
    assert [file.name for file in path.parent.iterdir()] == ["val.txt"]


def test_what_the_meta_file_says(tmp_path: Path) -> None:
    write_valid(tmp_path)
    assert read_meta(tmp_path / "MOSE" / "meta_valid.json") == {
        "c8f2": VideoMeta(3, 8, 9, (1, 3)),
        "0a1b": VideoMeta(length=2, objects=(2,)),
        "77de": VideoMeta(length=1),
    }


def test_folders_that_do_not_fit_are_all_told(tmp_path: Path) -> None:
    valid = write_valid(tmp_path)
    (valid / "JPEGImages" / "c8f2" / "00002.jpg").unlink()
    (valid / "Annotations" / "77de").rename(tmp_path / "elsewhere")
    with pytest.raises(InputError) as caught:
        video_order(valid, meta_of(valid))
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("Video c8f2 has 2 frames in ") and "but 3 by the meta file" in lines[0]
    assert lines[1].startswith("The meta file names video 77de, but there is no folder ")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"videos": []}',
        '{"videos": {}}',
        '{"videos": {"a": 3}}',
        '{"videos": {"a": {"length": "12"}}}',
        '{"videos": {"a": {"length": 0}}}',
        '{"videos": {"../a": {}}}',
        '{"videos": {"a\\nb": {}}}',
        '{"videos": {"": {}}}',
        '{"videos": {"a": {"objects": ["x"]}}}',
    ],
)
def test_a_damaged_meta_file(tmp_path: Path, text: str) -> None:
    valid = write_valid(tmp_path)
    meta_of(valid).write_text(text)
    with pytest.raises(InputError, match="is no meta file of MOSE"):
        open_dataset(valid).video_names()


def test_an_unreadable_meta_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        video_order(write_valid(tmp_path), tmp_path / "none.json")
