"""F of two masks, boundaries and their tolerance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics import reference
from tests.metrics.strategies import label_maps
from vos_core.metrics.bits import Grid
from vos_core.metrics.boundary import boundary_f, boundary_map, boundary_radius


@pytest.mark.parametrize(
    ("height", "width", "radius"),
    [(480, 854, 8), (480, 910, 9), (1080, 1920, 18), (100, 75, 1), (101, 75, 2), (1, 1, 1), (2160, 3840, 36)],
)
def test_radius_is_eight_thousandths_of_the_diagonal_rounded_up(height: int, width: int, radius: int) -> None:
    assert boundary_radius(height, width) == radius


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (["...", ".#.", "..."], ["##.", "##.", "..."]),
        (["###", "###", "###"], ["...", "...", "..."]),
        (["...", "...", "..#"], ["...", ".##", ".#."]),
        (["#..", "...", "..."], ["#..", "...", "..."]),
        (["..#", "..#", "..#"], [".#.", ".#.", ".#."]),
        (["#"], ["."]),
        (["#."], ["#."]),
    ],
)
def test_boundary_lies_half_a_pixel_up_and_left(mask: list[str], expected: list[str]) -> None:
    found = boundary_map(np.array([[cell == "#" for cell in row] for row in mask]))
    assert ["".join(".#"[cell] for cell in row) for row in found.astype(int)] == expected


def _square(top: int, left: int, size: int = 4, shape: tuple[int, int] = (20, 20)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[top : top + size, left : left + size] = True
    return mask


@pytest.mark.parametrize(
    ("annotation", "prediction", "radius", "expected"),
    [
        (_square(5, 5), _square(5, 5), 1, 1.0),
        (_square(5, 5), _square(5, 7), 2, 1.0),
        (_square(5, 5), _square(5, 15), 2, 0.0),
        (_square(5, 5), _square(0, 0, 0), 2, 0.0),
        (_square(0, 0, 0), _square(0, 0, 0), 2, 1.0),
        (_square(0, 0, 20), _square(0, 0, 0), 2, 1.0),  # a mask that fills the frame has no boundary
        (_square(5, 5), _square(5, 5) | _square(14, 14), 1, 2 / 3),
    ],
)
def test_boundary_f(annotation: np.ndarray, prediction: np.ndarray, radius: int, expected: float) -> None:
    assert boundary_f(annotation, prediction, radius) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("radius", [*range(1, 26), 36])
def test_dilation_is_by_the_full_disk(radius: int) -> None:
    size = 2 * radius + 5
    mask = np.zeros((size, size), bool)
    centre = radius + 2
    mask[centre, centre] = True
    grid = Grid(size, size, margin=radius)
    y, x = np.mgrid[:size, :size] - centre
    disk = grid.pack(y * y + x * x <= radius * radius)
    assert grid.dilate(grid.pack(mask), radius) & grid.inner(size, size) == disk


@settings(max_examples=150, deadline=None)
@given(mask=st.integers(1, 9).flatmap(lambda h: st.integers(1, 12).flatmap(lambda w: label_maps(h, w, (1,)))))
def test_boundary_map_equals_the_definition(mask: np.ndarray) -> None:
    assert {(int(y), int(x)) for y, x in np.argwhere(boundary_map(mask))} == reference.boundary(mask)


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        boundary_f(np.ones((3, 2)), np.ones((2, 3)))
