"""F: contour accuracy, the F-measure of two masks' boundaries that may lie a few pixels apart."""

from __future__ import annotations

import math

import numpy as np

from vos_core.metrics import bits

BOUNDARY_TOLERANCE = 0.008  # of the image's diagonal


def boundary_radius(height: int, width: int) -> int:
    """How far, in pixels, a boundary pixel may lie from its match: 0.008 of the diagonal, rounded up (8 at 480p)."""
    return math.ceil(BOUNDARY_TOLERANCE * float(np.linalg.norm((height, width))))


def boundary_map(mask: np.ndarray) -> np.ndarray:
    """Boundary pixels of a mask (H, W): bool (H, W), true where the pixel differs from its right, lower or
    lower-right neighbour.

    The last row looks only right, the last column only down, the last corner is never a boundary. (D. Martin's
    `seg2bmap`, 2003, as the DAVIS toolkit uses it.)
    """
    inside = np.pad(mask.astype(bool), ((0, 1), (0, 1)), mode="edge")
    here = inside[:-1, :-1]
    return (here ^ inside[:-1, 1:]) | (here ^ inside[1:, :-1]) | (here ^ inside[1:, 1:])


def boundary_f(annotation: np.ndarray, prediction: np.ndarray, radius: int | None = None) -> float:
    """F-measure of the boundaries of two masks (H, W), any type (non-zero is inside).

    A boundary pixel is matched when the other boundary has a pixel within `radius` (Euclidean, in pixels; by default
    `boundary_radius` of the shape). Precision is the matched share of the prediction's boundary, recall that of the
    annotation's; 1.0 where both are empty, 0.0 where one is. Raises ValueError when the shapes differ.
    """
    if annotation.shape != prediction.shape or annotation.ndim != 2:
        raise ValueError(f"masks of shape {annotation.shape} and {prediction.shape} cannot be compared")
    radius = boundary_radius(*annotation.shape) if radius is None else radius
    grid = bits.Grid(annotation.shape[0], annotation.shape[1], margin=radius)
    return f_measure(grid, grid.pack(boundary_map(annotation)), grid.pack(boundary_map(prediction)), radius)


def f_measure(grid: bits.Grid, annotated: int, predicted: int, radius: int) -> float:
    """F-measure of two boundaries that are packed in `grid`, whose margin is at least `radius`."""
    if not annotated or not predicted:
        return float(annotated == predicted)
    matched = (predicted & grid.dilate(annotated, radius)).bit_count()
    recalled = (annotated & grid.dilate(predicted, radius)).bit_count()
    if not matched:  # then nothing is recalled either: being near is mutual
        return 0.0
    precision, recall = matched / predicted.bit_count(), recalled / annotated.bit_count()
    return 2 * precision * recall / (precision + recall)
