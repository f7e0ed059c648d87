"""A clip over arrays, and small moving scenes whose masks are known exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from vos_core.home import Home
from vos_core.models.base import LabelMap, Picture, Segmenter
from vos_core.models.loading import load_model
from vos_core.runs import RunSettings


class ArrayClip:
    """A `Clip` whose frames are in memory; `asked` is the highest frame that was asked for."""

    def __init__(self, frames: Sequence[Picture]) -> None:
        self.name = "arrays"
        self.height, self.width = frames[0].shape[:2]
        self.paths: Sequence[Path] = ()
        self.asked = -1
        self._frames = frames

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> Picture:
        self.asked = max(self.asked, index)
        return self._frames[index]

    def __iter__(self) -> Iterator[Picture]:
        return (self[index] for index in range(len(self)))


def load(model: str, memory_size: int | None = None) -> Segmenter:
    """A registered model, loaded as a worker loads it."""
    settings = RunSettings("arrays", "/arrays", "val", model, memory_size)
    return load_model(settings, Home.from_environment({}, cwd=Path("/nowhere")))


def texture(seed: int, height: int, width: int, tint: tuple[float, float, float]) -> np.ndarray:
    """Smooth coloured noise, float32 (height, width, 3) over 0..255."""
    import cv2

    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.random((height, width, 3), np.float32), (0, 0), 2.0)
    noise = (noise - noise.min()) / (noise.max() - noise.min())
    return (0.35 + 0.65 * noise) * np.array(tint, np.float32)


def gliding_disks(
    frames: int, steps: Sequence[tuple[float, float]], height: int = 120, width: int = 201, radius: int = 17
) -> tuple[list[Picture], list[LabelMap]]:
    """Textured disks 1..K over a textured ground; disk k moves by `steps[k - 1]` (x, y) pixels a frame."""
    tints = ((250.0, 120.0, 60.0), (90.0, 220.0, 250.0), (240.0, 230.0, 90.0))
    ground = texture(1, height, width, (110.0, 130.0, 90.0))
    skins = [texture(2 + k, 2 * radius + 1, 2 * radius + 1, tints[k]) for k in range(len(steps))]
    y, x = np.mgrid[0:height, 0:width]
    pictures, masks = [], []
    for t in range(frames):
        picture, mask = ground.copy(), np.zeros((height, width), np.uint8)
        for k, (step_x, step_y) in enumerate(steps):
            centre_x, centre_y = round(width * (k + 1) / (len(steps) + 1) + step_x * t), round(height / 2 + step_y * t)
            inside = (x - centre_x) ** 2 + (y - centre_y) ** 2 <= radius**2
            picture[inside] = skins[k][(y - centre_y + radius)[inside], (x - centre_x + radius)[inside]]
            mask[inside] = k + 1
        pictures.append(picture.astype(np.uint8))
        masks.append(mask)
    return pictures, masks


def overlap(first: np.ndarray, second: np.ndarray, value: int) -> float:
    """J of one object of two label maps."""
    a, b = first == value, second == value
    return float((a & b).sum() / max(1, (a | b).sum()))
