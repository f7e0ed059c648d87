"""Scores of invented runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Row:
    """What comparisons need of an object's scores."""

    video: str
    object_id: int
    j_mean: float
    f_mean: float


def rows(scores: Mapping[str, Sequence[float]]) -> list[Row]:
    """Objects whose J and F are 0.02 below and above the given J&F."""
    return [
        Row(video, number, score - 0.02, score + 0.02)
        for video, values in scores.items()
        for number, score in enumerate(values, start=1)
    ]


OBJECTS_PER_VIDEO = (1, 2, 3, 4, 5)
SHARES = (0.45, 0.25, 0.15, 0.1, 0.05)  # about as on DAVIS 2017 val


def clustered_pair(rng: np.random.Generator, videos: int, effect: float) -> tuple[list[Row], list[Row]]:
    """Two runs: B is better by `effect` in expectation; gains are shared by a video's objects, with heavy tails."""
    a: dict[str, list[float]] = {}
    b: dict[str, list[float]] = {}
    for index in range(videos):
        objects = int(rng.choice(OBJECTS_PER_VIDEO, p=SHARES))
        difficulty = rng.uniform(0.5, 0.95)
        gain = effect + 0.015 * rng.standard_t(5)
        a[f"v{index:02d}"] = list(difficulty + rng.normal(0, 0.03, objects))
        b[f"v{index:02d}"] = [score + gain + rng.normal(0, 0.01) for score in a[f"v{index:02d}"]]
    return rows(a), rows(b)
