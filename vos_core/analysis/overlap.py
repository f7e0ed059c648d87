"""How many pixels of each annotated object each predicted object covers, in one frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class MaskOverlap:
    """Pixels of one object in one frame: of its annotation, of its prediction, of both, and `other`: of the prediction
    on another object's annotation (the largest such share), where that is not its own annotation too."""

    annotated: int
    predicted: int
    own: int
    other: int


def mask_overlap(
    annotations: Mapping[int, np.ndarray], predictions: Mapping[int, np.ndarray]
) -> dict[int, MaskOverlap]:
    """What each predicted object covers, of masks (H, W) by object id, which may overlap (any value but 0 is inside).

    Only objects that have both. Where nothing overlaps, these are the numbers of `label_overlap`. A pixel that two
    annotations share is an object's own: a hand that is annotated within its person is not taken for the person.
    Raises ValueError when shapes differ.
    """
    shapes = {mask.shape for mask in (*annotations.values(), *predictions.values())}
    if len(shapes) > 1:
        raise ValueError(f"masks of shapes {' and '.join(map(str, sorted(shapes)))} do not fit together")
    wanted = [object_id for object_id in annotations if object_id in predictions]
    packed = [_packed(mask) for mask in (*annotations.values(), *(predictions[object_id] for object_id in wanted))]
    numbers = _numbers(packed)
    annotated = dict(zip(annotations, numbers))
    found = {}
    for object_id, mask in zip(wanted, numbers[len(annotations) :]):
        truth = annotated[object_id]
        own = mask & truth
        astray = mask ^ own
        others = ((astray & other).bit_count() for key, other in annotated.items() if key != object_id)
        found[object_id] = MaskOverlap(
            truth.bit_count(), mask.bit_count(), own.bit_count(), max(others, default=0) if astray else 0
        )
    return found


def _packed(mask: np.ndarray) -> np.ndarray:
    # Comparing takes ten times as long as packing.
    return np.packbits(mask if mask.dtype == np.bool_ else mask != 0, axis=1)


def _numbers(packed: list[np.ndarray]) -> list[int]:
    """Masks as numbers, a bit a pixel, without what is outside of all of them: overlaps of those take microseconds."""
    if not packed:
        return []
    anything = np.bitwise_or.reduce(packed)
    rows, columns = anything.any(1).nonzero()[0], anything.any(0).nonzero()[0]
    if not rows.size:
        return [0] * len(packed)
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return [int.from_bytes(bits[box].tobytes(), "little") for bits in packed]
