"""Binary masks as big integers, one bit a pixel: shifting a mask by a vector is one shift of a number.

A 200 x 300 mask is 8 kB then, and a shift or an OR of it takes about a microsecond, so that dilating a boundary
by the disk of 8 pixels, which takes most of the time of a boundary score, takes 42 of those.
"""

from __future__ import annotations

from functools import lru_cache
from math import isqrt

import numpy as np


class Grid:
    """How masks of (`height`, `width`) lie in an integer: bit `y * stride + x`.

    Each row is followed by at least `margin` unused columns, into which a shifted row may run without reaching the
    next row. Bits there are garbage after `dilate`; AND with a packed mask removes them.
    """

    __slots__ = ("height", "stride", "width")

    def __init__(self, height: int, width: int, margin: int) -> None:
        self.height = height
        self.width = width
        self.stride = (width + margin + 7) // 8 * 8

    def empty(self) -> np.ndarray:
        """Zeros, bool (height, stride), to be filled up to `width` and given to `pack_rows`."""
        return np.zeros((self.height, self.stride), np.bool_)

    def pack_rows(self, rows: np.ndarray) -> int:
        """The integer of bool (height, stride) whose columns beyond `width` are zero."""
        return int.from_bytes(np.packbits(rows, bitorder="little").tobytes(), "little")

    def pack(self, mask: np.ndarray) -> int:
        """The integer of a mask, bool (height, width)."""
        rows = self.empty()
        rows[:, : self.width] = mask
        return self.pack_rows(rows)

    def inner(self, height: int, width: int) -> int:
        """The integer whose bits are set in the first `height` rows and `width` columns."""
        return int.from_bytes(((1 << width) - 1).to_bytes(self.stride // 8, "little") * height, "little")

    def edges(self, mask: int) -> int:
        """Cells of `mask` that differ from their right, lower or lower-right neighbour; beyond the grid is empty.

        What is in column 0 shows again at the end of the row above: AND with `inner` where that column is not empty.
        """
        return mask ^ (mask >> 1) | mask ^ (mask >> self.stride) | mask ^ (mask >> self.stride + 1)

    def dilate(self, mask: int, radius: int) -> int:
        """`mask` dilated by the disk x*x + y*y <= radius*radius; the margin must be at least `radius`."""
        stride = self.stride
        # Runs of growing length to the right of each pixel; a run's centre is put right by the vertical shifts.
        runs = {1: mask}
        run, length = mask, 1
        result = 0
        steps, groups = _disk_plan(radius)
        for step in steps:
            run |= run << step
            length += step
            runs[length] = run
        for length, offset, doublings, tops in groups:
            band = runs[length]
            for rows in doublings:
                band |= band << rows * stride
            for top in tops:
                result |= band << top * stride + offset
        return result >> radius * stride + radius


@lru_cache(maxsize=64)
def _disk_plan(radius: int) -> tuple[tuple[int, ...], tuple[tuple[int, int, tuple[int, ...], tuple[int, ...]], ...]]:
    """How to build a disk out of few shifts: (steps, groups).

    `steps`: lengths to add, one after another, to get every run length that the disk's rows have (odd numbers),
    each step at most the length so far. `groups`: a run length, the columns to move it by, the doublings that make a
    band as high as the disk has such rows in a block, and the rows at which the band's top goes.
    """
    heights: dict[int, list[int]] = {}
    for row in range(-radius, radius + 1):
        heights.setdefault(isqrt(radius * radius - row * row), []).append(row)
    steps: list[int] = []
    length = 1
    for half in sorted(heights):
        while length < 2 * half + 1:
            step = min(length, 2 * half + 1 - length)
            steps.append(step)
            length += step
    groups = []
    for half, rows in heights.items():
        tops = [row for row in rows if row - 1 not in rows]
        height = len(rows) // len(tops)
        groups.append((2 * half + 1, radius - half, _doublings(height), tuple(top + radius for top in tops)))
    return tuple(steps), tuple(groups)


def _doublings(height: int) -> tuple[int, ...]:
    """Shifts that make one row a band of `height` rows."""
    shifts: list[int] = []
    reached = 1
    while reached < height:
        shifts.append(min(reached, height - reached))
        reached += shifts[-1]
    return tuple(shifts)
