"""The `flow` model: dense optical flow carries the previous mask to the next frame; no memory, so errors add up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from vos_core.home import Home
from vos_core.models.base import Clip, LabelMap, Picture
from vos_core.models.optical_flow import Flow, FlowEstimator, carry, grey, limit_threads, pixel_grid, sample
from vos_core.models.prompts import prompted
from vos_core.runs import RunSettings

_SLACK = 0.05  # of the two flows' squared lengths, plus
_TOLERANCE = 1.5  # squared pixels: how far there-and-back may miss (Sundaram et al., ECCV 2010, loosened)
_SEEN_AGAIN = 30.0  # summed RGB difference below which a pixel still looks like the point it came from


class FlowSegmenter:
    """Backward warping: each pixel of the new frame looks up where it was in the previous one.

    A pixel whose backward and forward flows disagree is being uncovered or covered. There the flow that was found
    belongs to a neighbour, so the pixel keeps its looked-up object only where it also looks the same.
    """

    def __init__(self) -> None:
        self._estimator = FlowEstimator()

    def segment(self, clip: Clip, prompts: Mapping[int, LabelMap]) -> Iterator[LabelMap]:
        """One label map (H, W) uint8 a frame."""
        grid = pixel_grid(clip.height, clip.width)
        labels = np.zeros((clip.height, clip.width), np.uint8)
        before: Picture | None = None
        for index, picture in enumerate(clip):
            if before is not None and labels.any():
                labels = self._step(before, picture, labels, grid)
            if index in prompts:
                labels = prompted(prompts[index], labels)
            before = picture
            yield labels.copy()

    def _step(self, before: Picture, picture: Picture, labels: LabelMap, grid: Flow) -> LabelMap:
        old, new = grey(before), grey(picture)
        back, forth = self._estimator.between(new, old), self._estimator.between(old, new)
        where = grid + back
        carried = carry(labels, where)
        carried[_hidden(before, picture, back, forth, where)] = 0
        return carried

    def facts(self) -> dict[str, Any]:
        """Nothing beyond the run's settings."""
        return {}

    def close(self) -> None:
        """Nothing is held but the estimator."""


def _hidden(before: Picture, picture: Picture, back: Flow, forth: Flow, where: Flow) -> np.ndarray:
    """Mask (H, W) of the pixels that cannot have come from where the flow says: there-and-back misses, looks differ."""
    import cv2

    returned = sample(forth, where, replicate=True)
    missed = ((back + returned) ** 2).sum(axis=2)
    allowed = _SLACK * ((back**2).sum(axis=2) + (returned**2).sum(axis=2)) + _TOLERANCE
    looked = sample(before, where, replicate=True)
    differs = cv2.absdiff(looked, picture).astype(np.float32).sum(axis=2)
    hidden: np.ndarray = (missed > allowed) & (cv2.blur(differs, (5, 5)) > _SEEN_AGAIN)
    return hidden


def load(settings: RunSettings, home: Home) -> FlowSegmenter:
    """The model; no setting changes it. OpenCV is imported here, in a worker, and not before."""
    limit_threads()
    return FlowSegmenter()
