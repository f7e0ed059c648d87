from __future__ import annotations

import numpy as np
import pytest

from tests.models.arrays import ArrayClip, gliding_disks, load


@pytest.mark.parametrize("prompted", [(0,), (0, 3), (2,)])
def test_holds_the_latest_prompt(prompted: tuple[int, ...]) -> None:
    pictures, masks = gliding_disks(6, [(3, 0), (-2, 1)])
    out = list(load("static").segment(ArrayClip(pictures), {index: masks[index] for index in prompted}))
    for index, labels in enumerate(out):
        seen = [p for p in prompted if p <= index]
        expected = masks[seen[-1]] if seen else np.zeros_like(masks[0])
        assert labels.dtype == np.uint8
        assert np.array_equal(labels, expected), index


def test_a_caller_may_change_what_it_is_given() -> None:
    pictures, masks = gliding_disks(3, [(1, 0)])
    prompt = masks[0].copy()
    for labels in load("static").segment(ArrayClip(pictures), {0: prompt}):
        assert np.array_equal(labels, masks[0])
        labels[:] = 9
    assert np.array_equal(prompt, masks[0])


def test_a_later_prompt_adds_to_what_it_does_not_name() -> None:
    first, later = np.zeros((4, 6), np.uint8), np.zeros((4, 6), np.uint8)
    first[1, 0:2], first[2, 0:3] = 1, 2
    later[3, 2:5], later[2, 2:4] = 1, 3
    pictures = [np.zeros((4, 6, 3), np.uint8)] * 2
    out = list(load("static").segment(ArrayClip(pictures), {0: first, 1: later}))
    assert out[1].tolist() == [[0] * 6, [0] * 6, [2, 2, 3, 3, 0, 0], [0, 0, 1, 1, 1, 0]]
