"""Joint counts of labels against a plain count of each pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vos_core.analysis.overlap import MaskOverlap, label_overlap, mask_overlap


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


def areas(found: dict[int, MaskOverlap]) -> dict[int, tuple[int, int, int, int]]:
    return {key: (one.annotated, one.predicted, one.own, one.other) for key, one in found.items()}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_masks_that_share_nothing_count_as_label_maps_do(seed: int, objects: int) -> None:
    rng = np.random.default_rng(seed)
    annotation, prediction = rng.integers(0, objects + 1, (2, *rng.integers(1, 24, 2))).astype(np.uint8)
    counts = label_overlap(annotation, prediction, objects)
    others = counts * (1 - np.eye(objects + 1, dtype=int))
    apart = [{k: labels == k for k in range(1, objects + 1)} for labels in (annotation, prediction)]
    assert areas(mask_overlap(*apart)) == {
        k: (counts[k].sum(), counts[:, k].sum(), counts[k, k], others[1:, k].max()) for k in range(1, objects + 1)
    }


PERSON = np.array([[1, 1, 1, 1, 0, 0]], np.uint8)
HAND = np.array([[0, 0, 1, 1, 0, 0]], np.uint8)
CUP = np.array([[0, 0, 0, 0, 1, 1]], np.uint8)


@pytest.mark.parametrize(
    ("predicted", "expected"),
    [
        (HAND, (2, 2, 2, 0)),  # within its person, and its own all the same
        (PERSON, (2, 4, 2, 2)),
        (CUP, (2, 2, 0, 2)),
        (np.ones((1, 6), np.uint8) * 9, (2, 6, 2, 2)),
        (np.zeros((1, 6), np.uint8), (2, 0, 0, 0)),
    ],
)
def test_what_annotations_share_is_each_ones_own(predicted: np.ndarray, expected: tuple[int, ...]) -> None:
    annotations = {0: PERSON, 3: HAND, 7: CUP}
    assert areas(mask_overlap(annotations, {3: predicted})) == {3: expected}
    assert mask_overlap(annotations, {8: predicted}) == {}


def test_masks_of_other_sizes() -> None:
    with pytest.raises(ValueError, match="do not fit together"):
        mask_overlap({1: PERSON}, {1: PERSON.T})
