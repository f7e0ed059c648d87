"""J of two masks."""

from __future__ import annotations

import numpy as np
import pytest

from vos_core.metrics.jaccard import jaccard


@pytest.mark.parametrize(
    ("annotation", "prediction", "expected"),
    [
        ([[0, 0], [0, 0]], [[0, 0], [0, 0]], 1.0),
        ([[1, 1], [1, 1]], [[0, 0], [0, 0]], 0.0),
        ([[0, 0], [0, 0]], [[0, 1], [0, 0]], 0.0),
        ([[1, 1], [0, 0]], [[1, 1], [1, 1]], 0.5),
        ([[1, 1, 0]], [[0, 1, 1]], 1 / 3),
        ([[1, 0], [0, 1]], [[0, 1], [1, 0]], 0.0),
        ([[7, 0], [0, 7]], [[255, 0], [0, 1]], 1.0),
    ],
)
def test_jaccard(annotation: list[list[int]], prediction: list[list[int]], expected: float) -> None:
    assert jaccard(np.array(annotation), np.array(prediction)) == expected


@pytest.mark.parametrize("shape", [(2, 3), (3,), (1, 3, 1)])
def test_shapes_must_agree(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        jaccard(np.ones((3, 2)), np.ones(shape))
