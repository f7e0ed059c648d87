"""MOSEv2's scores against their definition, written down slowly; figures worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics import reference
from tests.metrics.strategies import label_maps
from vos_core.metrics.dot import (
    DotStatistics,
    boundary_f_dot,
    disappearances,
    dot_radius,
    dot_scores,
    footprint,
    jaccard_dot,
    radius_limit,
    reappearances,
    score_labels_dot,
    score_object,
)

NAN = math.nan


def slow_f(annotation: np.ndarray, prediction: np.ndarray, radius: float) -> float:
    """Boundary F with a disc whose centre lies ceil(radius) - radius above and left of its pixel."""
    a, b = reference.boundary(annotation), reference.boundary(prediction)
    if not a or not b:
        return float(a == b)
    shift, reach = math.ceil(radius) - radius, math.ceil(radius) + 1
    around = range(-reach, reach + 1)
    offsets = {(y, x) for y in around for x in around if (y + shift) ** 2 + (x + shift) ** 2 <= radius**2} | {(0, 0)}

    def share(these: set[tuple[int, int]], others: set[tuple[int, int]]) -> float:
        return sum(any((y + v, x + u) in others for v, u in offsets) for y, x in these) / len(these)

    precision, recall = share(b, a), share(a, b)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def slow_object(annotation: np.ndarray, prediction: np.ndarray) -> tuple[float, float, float, bool]:
    a, b = reference.pixels(annotation), reference.pixels(prediction)
    j = (len(a & b) + 1) / (len(a | b) + 1) if a | b else 1.0
    limit = 0.008 * math.sqrt(annotation.shape[0] ** 2 + annotation.shape[1] ** 2)
    radius = math.ceil(0.1 * math.sqrt(len(a))) if a else limit
    if radius < limit:
        return j, slow_f(annotation, prediction, radius), slow_f(annotation, prediction, math.ceil(limit)), bool(a)
    f = slow_f(annotation, prediction, limit)
    return j, f, f, bool(a)


@st.composite
def wide_pairs(draw: st.DrawFn, labels: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Two label maps of one size: flat ones, so that the radius' limit is 1 to 4 pixels though they are small."""
    height, width = draw(st.integers(1, 9)), draw(st.integers(130, 420))
    if draw(st.booleans()):
        height, width = width, height
    first = draw(label_maps(height, width, labels))
    if draw(st.booleans()):
        return first, draw(label_maps(height, width, labels))
    shift = draw(st.integers(-6, 6)), draw(st.integers(-6, 6))
    return first, np.roll(first, shift, axis=(0, 1))


@given(wide_pairs((1, 2, 7)))
@settings(max_examples=25, deadline=None)
def test_equals_the_definition(pair: tuple[np.ndarray, np.ndarray]) -> None:
    annotation, prediction = pair
    ours = score_labels_dot(annotation, prediction, (1, 2, 7, 9))
    assert ours == [pytest.approx(slow_object(annotation == k, prediction == k), abs=1e-12) for k in (1, 2, 7, 9)]


@pytest.mark.parametrize(("height", "width"), [(40, 390), (440, 30), (60, 470)])
def test_large_objects_are_judged_by_the_leaning_disc(height: int, width: int) -> None:
    """Their radius is the limit: 3.1, 3.5 and 3.8 pixels."""
    rng = np.random.default_rng(height)
    annotation = np.zeros((height, width), bool)
    annotation[5 : height - 5, 5 : width - 5] = True
    annotation[height // 3 : height // 2, width // 3 : width // 2] = False
    for shift in ((3, 2), (-2, -3)):
        prediction = np.roll(annotation, shift, axis=(0, 1)) ^ (rng.random((height, width)) < 0.005)
        ours, slow = score_object(annotation, prediction), slow_object(annotation, prediction)
        assert slow[1] == slow[2] != 1.0
        assert ours == pytest.approx(slow, abs=1e-12)


@pytest.mark.parametrize(
    ("annotation", "prediction", "j", "f_dot"),
    [
        ([[0, 0, 0]], [[0, 0, 0]], 1.0, 1.0),
        ([[0, 0, 0]], [[0, 1, 0]], 1 / 2, 0.0),
        ([[0, 1, 0]], [[0, 0, 0]], 1 / 2, 0.0),
        ([[1, 1, 0]], [[0, 1, 1]], 2 / 4, 0.0),
        ([[1, 1, 1]], [[1, 1, 1]], 1.0, 1.0),
        ([[0, 0, 0]], [[1, 1, 1]], 1 / 4, 1.0),  # a mask that fills the frame has no boundary
    ],
)
def test_small_masks(annotation: list[list[int]], prediction: list[list[int]], j: float, f_dot: float) -> None:
    a, b = np.array(annotation), np.array(prediction)
    assert jaccard_dot(a, b) == j
    assert boundary_f_dot(a, b) == f_dot


@pytest.mark.parametrize(
    ("area", "radius"),
    [(1, 1), (100, 1), (101, 2), (400, 2), (401, 3), (4900, 7), (4901, 0.008 * math.hypot(480, 854)), (0, 7.8372)],
)
def test_radius_follows_the_object_up_to_a_limit_that_is_not_rounded(area: int, radius: float) -> None:
    assert dot_radius(area, 480, 854) == pytest.approx(radius, abs=1e-4)


def test_a_whole_radius_gives_a_centred_disc_and_any_other_leans_up_and_left() -> None:
    assert footprint(1.0).tolist() == [[False, True, False], [True, True, True], [False, True, False]]
    disc = footprint(1.5)  # 4 x 4, its pixel at row 2, column 2, half a pixel below and right of the centre
    assert disc.astype(int).tolist() == [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]


def test_small_objects_are_judged_more_strictly_than_by_davis() -> None:
    annotation = np.zeros((480, 854), bool)
    annotation[100:110, 100:110] = True
    prediction = np.roll(annotation, 4, axis=1)
    scores = score_object(annotation, prediction)
    assert scores.f == 1.0  # within 8 pixels
    assert 0 < scores.f_dot < 0.7  # not within 1
    assert scores.j == (60 + 1) / (140 + 1)


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        score_object(np.zeros((3, 4), bool), np.zeros((4, 3), bool))


@pytest.mark.parametrize(
    ("present", "gone", "back"),
    [
        ("1111", [], []),
        ("1100", [(2, 4)], []),
        ("1001", [(1, 3)], [(3, 4)]),
        ("0011", [], [(2, 4)]),  # absent from the first evaluated frame: it did not disappear
        ("0000", [], []),
        ("0110", [(3, 4)], [(1, 3)]),
        ("1010", [(1, 2), (3, 4)], [(2, 3)]),
        ("1", [], []),
    ],
)
def test_stretches(present: str, gone: list[tuple[int, int]], back: list[tuple[int, int]]) -> None:
    flags = np.array([mark == "1" for mark in present])
    assert [(s.start, s.stop) for s in disappearances(flags)] == gone
    assert [(s.start, s.stop) for s in reappearances(flags)] == back


def test_statistics_average_over_stretches_not_frames() -> None:
    present = np.array([1, 0, 0, 0, 1, 0], bool)
    j = np.array([1.0, 0.2, 0.4, 0.6, 0.5, 0.0])
    statistics = DotStatistics.of(j, j / 2, j, present)
    assert statistics.j_gone == pytest.approx((0.4 + 0.0) / 2)  # not (0.2 + 0.4 + 0.6 + 0.0) / 4
    assert statistics.f_dot_gone == pytest.approx(0.1)
    assert statistics.j_back == 0.5
    assert statistics.f_dot_back == 0.25
    assert statistics.j == pytest.approx(0.45)
    with pytest.raises(ValueError, match="no evaluated frame"):
        DotStatistics.of(j[:0], j[:0], j[:0], present[:0])


def test_split_leaves_out_objects_that_never_go() -> None:
    stays = DotStatistics(0.8, 0.6, 0.9, NAN, NAN, NAN, NAN)
    goes = DotStatistics(0.4, 0.2, 0.5, 1.0, 0.5, NAN, NAN)
    columns = dot_scores([stays, goes]).as_columns()
    assert columns == pytest.approx(
        {"J&F-dot": 0.5, "J": 0.6, "F-dot": 0.4, "J&F-dot-d": 0.75, "J&F-dot-r": NAN, "F": 0.7, "J&F": 0.65},
        nan_ok=True,
    )
    with pytest.raises(ValueError, match="no object"):
        dot_scores([])


def test_limit_is_davis_radius_before_rounding() -> None:
    assert radius_limit(300, 400) == 4.0
    assert radius_limit(480, 854) == pytest.approx(7.8372, abs=1e-4)
