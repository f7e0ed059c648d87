"""The `static` model: the first mask held still. It needs nothing and says how much a video moves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from vos_core.home import Home
from vos_core.models.base import Clip, LabelMap
from vos_core.models.prompts import prompted
from vos_core.runs import RunSettings


class StaticSegmenter:
    """Repeats the latest prompt; before the first one nothing is seen."""

    def segment(self, clip: Clip, prompts: Mapping[int, LabelMap]) -> Iterator[LabelMap]:
        """One label map (H, W) uint8 a frame; each its own array, so that a caller may keep or change it."""
        labels = np.zeros((clip.height, clip.width), np.uint8)
        for index in range(len(clip)):
            if index in prompts:
                labels = prompted(prompts[index], labels)
            yield labels.copy()

    def facts(self) -> dict[str, Any]:
        """Nothing beyond the run's settings."""
        return {}

    def close(self) -> None:
        """Nothing is held."""


def load(settings: RunSettings, home: Home) -> StaticSegmenter:
    """The model; no setting changes it."""
    return StaticSegmenter()
