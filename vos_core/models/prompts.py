"""What a prompt in the middle of a video does to the labels that were carried so far."""

from __future__ import annotations

import numpy as np

from vos_core.models.base import LabelMap


def prompted(prompt: LabelMap, carried: LabelMap) -> LabelMap:
    """Label map (H, W) of a prompted frame: `prompt`, and behind it the carried masks of objects it does not name.

    An annotation that comes later often names new objects only (YouTube-VOS); the others go on, as in SAM 2.
    """
    others = np.where(np.isin(carried, prompt), 0, carried)
    merged: LabelMap = np.where(prompt > 0, prompt, others).astype(np.uint8)
    return merged
