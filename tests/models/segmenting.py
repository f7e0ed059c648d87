"""A short clip through the segmenter: settings, and all masks of it at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.models.sam2_random import ArrayClip
from vos_core.models.base import LabelMap
from vos_core.models.sam2_video import Sam2Segmenter
from vos_core.runs import RunSettings

Video = tuple[ArrayClip, dict[int, LabelMap]]


def settings_for(
    model: str = "sam2_hiera_tiny", size: int | None = 7, mode: str | None = "position_preserving", **options: Any
) -> RunSettings:
    values = {"image_size": 64, "device": "cpu", **options}
    return RunSettings("D", "data:D", "val", model, size, mode, (), tuple(sorted(values.items())))


def run(segmenter: Sam2Segmenter, video: Video) -> np.ndarray:
    clip, labels = video
    return np.stack(list(segmenter.segment(clip, {0: labels[0]})))
