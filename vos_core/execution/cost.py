"""What a video costs, so that the most expensive one starts first: frames x (a + b x objects)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CostModel:
    """Seconds of a video: `frames * (per_frame + per_object * objects)`."""

    per_frame: float = 0.0
    per_object: float = 1.0

    def cost(self, frames: int, objects: int) -> float:
        """Expected seconds; in arbitrary units (frames x objects) until there are timings to fit."""
        return frames * (self.per_frame + self.per_object * max(1, objects))


def fit_cost(timings: Iterable[tuple[int, int, float]], at_least: int = 6) -> CostModel:
    """Least-squares fit over past (frames, objects, seconds); the default until there are `at_least` of them.

    Coefficients are kept non-negative: a longer video, or one with more objects, never costs less.
    """
    rows = [(frames, objects, seconds) for frames, objects, seconds in timings if frames > 0 and seconds > 0]
    if len(rows) < at_least:
        return CostModel()
    per_frame_seconds = np.array([seconds / frames for frames, _, seconds in rows])
    objects = np.array([max(1, count) for _, count, _ in rows], dtype=float)
    if np.ptp(objects) == 0:
        return CostModel(0.0, float(per_frame_seconds.mean() / objects[0]))
    (a, b), *_ = np.linalg.lstsq(np.column_stack([np.ones(len(rows)), objects]), per_frame_seconds, rcond=None)
    if b <= 0:
        return CostModel(float(per_frame_seconds.mean()), 0.0)
    if a <= 0:
        return CostModel(0.0, float((per_frame_seconds * objects).sum() / (objects**2).sum()))
    return CostModel(float(a), float(b))
