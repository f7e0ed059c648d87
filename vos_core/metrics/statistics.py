"""Statistics of one object's score over time: mean, recall and decay, as DAVIS defines them (Perazzi et al. 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RECALL_THRESHOLD = 0.5
_BINS = 4


@dataclass(frozen=True, slots=True)
class Statistics:
    """Mean, recall (share of frames above 0.5) and decay (first quarter's mean minus the last's) of a score."""

    mean: float
    recall: float
    decay: float

    @classmethod
    def of(cls, values: np.ndarray, *, official: bool = False) -> Statistics:
        """Statistics of `values` (frames,); `official` as for `decay`. Raises ValueError without any value."""
        return cls(mean(values), recall(values), decay(values, official=official))


def mean(values: np.ndarray) -> float:
    """Mean of `values` (frames,), NaN left out; NaN when nothing is left."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def recall(values: np.ndarray) -> float:
    """Share of `values` (frames,) above 0.5; a NaN counts as not recalled."""
    if not values.size:
        return float("nan")
    return float((values > RECALL_THRESHOLD).mean())


def decay(values: np.ndarray, *, official: bool = False) -> float:
    """Mean of the first of four time bins minus that of the last; neighbouring bins share the frame between them.

    The official toolkit keeps the bins' ends in 8 bits, so that from 256 frames on they wrap around and its decay is
    another number or NaN; `official=True` reproduces that. Raises ValueError without any value.
    """
    if not values.size:
        raise ValueError("decay of no values")
    # The tiny addend makes halves round up.
    starts = np.round(np.linspace(1, values.size, _BINS + 1) + 1e-10).astype(np.int64) - 1
    stops = starts + 1
    if official:
        starts, stops = starts & 255, stops & 255
    return mean(values[starts[0] : stops[1]]) - mean(values[starts[-2] : stops[-1]])
