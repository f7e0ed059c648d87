"""J and F of whole label maps: against the definition, against the one-object functions, against the toolkit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.metrics import reference
from tests.metrics.strategies import pairs
from vos_core.masks import read_mask
from vos_core.metrics import boundary_f, boundary_radius, jaccard, score_labels

FULL = np.ones((5, 7), np.uint8)
EMPTY = np.zeros((5, 7), np.uint8)
CORNER = EMPTY.copy()
CORNER[-1, -1] = 1
LAST_COLUMN = EMPTY.copy()
LAST_COLUMN[:, -1] = 1


@settings(max_examples=400, deadline=None)
@given(pair=pairs(labels=(1, 2, 3, 9, 255)), radius=st.integers(1, 9))
@example(pair=(FULL, FULL), radius=1)
@example(pair=(FULL, EMPTY), radius=1)
@example(pair=(CORNER, LAST_COLUMN), radius=2)
@example(pair=(np.ones((1, 1), np.uint8), np.zeros((1, 1), np.uint8)), radius=1)
def test_equals_the_definition(pair: tuple[np.ndarray, np.ndarray], radius: int) -> None:
    annotation, prediction = pair
    j, f = score_labels(annotation, prediction, 3, radius)
    for k in (1, 2, 3):
        a, p = annotation == k, prediction == k
        assert j[k - 1] == reference.jaccard(a, p) == jaccard(a, p)
        assert f[k - 1] == reference.boundary_f(a, p, radius) == boundary_f(a, p, radius)


@settings(max_examples=200, deadline=None)
@given(pair=pairs(labels=(1,)))
def test_one_object_equals_the_definition_at_the_frames_own_radius(pair: tuple[np.ndarray, np.ndarray]) -> None:
    annotation, prediction = pair
    radius = boundary_radius(*annotation.shape)
    expected = [reference.jaccard(*pair)], [reference.boundary_f(*pair, radius)]
    assert score_labels(annotation, prediction, 1, radius) == expected


def test_a_view_with_another_row_stride_scores_the_same() -> None:
    rng = np.random.default_rng(3)
    wide = rng.integers(0, 3, (2, 30, 41), dtype=np.uint8)
    views = wide[0, :, 1:], wide[1, :, 1:]
    assert score_labels(*views, 2, 3) == score_labels(views[0].copy(), views[1].copy(), 2, 3)


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        score_labels(FULL, FULL[:, 1:], 1, 1)


@pytest.mark.parametrize("dataset", ["davis-real", "davis-derived"])
def test_every_frame_equals_the_official_toolkit(shared_data: Path, dataset: str) -> None:
    expected = json.loads((shared_data / dataset / "expected" / "official_per_frame.json").read_text())
    for video, scores in expected.items():
        files = sorted((shared_data / dataset / "DAVIS" / "Annotations" / "480p" / video).glob("*.png"))[1:-1]
        assert len(files) == len(scores["J"][0])
        for index, file in enumerate(files):
            annotation = read_mask(file)
            prediction = read_mask(shared_data / dataset / "predictions" / "osvos" / video / file.name)
            j, f = score_labels(annotation, prediction, len(scores["J"]), boundary_radius(*annotation.shape))
            assert j == pytest.approx([values[index] for values in scores["J"]], abs=1e-12, rel=0)
            assert f == pytest.approx([values[index] for values in scores["F"]], abs=1e-12, rel=0)
