"""The paired bootstrap over videos: its properties, its coverage, and its sentences."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.rows import Row, clustered_pair, rows
from vos_core.analysis.bootstrap import MIN_VIDEOS, PairedDifference, paired_bootstrap
from vos_core.analysis.comparisons import Tally, compare
from vos_core.errors import InputError

SEEDS = st.integers(0, 2**32 - 1)
FEW = 499  # resamples: enough for properties that hold for any number


def interval(difference: PairedDifference) -> tuple[float, float]:
    assert difference.low is not None
    assert difference.high is not None
    return difference.low, difference.high


def scored(gains: list[float]) -> tuple[list[Row], list[Row]]:
    """One object a video: A at 0.7, B better by the gains."""
    return (
        rows({f"v{k:02d}": [0.7] for k in range(len(gains))}),
        rows({f"v{k:02d}": [0.7 + g] for k, g in enumerate(gains)}),
    )


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(MIN_VIDEOS, 40))
def test_swapping_the_runs_mirrors_everything(seed: int, videos: int) -> None:
    a, b = clustered_pair(np.random.default_rng(seed), videos, 0.01)
    there, back = paired_bootstrap(a, b, resamples=FEW), paired_bootstrap(b, a, resamples=FEW)
    low, high = interval(there)
    assert interval(back) == pytest.approx((-high, -low), abs=1e-12)
    assert back.difference == pytest.approx(-there.difference, abs=1e-12)
    assert back.sentence(("B", "A")) == there.sentence(("A", "B"))


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(MIN_VIDEOS, 40))
def test_the_order_of_rows_does_not_matter(seed: int, videos: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = clustered_pair(rng, videos, 0.01)
    shuffled = [a[k] for k in rng.permutation(len(a))], [b[k] for k in rng.permutation(len(b))]
    assert interval(paired_bootstrap(*shuffled, resamples=FEW)) == pytest.approx(
        interval(paired_bootstrap(a, b, resamples=FEW)), abs=1e-12
    )


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.floats(-0.2, 0.2))
def test_a_constant_gain_moves_the_interval_by_itself(seed: int, gain: float) -> None:
    a, b = clustered_pair(np.random.default_rng(seed), 12, 0.0)
    more = [Row(r.video, r.object_id, r.j_mean + gain, r.f_mean + gain) for r in b]
    low, high = interval(paired_bootstrap(a, b, resamples=FEW))
    assert interval(paired_bootstrap(a, more, resamples=FEW)) == pytest.approx((low + gain, high + gain), abs=1e-9)


def test_objects_go_with_their_video() -> None:
    """Objects repeated inside each video are no new evidence: the interval must not shrink."""
    a, b = clustered_pair(np.random.default_rng(3), 20, 0.0)
    repeated = [
        [Row(r.video, 10 * r.object_id + copy, r.j_mean, r.f_mean) for r in run for copy in range(4)] for run in (a, b)
    ]
    assert interval(paired_bootstrap(*repeated)) == pytest.approx(interval(paired_bootstrap(a, b)), abs=1e-12)


def test_the_interval_is_that_of_resampled_videos() -> None:
    """Against a plain loop over resampled videos: percentiles agree within the noise of resampling."""
    a, b = clustered_pair(np.random.default_rng(5), 60, 0.005)
    by_video: dict[str, list[float]] = {}
    for first, second in zip(a, b):
        gain = (second.j_mean + second.f_mean - first.j_mean - first.f_mean) / 2
        by_video.setdefault(first.video, []).append(gain)
    names, rng = list(by_video), np.random.default_rng(6)
    draws = [
        np.mean(np.concatenate([by_video[names[k]] for k in rng.integers(0, len(names), len(names))]))
        for _ in range(4000)
    ]
    low, high = interval(paired_bootstrap(a, b, confidence=0.9))
    plain_low, plain_high = np.quantile(draws, [0.05, 0.95])
    width = plain_high - plain_low
    # 60 videos: t's tails and the jackknife's spread widen the 90% interval by some 3%.
    assert low == pytest.approx(plain_low, abs=0.05 * width)
    assert high == pytest.approx(plain_high, abs=0.05 * width)
    assert high - low > 0.99 * width


def test_few_videos_get_wider_percentiles() -> None:
    """8 videos at 95%: beyond t(7 degrees, 97.5%) = 2.3646 a normal has 0.9026%; and where all videos have as many
    objects, the jackknife's spread is 8 / 7 of the bootstrap's."""
    a, b = scored([0.03, 0.011, -0.012, 0.024, 0.007, 0.018, -0.005, 0.001])
    gains = np.array([(y.j_mean + y.f_mean - x.j_mean - x.f_mean) / 2 for x, y in zip(a, b)])
    draws = gains[np.random.default_rng(9).integers(0, 8, (100_000, 8))].mean(1)
    low, high = np.quantile(draws, [0.009026, 0.990974])
    middle, wider = gains.mean(), 8 / 7
    expected = (middle + wider * (low - middle), middle + wider * (high - middle))
    found = interval(paired_bootstrap(a, b, resamples=99_999))
    assert found == pytest.approx(expected, abs=0.012 * (expected[1] - expected[0]))


def test_the_seed_decides() -> None:
    a, b = clustered_pair(np.random.default_rng(7), 30, 0.01)
    assert paired_bootstrap(a, b) == paired_bootstrap(a, b)
    assert interval(paired_bootstrap(a, b, seed=1)) != interval(paired_bootstrap(a, b, seed=2))


def test_more_confidence_is_wider() -> None:
    a, b = clustered_pair(np.random.default_rng(8), 30, 0.01)
    narrow, wide = (interval(paired_bootstrap(a, b, confidence=c)) for c in (0.8, 0.99))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def coverage(videos: int, interval_of: Callable[[list[Row], list[Row]], tuple[float, float]]) -> float:
    """Share of 6000 pairs of runs, distributed about as on DAVIS (1 to 5 objects a video that share its heavy-tailed
    gain), whose interval holds the true difference; its own standard error is 0.3 points."""
    rng, trials, truth = np.random.default_rng(11), 6000, 0.01
    intervals = (interval_of(*clustered_pair(rng, videos, truth)) for _ in range(trials))
    return sum(low <= truth <= high for low, high in intervals) / trials


@pytest.mark.slow
@pytest.mark.parametrize("videos", [20, 30])
def test_the_interval_covers_what_it_says(videos: int) -> None:
    assert 0.935 <= coverage(videos, lambda a, b: interval(paired_bootstrap(a, b, resamples=299))) <= 0.965


@pytest.mark.slow
def test_a_plain_percentile_interval_would_not() -> None:
    """The bounds above can be missed: by the interval that only takes the resamples' percentiles."""

    def plain(a: list[Row], b: list[Row]) -> tuple[float, float]:
        rows_of = compare(a, b).videos
        counts = np.array([row.objects for row in rows_of], float)
        sums = counts * np.array([row.difference for row in rows_of])
        picks = np.random.default_rng(1).integers(0, len(counts), (499, len(counts)))
        low, high = np.quantile(sums[picks].sum(1) / counts[picks].sum(1), [0.025, 0.975])
        return float(low), float(high)

    assert coverage(20, plain) < 0.935


MIXED = [0.02, -0.01, 0.03, -0.02, 0.0, 0.01, -0.03, 0.01]


@pytest.mark.parametrize(
    ("gains", "pattern"),
    [
        ([0.01] * 22 + [-0.001] * 8, r"^B is better by 0\.7 points, interval 0\.\d to 0\.\d; 22 of 30 videos$"),
        ([-0.01] * 22 + [0.001] * 8, r"^A is better by 0\.7 points, interval 0\.\d to 0\.\d; 22 of 30 videos$"),
        (MIXED, r"^No clear difference: B is ahead by 0\.1 points, interval -\d\.\d to \d\.\d; 4 of 8 videos$"),
        ([0.01], r"^B is ahead by 1\.0 points on the one common video; one video gives no interval$"),
        ([0.01, 0.02, -0.01], r"^B is ahead by 0\.7 points; 2 of 3 videos; 3 videos are too few for an interval$"),
        ([0.0] * 6, r"^A and B have identical scores on all objects of 6 videos$"),
        ([0.0], r"^A and B have identical scores on all objects of 1 video$"),
        ([0.01, -0.01] * 3, r"^No difference: A and B are level over 6 videos, though not alike on each of them$"),
        ([0.0001, 0.0002] * 5, r"^B is better by 0\.01\d? points, interval 0\.01\d? to 0\.02\d?; 0 of 10 videos$"),
        ([0.01] * 6, r"^B is better by 1\.0 points, interval 1\.0 to 1\.0; 6 of 6 videos$"),
    ],
)
def test_sentences(gains: list[float], pattern: str) -> None:
    sentence = paired_bootstrap(*scored(gains)).sentence()
    assert re.match(pattern, sentence), sentence


def test_the_sentence_of_the_brief() -> None:
    told = PairedDifference(0.008, 0.003, 0.014, 0.95, 30, 61, Tally(22, 6, 2), identical=False)
    assert told.sentence() == "B is better by 0.8 points, interval 0.3 to 1.4; 22 of 30 videos"
    assert told.sentence(("large N=3", "large N=7")).startswith("large N=7 is better by 0.8 points")


def test_no_bound_looks_like_zero_unless_it_is() -> None:
    told = PairedDifference(0.008, -0.0002, 0.014, 0.95, 30, 61, Tally(22, 6, 2), identical=False).sentence()
    assert told == "No clear difference: B is ahead by 0.80 points, interval -0.02 to 1.40; 22 of 30 videos"


def test_runs_without_a_common_object() -> None:
    with pytest.raises(InputError, match="no object in common"):
        paired_bootstrap(rows({"dog": [0.5]}), rows({"goat": [0.5]}))
