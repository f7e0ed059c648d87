"""Which trained position row each frame gets, and that nothing is dropped that a later frame can attend to."""

from __future__ import annotations

import pytest

from vos_core.errors import InputError
from vos_core.models.registry import MemoryMode
from vos_core.models.sam2_memory import (
    check_memory_size,
    memory_frames,
    memory_is_needed,
    pointer_is_needed,
    position_rows,
)

PRESERVING, NAIVE = MemoryMode.POSITION_PRESERVING, MemoryMode.NAIVE


@pytest.mark.parametrize(
    ("size", "mode", "prompted", "recent"),
    [  # row of the prompted frame; rows of the frames 1, 2, ... steps back
        (1, PRESERVING, 6, []),
        (2, PRESERVING, 6, [0]),
        (3, PRESERVING, 6, [0, 1]),
        (4, PRESERVING, 6, [0, 1, 2]),
        (5, PRESERVING, 6, [0, 1, 2, 3]),
        (6, PRESERVING, 6, [0, 1, 2, 3, 4]),
        (7, PRESERVING, 6, [0, 1, 2, 3, 4, 5]),
        (1, NAIVE, 0, []),
        (2, NAIVE, 1, [0]),
        (3, NAIVE, 2, [0, 1]),
        (4, NAIVE, 3, [0, 1, 2]),
        (5, NAIVE, 4, [0, 1, 2, 3]),
        (6, NAIVE, 5, [0, 1, 2, 3, 4]),
        (7, NAIVE, 6, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_rows(size: int, mode: MemoryMode, prompted: int, recent: list[int]) -> None:
    rows = position_rows(size, mode)
    assert rows[-1] == prompted
    assert list(rows[:-1]) == recent
    assert len(rows) == size


def test_no_memory_has_no_rows() -> None:
    assert position_rows(0, PRESERVING) == position_rows(0, NAIVE) == ()


@pytest.mark.parametrize(("size", "words"), [(8, "trained with 7 memory slots"), (-1, "negative")])
def test_sizes_without_trained_rows_are_refused_with_the_reason(size: int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_memory_size(size)
    with pytest.raises(InputError, match=words):
        position_rows(size, NAIVE)


@pytest.mark.parametrize(
    ("frame", "size", "stride", "frames"),
    [
        (10, 7, 1, [(1, 9), (2, 8), (3, 7), (4, 6), (5, 5), (6, 4)]),
        (10, 1, 1, []),
        (10, 0, 1, []),
        (10, 2, 5, [(1, 9)]),
        (10, 4, 3, [(1, 9), (2, 6), (3, 3)]),
        (11, 4, 3, [(1, 10), (2, 9), (3, 6)]),
        (3, 4, 2, [(1, 2), (2, 0), (3, -2)]),
    ],
)
def test_memory_frames(frame: int, size: int, stride: int, frames: list[tuple[int, int]]) -> None:
    assert list(memory_frames(frame, size, stride)) == frames


@pytest.mark.parametrize("stride", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("size", range(8))
def test_memory_is_kept_exactly_as_long_as_it_can_be_used(size: int, stride: int) -> None:
    for upcoming in range(1, 40):
        later = {past for frame in range(upcoming, 120) for _, past in memory_frames(frame, size, stride)}
        for past in range(upcoming):
            assert memory_is_needed(past, upcoming, size, stride) == (past in later), (past, upcoming)


@pytest.mark.parametrize("pointers", [1, 2, 4, 16])
def test_pointers_are_kept_exactly_as_long_as_they_can_be_used(pointers: int) -> None:
    for upcoming in range(1, 30):
        later = {frame - back for frame in range(upcoming, 60) for back in range(1, pointers)}
        assert [past for past in range(upcoming) if pointer_is_needed(past, upcoming, pointers)] == sorted(
            past for past in later if 0 <= past < upcoming
        )
