"""How many pixels of each annotated object each predicted object covers, in one frame."""

from __future__ import annotations

import numpy as np

VOID = 255
_COMPARED = 16  # up to so many pairs of labels, comparing and counting each is faster than one np.bincount


def label_overlap(annotation: np.ndarray, prediction: np.ndarray, objects: int) -> np.ndarray:
    """Pixels with annotated label i and predicted label j at [i, j]: int64 (`objects` + 1, `objects` + 1).

    Both are label maps uint8 (H, W). Pixels of void (255) in the annotation are nobody's and counted nowhere; other
    labels above `objects` are background. [0, 0] is 0: pixels that are background in both are not counted either.
    Raises ValueError when the shapes differ or a map is not uint8.
    """
    if annotation.shape != prediction.shape or annotation.ndim != 2:
        raise ValueError(f"label maps of shape {annotation.shape} and {prediction.shape} do not fit together")
    if annotation.dtype != np.uint8 or prediction.dtype != np.uint8:
        raise ValueError(f"label maps must be uint8, not {annotation.dtype} and {prediction.dtype}")
    side = objects + 1
    counts = np.zeros((side, side), np.int64)
    rows = np.flatnonzero(np.bitwise_or.reduce(annotation, 1) | np.bitwise_or.reduce(prediction, 1))
    if not rows.size:
        return counts
    high, low = rows[0], rows[-1] + 1
    columns = np.flatnonzero(
        np.bitwise_or.reduce(annotation[high:low], 0) | np.bitwise_or.reduce(prediction[high:low], 0)
    )
    annotated = annotation[high:low, columns[0] : columns[-1] + 1]
    predicted = prediction[high:low, columns[0] : columns[-1] + 1]
    if predicted.max() > objects:
        predicted = np.where(predicted > objects, 0, predicted)
    if annotated.max() > objects:
        predicted = np.where(annotated == VOID, 0, predicted)
        annotated = np.where(annotated > objects, 0, annotated)
    pairs = side * side
    # One number a pixel, as small as it can be: 5 objects fit in a byte, 254 in two.
    code = annotated * np.uint8(side) + predicted if pairs <= 256 else annotated * np.uint16(side) + predicted
    flat = counts.reshape(-1)
    if pairs <= _COMPARED:
        for pair in range(1, pairs):
            flat[pair] = np.count_nonzero(code == pair)
    else:
        flat[:] = np.bincount(code.ravel(), minlength=pairs)
        flat[0] = 0
    return counts
