"""Small clips of two objects in which a prediction goes wrong in a known way."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from vos_core.analysis.failures import DEFAULT_THRESHOLDS, FailureEpisode, FailureFinder, FailureThresholds
from vos_core.metrics import boundary_radius, score_labels

HEIGHT, WIDTH = 120, 200
Change = Callable[[np.ndarray], None]


def annotation(index: int) -> np.ndarray:
    """Object 1 is a 40 x 40 square at the left, object 2 one at the right; both sink a pixel a frame."""
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[20 + index : 60 + index, 20:60] = 1
    labels[20 + index : 60 + index, 120:160] = 2
    return labels


def find(
    frames: Iterable[tuple[int, np.ndarray, np.ndarray]], thresholds: FailureThresholds = DEFAULT_THRESHOLDS
) -> tuple[FailureEpisode, ...]:
    """Episodes in (index, annotation, prediction) of a clip called `clip`, scored as the app scores."""
    finder = FailureFinder("clip", 2, thresholds)
    for index, annotated, predicted in frames:
        j, f = score_labels(np.where(annotated == 255, 0, annotated), predicted, 2, boundary_radius(HEIGHT, WIDTH))
        finder.add(index, annotated, predicted, j, f)
    return finder.finish()


def clip(
    wrong: dict[int, Change], length: int = 20, annotate: Change | None = None
) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """A perfect prediction but for the frames in `wrong`, whose change is given the right labels to spoil.

    `annotate` changes the annotation of exactly those frames.
    """
    frames = []
    for index in range(1, length + 1):
        annotated = annotation(index)
        if index in wrong and annotate is not None:
            annotate(annotated)
        predicted = np.where(annotated == 255, 0, annotated)
        if index in wrong:
            wrong[index](predicted)
        frames.append((index, annotated, predicted))
    return frames


def lose(labels: np.ndarray) -> None:
    """Object 1 is gone."""
    labels[labels == 1] = 0


def swap(labels: np.ndarray) -> None:
    """Object 1 lies on object 2's left half, which object 2 loses."""
    labels[labels == 1] = 0
    columns = np.flatnonzero((labels == 2).any(0))
    half = labels[:, columns[0] : columns[0] + 20]
    half[half == 2] = 1


def leak(labels: np.ndarray) -> None:
    """Object 1 is twice as large: 40 columns more."""
    rows = np.flatnonzero((labels == 1).any(1))
    labels[rows[0] : rows[-1] + 1, 60:100] = 1


def leak_a_little(labels: np.ndarray) -> None:
    """Object 1 has 16 columns more: 1.4 times its area."""
    rows = np.flatnonzero((labels == 1).any(1))
    labels[rows[0] : rows[-1] + 1, 60:76] = 1


def shrink(labels: np.ndarray) -> None:
    """Object 1 keeps its left 15 of 40 columns."""
    labels[:, 35:60][labels[:, 35:60] == 1] = 0


def shrink_more(labels: np.ndarray) -> None:
    """Object 1 keeps its left 8 of 40 columns."""
    labels[:, 28:60][labels[:, 28:60] == 1] = 0


def fray(labels: np.ndarray) -> None:
    """Object 1's region stands, but has holes all over: contours where there are none."""
    rows = np.flatnonzero((labels == 1).any(1))
    for row in range(rows[0] + 5, rows[-1] - 4, 7):
        for column in range(25, 56, 7):
            labels[row : row + 3, column : column + 3] = 0


def displace(labels: np.ndarray) -> None:
    """Object 1 lies 25 columns to the right."""
    inside = labels == 1
    labels[inside] = 0
    labels[np.roll(inside, 25, 1)] = 1


def speckle(labels: np.ndarray) -> None:
    """Object 1 is three pixels."""
    rows = np.flatnonzero((labels == 1).any(1))
    labels[labels == 1] = 0
    labels[rows[0], 20:23] = 1
