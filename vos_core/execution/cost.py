"""What a video costs in seconds: frames x (a + b x objects), fitted from past timings; and what loading costs."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

# Until there are timings: frames x objects, at the pace of SAM 2 base_plus on a data-centre GPU.
DEFAULT_SECONDS_PER_OBJECT = 0.05
DEFAULT_LOAD_SECONDS = 10.0  # from starting to load until the first frame


@dataclass(frozen=True)
class CostModel:
    """Seconds of a video: `frames * (per_frame + per_object * objects)`; `load_s` to load and warm the model."""

    per_frame: float = 0.0
    per_object: float = DEFAULT_SECONDS_PER_OBJECT
    load_s: float = DEFAULT_LOAD_SECONDS

    def cost(self, frames: int, objects: int) -> float:
        """Expected seconds of a video, loading left out."""
        return frames * (self.per_frame + self.per_object * max(1, objects))


def fit_cost(timings: Iterable[tuple[int, int, float]], loads: Iterable[float] = (), at_least: int = 6) -> CostModel:
    """Least-squares fit over past (frames, objects, seconds); the default pace until there are `at_least` of them.

    Coefficients are kept non-negative: a longer video, or one with more objects, never costs less.

    Args:
        timings: of one model on one kind of device; the paces of models differ by orders of magnitude.
        loads: past seconds of getting that model ready.
        at_least: so many timings are needed.
    """
    load_s = typical_load(loads)
    rows = [(frames, objects, seconds) for frames, objects, seconds in timings if frames > 0 and seconds > 0]
    if len(rows) < at_least:
        return CostModel(load_s=load_s)
    per_frame_seconds = np.array([seconds / frames for frames, _, seconds in rows])
    objects = np.array([max(1, count) for _, count, _ in rows], dtype=float)
    if np.ptp(objects) == 0:
        return CostModel(0.0, float(per_frame_seconds.mean() / objects[0]), load_s)
    (a, b), *_ = np.linalg.lstsq(np.column_stack([np.ones(len(rows)), objects]), per_frame_seconds, rcond=None)
    if b <= 0:
        return CostModel(float(per_frame_seconds.mean()), 0.0, load_s)
    if a <= 0:
        return CostModel(0.0, float((per_frame_seconds * objects).sum() / (objects**2).sum()), load_s)
    return CostModel(float(a), float(b), load_s)


def typical_load(loads: Iterable[float]) -> float:
    """Seconds that loading weights takes: the median of the real loads among `loads`; a default where there are none.

    Weights that were still on the device (another memory size of the same checkpoint) are ready in no time: what took
    less than half of the longest is none.
    """
    seconds = [value for value in loads if value > 0]
    if not seconds:
        return DEFAULT_LOAD_SECONDS
    return statistics.median(value for value in seconds if value >= max(seconds) / 2)
