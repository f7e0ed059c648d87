"""Mean, recall and decay, on short and on long videos."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.metrics import reference
from vos_core.metrics.statistics import Statistics, decay, mean, recall

LONG = np.linspace(1, 0, 500)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.25], Statistics(0.25, 0.0, 0.0)),
        ([0.5, 0.75], Statistics(0.625, 0.5, -0.25)),  # exactly 0.5 is not recalled; bins [0:1] and [1:2]
        ([1.0, 1.0, 0.0, 0.0, 0.0], Statistics(0.4, 0.4, 1.0)),
        ([1.0] * 8, Statistics(1.0, 1.0, 0.0)),
    ],
)
def test_statistics(values: list[float], expected: Statistics) -> None:
    assert Statistics.of(np.array(values)) == expected


@pytest.mark.parametrize("frames", [*range(1, 70), 255, 256, 257, 258, 300, 500, 512, 1000, 2999])
@pytest.mark.parametrize("official", [False, True])
def test_decay_equals_its_definition(frames: int, official: bool) -> None:
    values = np.random.default_rng(frames).random(frames)
    expected = reference.decay(values.tolist(), eight_bits=official)
    assert decay(values, official=official) == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_decay_of_a_long_video_is_the_true_one() -> None:
    # 500 frames that fall evenly from 1 to 0: the first quarter's mean is 7/8, the last's 1/8.
    assert decay(LONG) == pytest.approx(0.75, abs=2e-3)
    assert math.isnan(decay(LONG, official=True)) or abs(decay(LONG, official=True) - 0.75) > 0.1


def test_nan_is_left_out_of_the_mean_and_is_not_recalled() -> None:
    values = np.array([1.0, np.nan, 0.0, 1.0])
    assert mean(values) == pytest.approx(2 / 3)
    assert recall(values) == 0.5


def test_no_values_have_no_decay() -> None:
    with pytest.raises(ValueError, match="no values"):
        Statistics.of(np.array([]))
