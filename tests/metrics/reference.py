"""J, F and decay written down pixel by pixel from their definitions: slow, plain, and sharing no code with ours."""

from __future__ import annotations

import math

import numpy as np


def jaccard(annotation: np.ndarray, prediction: np.ndarray) -> float:
    """|A and B| / |A or B|, 1 where both are empty."""
    a, b = pixels(annotation), pixels(prediction)
    return len(a & b) / len(a | b) if a | b else 1.0


def boundary_f(annotation: np.ndarray, prediction: np.ndarray, radius: int) -> float:
    """2 P R / (P + R) of boundary pixels with a pixel of the other boundary within `radius`."""
    a, b = boundary(annotation), boundary(prediction)
    if not a and not b:
        return 1.0
    if not a or not b:
        return 0.0
    precision = sum(near(pixel, a, radius) for pixel in b) / len(b)
    recall = sum(near(pixel, b, radius) for pixel in a) / len(a)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def boundary(mask: np.ndarray) -> set[tuple[int, int]]:
    """Pixels that differ from a neighbour at the right, below, or between; the frame's edge has fewer neighbours."""
    height, width = mask.shape
    found = set()
    for y in range(height):
        for x in range(width):
            neighbours = [(y, x + 1), (y + 1, x), (y + 1, x + 1)]
            if any(mask[y, x] != mask[v, u] for v, u in neighbours if v < height and u < width):
                found.add((y, x))
    return found


def near(pixel: tuple[int, int], others: set[tuple[int, int]], radius: int) -> bool:
    """Whether one of the others lies within the radius."""
    return any((pixel[0] - y) ** 2 + (pixel[1] - x) ** 2 <= radius * radius for y, x in others)


def pixels(mask: np.ndarray) -> set[tuple[int, int]]:
    """Coordinates of the pixels that are set."""
    return {(y, x) for y in range(mask.shape[0]) for x in range(mask.shape[1]) if mask[y, x]}


def decay(values: list[float], *, eight_bits: bool = False) -> float:
    """First of four bins less the last; bins share their ends. `eight_bits`: ends modulo 256 (NaN of an empty bin)."""
    n = len(values)
    # Rounded half up: in whole numbers, floor((4 + (n - 1) q + 2) / 4) less one.
    ends = [(4 + (n - 1) * quarter + 2) // 4 - 1 for quarter in range(5)]
    if eight_bits:
        first, last = values[ends[0] % 256 : (ends[1] + 1) % 256], values[ends[3] % 256 : (ends[4] + 1) % 256]
    else:
        first, last = values[ends[0] : ends[1] + 1], values[ends[3] : ends[4] + 1]
    return average(first) - average(last)


def average(values: list[float]) -> float:
    """Mean; NaN of nothing."""
    return math.fsum(values) / len(values) if values else math.nan
