"""What is found wrong with a video before it is run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.clips import write_dataset
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
    ],
)
def test_damage_is_named(root: Path, damage: Callable[[Path], None], sentence: str) -> None:
    damage(root)
    with pytest.raises(InputError, match=sentence):
        check_videos(open_dataset(root), ["a", "b"])


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
