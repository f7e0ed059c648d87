from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vos_core.datasets import demo, demo_scenes
from vos_core.datasets.checks import check_videos
from vos_core.datasets.demo import generate_demo
from vos_core.datasets.demo_render import HEIGHT, MARGIN, WIDTH, Actor, Scene, Track
from vos_core.datasets.demo_sprites import lily_pad
from vos_core.errors import InputError
from vos_core.frames import read_picture
from vos_core.masks import DAVIS_PALETTE, read_mask, read_palette


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("whole") / "demo"
    generate_demo(root)
    return root


@pytest.fixture
def two_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two short, plain videos in place of all: what is tested is the writing, not the drawing."""

    def maker(name: str) -> Callable[[np.random.Generator], Scene]:
        def make(rng: np.random.Generator) -> Scene:
            ground = rng.random((HEIGHT + 2 * MARGIN, WIDTH + 2 * MARGIN, 3), np.float32)
            pad = Actor(lily_pad(rng, 30), Track([(0, 100, 100), (4, 120, 100)]), 1)
            return Scene(name, ground, (pad,), lambda t: (t, 0.0), frames=4)

        return make

    monkeypatch.setattr(demo_scenes, "SCENES", (maker("first"), maker("second")))


def _digests(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_whole_set_is_a_job_worth_running(whole: Path) -> None:
    dataset = demo.open_dataset(whole)
    facts = check_videos(dataset, dataset.video_names())
    assert len(facts) >= 6
    for fact in facts:
        assert fact.frames >= 40
        assert 2 <= fact.objects <= 4
        assert fact.annotated == fact.frames


def test_objects_are_seen_first_and_some_hide_and_come_back(whole: Path) -> None:
    dataset = demo.open_dataset(whole)
    returned = 0
    for name in dataset.video_names():
        video = dataset.video(name)
        masks = [read_mask(path) for path in video.annotations.values()]
        objects = int(masks[0].max())
        areas = np.array([np.bincount(mask.ravel(), minlength=objects + 1)[1:] for mask in masks])
        assert areas.shape[1] == objects, "no object joins later"
        assert (areas[0] >= 200).all(), (name, areas[0])
        hidden = areas < 0.05 * areas[0]
        for k in range(objects):
            gone = np.flatnonzero(hidden[:, k])
            returned += bool(len(gone)) and bool((areas[gone[0] :, k] > 0.5 * areas[0, k]).any())
    assert returned >= 3


def test_pictures_and_masks_belong_together(whole: Path) -> None:
    """Along an object's outline the picture changes more than elsewhere, in every video, early and late."""
    import cv2

    dataset = demo.open_dataset(whole)
    for name in dataset.video_names():
        video = dataset.video(name)
        for index in (0, video.length // 2, video.length - 1):
            mask = read_mask(list(video.annotations.values())[index])
            picture = cv2.GaussianBlur(read_picture(video.frames[index]), (0, 0), 1.0).astype(np.float32)
            change = sum(np.abs(np.gradient(picture.sum(axis=2), axis=axis)) for axis in (0, 1))
            thick = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
            assert change[thick].mean() > 1.5 * change[~thick].mean(), (name, index)


def test_files_are_as_the_davis_layout_has_them(whole: Path) -> None:
    dataset = demo.open_dataset(whole)
    assert (dataset.splits, dataset.default_split) == (("val",), "val")
    video = dataset.video(dataset.video_names()[0])
    assert video.frames[0].relative_to(whole).as_posix() == f"JPEGImages/480p/{video.name}/00000.jpg"
    assert read_palette(video.annotations["00000"]) == DAVIS_PALETTE


def test_equal_seeds_give_equal_files_and_others_do_not(tmp_path: Path, two_scenes: None) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        generate_demo(tmp_path / name, seed=seed)
    first, again, other = (_digests(tmp_path / name) for name in "abc")
    assert first == again
    pictures = [name for name in first if name.endswith(".jpg")]
    assert pictures
    assert all(first[name] != other[name] for name in pictures)


def test_a_set_that_is_there_is_left_alone(tmp_path: Path, two_scenes: None) -> None:
    generate_demo(tmp_path / "demo")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "demo").rglob("*")}
    told: list[tuple[int, int]] = []
    generate_demo(tmp_path / "demo", progress=lambda done, total: told.append((done, total)))
    assert told == []
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "demo").rglob("*")} == before


@pytest.mark.parametrize("harm", ["frame", "mask", "list", "version", "seed", "marker is no JSON"])
def test_a_damaged_or_other_set_is_made_anew(tmp_path: Path, two_scenes: None, harm: str) -> None:
    root = tmp_path / "demo"
    generate_demo(root)
    before = _digests(root)
    marker = root / demo.MARKER
    if harm == "frame":
        next(root.glob("JPEGImages/480p/*/00002.jpg")).unlink()
    elif harm == "mask":
        next(root.glob("Annotations/480p/*/00001.png")).unlink()
    elif harm == "list":
        (root / "ImageSets" / "2017" / "val.txt").unlink()
    elif harm == "marker is no JSON":
        marker.write_text("{")
    else:
        marker.write_text(json.dumps({**json.loads(marker.read_text()), harm: 99}))
    generate_demo(root)
    assert _digests(root) == before
    assert [path.name for path in tmp_path.iterdir()] == ["demo"], "nothing is left beside it"


def test_a_failure_leaves_no_half_set(tmp_path: Path, two_scenes: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(demo, "write_mask", full)
    with pytest.raises(OSError, match="No space left"):
        generate_demo(tmp_path / "demo")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_one_left_goes_and_what_another_is_at_stays(tmp_path: Path) -> None:
    (tmp_path / ".demo-killed" / "new").mkdir(parents=True)
    with demo._workplace(tmp_path / "demo") as first:
        assert not (tmp_path / ".demo-killed").exists()
        with demo._workplace(tmp_path / "demo") as second:
            assert first.is_dir() and second.is_dir() and first != second
    assert not list(tmp_path.iterdir())


def test_what_is_not_a_demo_set_is_never_replaced(tmp_path: Path) -> None:
    mine = tmp_path / "demo" / "thesis.txt"
    mine.parent.mkdir()
    mine.write_text("years of work")
    with pytest.raises(InputError, match="not the demo dataset"):
        generate_demo(tmp_path / "demo")
    assert mine.read_text() == "years of work"


def test_progress_ends_at_all_frames(tmp_path: Path, two_scenes: None) -> None:
    told: list[tuple[int, int]] = []
    generate_demo(tmp_path / "demo", progress=lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == list(range(1, 9))
    assert told[-1] == (8, 8)
