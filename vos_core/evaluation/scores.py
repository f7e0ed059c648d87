"""Scores as values: of one object, of one video, of a whole split (the seven official numbers)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from vos_core.metrics.statistics import Statistics

StatisticsRow = Statistics | Sequence[float]


@dataclass(frozen=True)
class ObjectScores:
    """J and F of one object on every evaluated frame."""

    video: str
    object_id: int
    frames: tuple[str, ...]
    j: np.ndarray
    f: np.ndarray
    official_decay: bool = False

    @property
    def name(self) -> str:
        """`<video>_<object id>`, as the official tables call it."""
        return f"{self.video}_{self.object_id}"

    @property
    def j_statistics(self) -> Statistics:
        """Mean, recall and decay of J."""
        return Statistics.of(self.j, official=self.official_decay)

    @property
    def f_statistics(self) -> Statistics:
        """Mean, recall and decay of F."""
        return Statistics.of(self.f, official=self.official_decay)


@dataclass(frozen=True)
class VideoScores:
    """Scores of the objects 1..K of one video."""

    video: str
    objects: tuple[ObjectScores, ...]


@dataclass(frozen=True)
class GlobalScores:
    """The seven official numbers of a split: means over objects (not over videos); `jf_mean` is (J + F) / 2."""

    jf_mean: float
    j_mean: float
    j_recall: float
    j_decay: float
    f_mean: float
    f_recall: float
    f_decay: float

    def as_columns(self) -> dict[str, float]:
        """The numbers under their official column names, in their order."""
        return {
            "J&F-Mean": self.jf_mean,
            "J-Mean": self.j_mean,
            "J-Recall": self.j_recall,
            "J-Decay": self.j_decay,
            "F-Mean": self.f_mean,
            "F-Recall": self.f_recall,
            "F-Decay": self.f_decay,
        }


def global_scores(objects: Iterable[tuple[StatisticsRow, StatisticsRow]]) -> GlobalScores:
    """Scores of a split from each object's statistics of J and F: `Statistics`, or (mean, recall, decay) as stored.

    Raises ValueError when there is no object.
    """
    rows = [(*_numbers(j), *_numbers(f)) for j, f in objects]
    if not rows:
        raise ValueError("no object to take the mean of")
    # Column by column, each contiguous: the order of additions that the official toolkit has.
    j_mean, j_recall, j_decay, f_mean, f_recall, f_decay = (float(np.mean(column)) for column in zip(*rows))
    return GlobalScores((j_mean + f_mean) / 2, j_mean, j_recall, j_decay, f_mean, f_recall, f_decay)


def _numbers(row: StatisticsRow) -> tuple[float, float, float]:
    if isinstance(row, Statistics):
        return row.mean, row.recall, row.decay
    mean, recall, decay = row
    return float(mean), float(recall), float(decay)
