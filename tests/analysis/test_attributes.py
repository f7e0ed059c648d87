"""Attributes of objects: measured from drawn masks whose attributes are known, kept on disk, and put into lines."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.analysis.rows import rows
from vos_core.analysis.attributes import AttributeLine, VideoShape, attribute_lines, collect, measure
from vos_core.analysis.lineup import line_up
from vos_core.datasets import Video, open_dataset
from vos_core.errors import InputError
from vos_core.masks import write_mask
from vos_core.per_object import write_per_object

HEIGHT, WIDTH = 60, 80
Box = tuple[int, int, int, int]  # top, left, height, width

STILL: list[Box | None] = [(20, 20, 10, 10)] * 6


def mask(box: Box | None, label: int = 1) -> np.ndarray:
    found = np.zeros((HEIGHT, WIDTH), np.uint8)
    if box is not None:
        top, left, height, width = box
        found[top : top + height, left : left + width] = label
    return found


def video(folder: Path, boxes: Sequence[Box | None], second: Sequence[Box | None] = ()) -> Video:
    """A video whose object 1 is these boxes, and object 2 `second`, drawn over it."""
    annotations = {}
    for index, box in enumerate(boxes):
        labels = mask(box)
        if second:
            labels = np.maximum(labels, mask(second[index], 2))
        path = folder / f"{index:05d}.png"
        write_mask(path, labels)
        annotations[path.stem] = path
    frames = tuple(Path("pictures") / f"{stem}.jpg" for stem in annotations)
    return Video(folder.name, frames, annotations)


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        (STILL, {"area": 100 / 4800, "scale": 1.0, "motion": 0.0, "edge": 0.0, "disappears": False, "returns": False}),
        ([(20, 10 + 3 * i, 10, 10) for i in range(6)], {"motion": 3 / 100}),
        ([(20, 20, 10, 10)] * 3 + [(20, 20, 10, 4)] * 3, {"scale": 0.4, "area": 70 / 4800, "motion": 3 / 5 / 100}),
        ([STILL[0], None, None, (40, 50, 10, 10)], {"disappears": True, "returns": True, "motion": 0.0}),
        ([(20, 20, 10, 10), (20, 20, 10, 10), None], {"disappears": True, "returns": False}),
        ([(0, 20, 10, 10), (20, 20, 10, 10)], {"edge": 0.5}),
        ([(20, 70, 10, 10), (50, 20, 10, 10)], {"edge": 1.0}),
        ([(20, 69, 10, 10), (49, 20, 10, 10)], {"edge": 0.0}),
    ],
)
def test_shapes(tmp_path: Path, boxes: list[Box | None], expected: dict[str, float]) -> None:
    (shape,) = measure(video(tmp_path, boxes)).objects
    assert {name: getattr(shape, name) for name in expected} == pytest.approx(expected)


def test_an_object_that_appears_later_has_not_come_back(tmp_path: Path) -> None:
    found = measure(video(tmp_path, [None, None, *STILL], [(40, 40, 5, 5)] * 8))
    first, second = found.objects
    assert (first.object_id, first.returns, first.disappears, second.object_id) == (1, False, False, 2)
    assert found.frames == 8


def test_void_and_labels_that_come_later_are_no_objects(tmp_path: Path) -> None:
    one = video(tmp_path, STILL)
    labels = mask(STILL[0])
    labels[0, :5], labels[50:, :] = 255, 7
    write_mask(one.annotations["00003"], labels)
    assert [shape.object_id for shape in measure(one).objects] == [1]


def test_objects_kept_apart_have_the_same_shapes(tmp_path: Path) -> None:
    joined = video(tmp_path, STILL, [(40, 10 + 5 * i, 8, 8) for i in range(6)])
    apart = tmp_path / "apart"
    apart.mkdir()
    for index, stem in enumerate(joined.annotations):
        masks = {1: mask(STILL[index]), 2: mask((40, 10 + 5 * index, 8, 8))}
        write_per_object(apart, stem, masks)
    assert measure(Video("apart", joined.frames, {}, apart)) == measure(joined)


def dataset(root: Path) -> Path:
    for name, boxes in {"calm": STILL, "gone & back 'ü'": [STILL[0], None, STILL[0], STILL[0]]}.items():
        (root / "Annotations" / "480p" / name).mkdir(parents=True)
        (root / "JPEGImages" / "480p" / name).mkdir(parents=True)
        for index, box in enumerate(boxes):
            write_mask(root / "Annotations" / "480p" / name / f"{index:05d}.png", mask(box))
            (root / "JPEGImages" / "480p" / name / f"{index:05d}.jpg").touch()
    return root


NAMES = ("calm", "gone & back 'ü'")


def test_shapes_are_measured_once_and_again_when_annotations_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, kept = open_dataset(dataset(tmp_path / "set")), tmp_path / "state" / "attributes" / "set.json"
    first = collect(found, NAMES, kept)
    assert [first[name].objects[0].returns for name in NAMES] == [False, True]
    measured: list[str] = []

    def counted(video: Video) -> VideoShape:
        measured.append(video.name)
        return measure(video)

    monkeypatch.setattr("vos_core.analysis.attributes.measure", counted)
    assert collect(found, NAMES, kept) == first and measured == []
    folder = found.annotations / "calm"
    write_mask(folder / "00002.png", mask(None))
    os.utime(folder, ns=(1, 1))
    assert collect(found, NAMES, kept)["calm"].objects[0].returns
    assert measured == ["calm"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 0, "videos": {}}', '{"format": 1}', '{"videos": 3}'])
def test_a_file_of_no_use_is_written_anew(tmp_path: Path, content: str) -> None:
    kept = tmp_path / "set.json"
    kept.write_text(content)
    assert len(collect(open_dataset(dataset(tmp_path / "set")), NAMES, kept)) == 2
    assert set(json.loads(kept.read_text())["videos"]) == set(NAMES)


def test_a_time_limit_leaves_the_rest_for_the_next_call(tmp_path: Path) -> None:
    found, kept = open_dataset(dataset(tmp_path / "set")), tmp_path / "set.json"
    assert list(collect(found, NAMES, kept, seconds=-1)) == ["calm"]
    assert set(collect(found, NAMES, kept, seconds=-1)) == set(NAMES)


def test_an_annotation_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    found = open_dataset(dataset(tmp_path / "set"))
    (found.annotations / "calm" / "00001.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"calm/00001\.png"):
        collect(found, NAMES, tmp_path / "set.json")


def test_lines_are_means_over_the_objects_that_have_a_value(tmp_path: Path) -> None:
    shapes = {
        "one": measure(video(_folder(tmp_path / "one"), STILL)),
        "two": measure(video(_folder(tmp_path / "two"), [STILL[0], None, STILL[0]], [(40, 40, 5, 5)] * 3)),
    }
    a = rows({"one": [0.9], "two": [0.3, 0.6], "unmeasured": [0.1]})
    b = rows({"one": [0.8], "two": [0.5, 0.7], "unmeasured": [0.1]})
    found = {(line.attribute, line.value): line for line in attribute_lines(line_up([a, b]), shapes)}
    expected = {
        ("Objects in the video", "1 object"): (1, 1, (0.9, 0.8)),
        ("Objects in the video", "2 objects"): (2, 1, (0.45, 0.6)),
        ("Object's size", "medium"): (3, 2, (0.6, 2.0 / 3)),
        ("Visibility", "always seen"): (2, 2, (0.75, 0.75)),
        ("Visibility", "comes back"): (1, 1, (0.3, 0.5)),
    }
    for key, (objects, videos, means) in expected.items():
        assert found[key] == AttributeLine(*key, objects, videos, pytest.approx(means)), key  # type: ignore[arg-type]
    assert ("Objects in the video", "3 or more") not in found


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
