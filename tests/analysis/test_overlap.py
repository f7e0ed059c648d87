"""Joint counts of labels against a plain count of each pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vos_core.analysis.overlap import label_overlap


def plain(annotation: np.ndarray, prediction: np.ndarray, objects: int) -> np.ndarray:
    counts = np.zeros((objects + 1, objects + 1), int)
    for a, p in zip(annotation.ravel().tolist(), prediction.ravel().tolist()):
        if a != 255:
            counts[a if a <= objects else 0, p if p <= objects else 0] += 1
    counts[0, 0] = 0
    return counts


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 3, 4, 5, 14, 15, 16, 254]), st.booleans())
def test_counts_are_those_of_each_pair(seed: int, objects: int, void: bool) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 24, 2))
    annotation, prediction = rng.integers(0, objects + 1, (2, *shape)).astype(np.uint8)
    for labels in (annotation, prediction):
        labels[rng.random(shape) < rng.random()] = 0
    if void:
        annotation[rng.random(shape) < 0.2] = 255
    if objects < 250:
        prediction[rng.random(shape) < 0.1] = objects + 1
        annotation[rng.random(shape) < 0.1] = objects + 2
    np.testing.assert_array_equal(
        label_overlap(annotation, prediction, objects), plain(annotation, prediction, objects)
    )


def test_empty_frames() -> None:
    nothing = np.zeros((4, 5), np.uint8)
    assert label_overlap(nothing, nothing, 3).sum() == 0


@pytest.mark.parametrize(
    ("prediction", "said"),
    [(np.zeros((3, 4), np.uint8), "do not fit"), (np.zeros((4, 3), np.int32), "must be uint8")],
)
def test_maps_that_do_not_fit(prediction: np.ndarray, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        label_overlap(np.zeros((4, 3), np.uint8), prediction, 1)
