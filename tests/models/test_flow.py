from __future__ import annotations

import numpy as np
import pytest

from tests.models.arrays import ArrayClip, gliding_disks, load, overlap
from vos_core.models.optical_flow import FlowEstimator, carry, grey, pixel_grid


@pytest.mark.parametrize(
    ("steps", "least"),
    [([(3.0, 0.0)], 0.6), ([(0.0, -2.0)], 0.8), ([(2.0, 1.0), (-2.0, -1.0)], 0.75), ([(0.0, 0.0)], 0.99)],
)
def test_follows_what_moves(steps: list[tuple[float, float]], least: float) -> None:
    pictures, masks = gliding_disks(8, steps)
    out = list(load("flow").segment(ArrayClip(pictures), {0: masks[0]}))
    assert len(out) == 8
    assert np.array_equal(out[0], masks[0])
    for value in range(1, len(steps) + 1):
        # The mask trails a little: the flow of what moves bleeds into the ground that it uncovers.
        assert overlap(out[-1], masks[-1], value) >= least
        if any(steps[value - 1]):
            assert overlap(out[-1], masks[-1], value) > overlap(masks[0], masks[-1], value) + 0.2


def test_flow_points_from_the_first_picture_to_the_second() -> None:
    pictures, masks = gliding_disks(2, [(4.0, -3.0)])
    flow = FlowEstimator().between(grey(pictures[0]), grey(pictures[1]))
    assert np.median(flow[masks[0] == 1], axis=0) == pytest.approx([4.0, -3.0], abs=0.3)


@pytest.mark.parametrize(("shift", "width"), [(0.0, 6), (0.25, 6), (0.75, 6), (3.0, 6)])
def test_carry_moves_borders_by_fractions_of_a_pixel(shift: float, width: int) -> None:
    labels = np.zeros((9, 24), np.uint8)
    labels[:, 8:14], labels[:, 14:20] = 4, 7
    carried = carry(labels, pixel_grid(9, 24) + np.array((shift, 0), np.float32))
    left = 8 - round(shift)
    assert carried[4].tolist() == [0] * left + [4] * width + [7] * width + [0] * (24 - left - 2 * width)


def test_carry_brings_nothing_from_beyond_the_frame() -> None:
    carried = carry(np.full((6, 6), 3, np.uint8), pixel_grid(6, 6) + np.array((4, 0), np.float32))
    assert carried[3].tolist() == [3, 3, 0, 0, 0, 0]


def test_equal_input_gives_equal_masks_whatever_the_threads() -> None:
    import cv2

    pictures, masks = gliding_disks(5, [(2.0, 1.0), (-2.0, -1.0)])
    before = cv2.getNumThreads()
    try:
        results = []
        for threads in (1, 2):
            cv2.setNumThreads(threads)
            results.append(np.stack(list(load("flow").segment(ArrayClip(pictures), {0: masks[0]}))))
    finally:
        cv2.setNumThreads(before)
    assert np.array_equal(results[0], results[1])
