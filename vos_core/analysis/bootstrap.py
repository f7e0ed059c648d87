"""Is one run better than another, or were the videos lucky? A paired bootstrap over videos, and its plain sentence.

Why over videos: objects of one video share its difficulty, so they are no independent evidence; a resampled video
brings all its objects. Why paired: both runs are scored on the same videos, whose difficulty cancels out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vos_core.analysis.comparisons import Comparison, ObjectScore, Tally, compare
from vos_core.errors import InputError

RESAMPLES = 9999
BATCH = 1000
SEED = 2017
MIN_VIDEOS = 5
"""Below this many videos no interval is given.

Simulated 95% intervals (2000 pairs of runs each, standard error 0.5 points; 1 to 5 objects a video share its gain)
cover, from 8, 20, 30 and 60 videos: 95.3, 94.0, 94.9, 94.8% of heavy-tailed gains, about as on DAVIS (four more
simulations of 30 videos: 93.2 to 95.0); 95.0, 95.3, 94.8, 94.8% of normal ones; 92.5, 93.6, 92.5, 92.6% of skewed
(exponential) ones. Where a fifth of the videos gains much and the rest nothing they cover less: without the
jackknife's spread it was 86, 87, 91% from 20, 30, 60. Plain percentiles and BCa covered less of heavy-tailed gains; a
bootstrap-t covered somewhat more of skewed ones, with wider intervals.
"""

_LEVEL = 5e-7  # fraction of J&F: what four decimals of points do not show

INTERVAL = "paired bootstrap percentile interval over videos, with t's tails and the jackknife's spread"


@dataclass(frozen=True)
class PairedDifference:
    """Official J&F (mean over objects) of B minus that of A, a fraction, over what both runs scored.

    `low` and `high` bound it with `confidence`; None where there are fewer than `MIN_VIDEOS` videos. `tally` counts
    videos.
    """

    difference: float
    low: float | None
    high: float | None
    confidence: float
    videos: int
    objects: int
    tally: Tally
    identical: bool
    kind: str = INTERVAL

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    def sentence(self, names: tuple[str, str] = ("A", "B")) -> str:
        """What it comes to, in points (hundredths) of J&F.

        `B is better by 0.8 points, interval 0.3 to 1.4; 22 of 30 videos`, always told from the better run's side.
        """
        first, second = names
        videos = f"{self.videos} video{'' if self.videos == 1 else 's'}"
        if self.identical:
            return f"{first} and {second} have identical scores on all objects of {videos}"
        if abs(self.difference) < _LEVEL:
            return f"No difference: {first} and {second} are level over {videos}, though not alike on each of them"
        sign = 1 if self.difference > 0 else -1
        ahead, wins = (second, self.tally.wins) if sign > 0 else (first, self.tally.losses)
        size = 100 * abs(self.difference)
        if self.low is None or self.high is None:
            number = _fixed(size, _decimals(size))
            if self.videos == 1:
                return f"{ahead} is ahead by {number} points on the one common video; one video gives no interval"
            return (
                f"{ahead} is ahead by {number} points; {wins} of {videos}; {self.videos} videos are too few for an "
                f"interval"
            )
        low, high = sorted((100 * sign * self.low, 100 * sign * self.high))
        places = _decimals(size, low, high)
        told = f"by {_fixed(size, places)} points, interval {_fixed(low, places)} to {_fixed(high, places)}"
        if self.clear:
            return f"{ahead} is better {told}; {wins} of {videos}"
        return f"No clear difference: {ahead} is ahead {told}; {wins} of {videos}"


def paired_bootstrap(
    a: Sequence[ObjectScore],
    b: Sequence[ObjectScore],
    *,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> PairedDifference:
    """Difference of the official J&F of two runs over what both scored, with its interval.

    Raises InputError when they have no object in common, or for rows that `compare` refuses.
    """
    return paired_difference(compare(a, b), confidence=confidence, resamples=resamples, seed=seed)


def paired_difference(
    comparison: Comparison, *, confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = SEED
) -> PairedDifference:
    """As `paired_bootstrap`, from a comparison already made. Raises InputError when nothing is common."""
    if not comparison.objects:
        raise InputError("The two runs have no object in common: compare runs over the same videos.")
    # A fixed order of videos: the same comparison gives the same interval whichever row came first.
    rows = sorted(comparison.videos, key=lambda row: row.video)
    sums = np.array([row.objects * row.difference for row in rows])
    counts = np.array([row.objects for row in rows], float)
    identical = all(row.j_difference == 0 and row.f_difference == 0 for row in comparison.objects)
    low = high = None
    if len(rows) >= MIN_VIDEOS:
        low, high = _interval(sums, counts, confidence, resamples, seed)
    return PairedDifference(
        difference=comparison.difference,
        low=low,
        high=high,
        confidence=confidence,
        videos=len(rows),
        objects=len(comparison.objects),
        tally=comparison.video_tally,
        identical=identical,
    )


def _interval(
    sums: np.ndarray, counts: np.ndarray, confidence: float, resamples: int, seed: int
) -> tuple[float, float]:
    """Bounds for the mean over objects from each video's sum of differences and its number of objects."""
    # Not scipy.stats, which takes a second to import: the page that compares first would wait for it.
    from scipy.special import ndtr, stdtrit

    # Resampling n videos finds too small a spread, with a normal's tails instead of t's. The tails are mended by asking
    # for wider percentiles (the expanded percentile interval of Hesterberg, "What Teachers Should Know about the
    # Bootstrap", The American Statistician 69, 2015, doi:10.1080/00031305.2015.1089789); the spread, in place of his
    # factor sqrt(n / (n - 1)), by widening them about the estimate until it is the jackknife's, which sees that videos
    # with many objects weigh more (the cluster jackknife CV3, a little wider since its factor (n - 1) / n is left
    # out: MacKinnon, Nielsen and Webb, "Cluster-robust inference: A guide to empirical practice", Journal of
    # Econometrics 232, 2023, doi:10.1016/j.jeconom.2022.04.001).
    n = len(sums)
    tail = float(ndtr(stdtrit(n - 1, (1 - confidence) / 2)))
    rng = np.random.default_rng(seed)
    # A thousand at a time: all of a split of hundreds of videos would take much memory.
    sizes = [min(BATCH, resamples - start) for start in range(0, resamples, BATCH)]
    drawn = (rng.integers(0, n, (size, n)) for size in sizes)
    means = np.concatenate([_mean_over_objects(sums[index], counts[index]) for index in drawn])
    estimate = float(_mean_over_objects(sums, counts))
    without_one = (sums.sum() - sums) / (counts.sum() - counts)
    spread = float(np.std(means))
    widening = math.sqrt(float(((without_one - estimate) ** 2).sum())) / spread if spread else 1.0
    low, high = np.quantile(means, (tail, 1 - tail))
    return estimate + widening * (float(low) - estimate), estimate + widening * (float(high) - estimate)


def _mean_over_objects(sums: np.ndarray, counts: np.ndarray) -> Any:
    return sums.sum(-1) / counts.sum(-1)


def _decimals(*values: float) -> int:
    """Decimals, 1 to 4, at which no value but zero looks like zero."""
    for places in range(1, 4):
        if all(value == 0 or abs(round(value, places)) > 0 for value in values):
            return places
    return 4


def _fixed(value: float, places: int) -> str:
    text = f"{value:.{places}f}"
    return text.removeprefix("-") if float(text) == 0 else text
