"""A small dataset, and predictions that differ from its annotations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vos_core.evaluation import evaluate
from vos_core.masks import write_mask

HEIGHT, WIDTH, FRAMES = 24, 32, 7
STEMS = [f"{index:05d}" for index in range(FRAMES)]


@dataclass(frozen=True)
class Folders:
    """A dataset with annotations only, and predictions that differ from them."""

    root: Path
    results: Path

    def prediction(self, video: str, stem: str) -> Path:
        return self.results / video / f"{stem}.png"

    def annotations(self, video: str) -> dict[str, Path]:
        return {path.stem: path for path in sorted((self.root / "Annotations" / "480p" / video).iterdir())}

    def evaluate(self, **options: Any) -> Any:
        return evaluate(self.root, self.results, **options)


def label_map(offset: int, objects: int) -> np.ndarray:
    """Squares of 6 pixels, one an object, that lie `offset` to the right."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for k in range(1, objects + 1):
        mask[4 * k : 4 * k + 6, 6 * k + offset - 4 : 6 * k + offset + 2] = k
    return mask


def make_folders(tmp_path: Path) -> Folders:
    """Two videos, of one and of three objects, with void in the annotations."""
    made = Folders(tmp_path / "DAVIS", tmp_path / "predictions")
    for video, objects in (("bear", 1), ("cows", 3)):
        (made.root / "Annotations" / "480p" / video).mkdir(parents=True)
        (made.results / video).mkdir(parents=True)
        for index, stem in enumerate(STEMS):
            annotation = label_map(index, objects)
            annotation[0, 0] = 255
            write_mask(made.root / "Annotations" / "480p" / video / f"{stem}.png", annotation)
            write_mask(made.prediction(video, stem), label_map(index + index % 3, objects))
    lists = made.root / "ImageSets" / "2017"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("cows\nbear\n")
    return made
