"""J&F-dot: MOSEv2's J and F, its disappearance and reappearance scores; pure arrays in, numbers out.

Source: Ding et al., "MOSEv2: A More Challenging Dataset for Video Object Segmentation in Complex Scenes" (arXiv
2508.05630), in the exact form of the authors' evaluation code (henghuiding/MOSE-api, commit 241977a,
`MOSEv2/sam2_rcms/tools/{metricsv2,score}.py`). Evaluated are all frames but the first and the last. Per frame and
object, with A pixels annotated in a frame of H x W and the limit L = 0.008 sqrt(H^2 + W^2):

- J = (I + 1) / (U + 1), I and U the pixels of intersection and union: a small error on a small object, or a few
  pixels predicted of an absent one, do not cost everything; 1 where both masks are empty.
- F-dot is DAVIS's boundary F with a radius that follows the object's size: ceil(0.1 sqrt(A)), but at most L. L itself
  is not rounded up; see `footprint` for what a radius that is no whole number means.
- F of the same tables is DAVIS's (radius ceil(L)) where the object's radius is below L, else it is F-dot.

Per object, over the evaluated frames: a *disappearance* is a stretch without the object after a frame with it (a
stretch that begins at the first evaluated frame is none), a *reappearance* a stretch with the object after a frame
without it; both go on until the object comes back or goes, or to the end. J&F_d and J&F_r are the mean of J and of
F-dot over each stretch, then over an object's stretches, then over the objects that have any. J, F-dot and F are means
over frames, then over objects; each J&F is (J + F) / 2.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from vos_core.metrics.bits import Grid
from vos_core.metrics.boundary import BOUNDARY_TOLERANCE, boundary_map, boundary_radius, f_measure

OBJECT_TOLERANCE = 0.1  # of the square root of the object's area


class FrameDot(NamedTuple):
    """One object in one frame; `present`: whether it is annotated there."""

    j: float
    f_dot: float
    f: float
    present: bool


def radius_limit(height: int, width: int) -> float:
    """Largest boundary radius in a frame of `height` x `width`, in pixels: 0.008 of the diagonal, not rounded."""
    return BOUNDARY_TOLERANCE * float(np.linalg.norm((height, width)))


def dot_radius(area: int, height: int, width: int) -> float:
    """F-dot's boundary radius in pixels for an object of `area` pixels: ceil(0.1 sqrt(area)), or the limit if less."""
    limit = radius_limit(height, width)
    return min(limit, math.ceil(OBJECT_TOLERANCE * math.sqrt(area))) if area else limit


def footprint(radius: float) -> np.ndarray:
    """The disc by which boundaries are dilated: bool (n, n), n = ceil(2 radius + 1), its own pixel at (n//2, n//2).

    The authors' code samples the disc at -radius, -radius + 1, ...: for a radius that is no whole number its centre
    lies ceil(radius) - radius of a pixel above and left of the pixel that it belongs to (0.16 at 480 x 854). That is
    followed here, since the published numbers rest on it. Only in frames with a diagonal under 177 pixels could the
    disc miss its own pixel, and a mask not match itself; there, that pixel is added.
    """
    along = np.arange(-radius, radius + 1)
    disc = along[:, None] ** 2 + along[None, :] ** 2 <= radius**2
    disc[len(along) // 2, len(along) // 2] = True
    return disc


def jaccard_dot(annotation: np.ndarray, prediction: np.ndarray) -> float:
    """(I + 1) / (U + 1) of two masks (H, W), any type (non-zero is inside); 1.0 where both are empty.

    >>> jaccard_dot(np.array([[1, 1, 0]]), np.array([[0, 1, 1]]))
    0.5
    """
    return score_object(annotation.astype(bool), prediction.astype(bool)).j


def boundary_f_dot(annotation: np.ndarray, prediction: np.ndarray) -> float:
    """F-dot of two masks (H, W), any type (non-zero is inside)."""
    return score_object(annotation.astype(bool), prediction.astype(bool)).f_dot


def score_object(annotation: np.ndarray, prediction: np.ndarray) -> FrameDot:
    """Scores of one object from its masks, bool (H, W). Raises ValueError when the shapes differ."""
    if annotation.shape != prediction.shape or annotation.ndim != 2:
        raise ValueError(f"masks of shape {annotation.shape} and {prediction.shape} cannot be compared")
    height, width = annotation.shape
    box = _box(annotation | prediction)
    if box is None:
        return FrameDot(1.0, 1.0, 1.0, False)
    here, there = annotation[box], prediction[box]
    area = int(np.count_nonzero(here))
    intersection = int(np.count_nonzero(here & there))
    union = area + int(np.count_nonzero(there)) - intersection
    j = (intersection + 1) / (union + 1)
    limit, radius = radius_limit(height, width), dot_radius(area, height, width)
    grid = Grid(here.shape[0], here.shape[1], margin=math.ceil(limit) + 1)
    annotated, predicted = grid.pack(boundary_map(here)), grid.pack(boundary_map(there))
    f_dot = _boundary_f(grid, annotated, predicted, radius)
    f = f_dot if radius >= limit else f_measure(grid, annotated, predicted, boundary_radius(height, width))
    return FrameDot(j, f_dot, f, area > 0)


def score_labels_dot(annotation: np.ndarray, prediction: np.ndarray, objects: Sequence[int]) -> list[FrameDot]:
    """Scores of the `objects` (ids) of two label maps uint8 (H, W), in that order; other labels are background."""
    return [score_object(annotation == label, prediction == label) for label in objects]


def disappearances(present: np.ndarray) -> list[slice]:
    """Stretches of frames without the object that follow a frame with it; `present` is bool (frames,)."""
    return [stretch for stretch in _stretches(present) if stretch.start and not present[stretch.start]]


def reappearances(present: np.ndarray) -> list[slice]:
    """Stretches of frames with the object that follow a frame without it; `present` is bool (frames,)."""
    return [stretch for stretch in _stretches(present) if stretch.start and present[stretch.start]]


@dataclass(frozen=True)
class DotStatistics:
    """One object's means over the evaluated frames; `*_gone` over its disappearances, `*_back` over its
    reappearances: NaN for an object without any."""

    j: float
    f_dot: float
    f: float
    j_gone: float
    f_dot_gone: float
    j_back: float
    f_dot_back: float

    @classmethod
    def of(cls, j: np.ndarray, f_dot: np.ndarray, f: np.ndarray, present: np.ndarray) -> DotStatistics:
        """Statistics of the values per evaluated frame, all (frames,). Raises ValueError when there is none."""
        if not len(j):
            raise ValueError("no evaluated frame to take the mean of")
        gone, back = disappearances(present), reappearances(present)
        return cls(
            float(np.mean(j)),
            float(np.mean(f_dot)),
            float(np.mean(f)),
            _mean_of_means(j, gone),
            _mean_of_means(f_dot, gone),
            _mean_of_means(j, back),
            _mean_of_means(f_dot, back),
        )


@dataclass(frozen=True)
class DotScores:
    """The seven numbers of MOSEv2's tables. `jf_gone` and `jf_back` are NaN where no object goes or comes back."""

    jf_dot: float
    j: float
    f_dot: float
    jf_gone: float
    jf_back: float
    f: float
    jf: float

    def as_columns(self) -> dict[str, float]:
        """The numbers under the names of MOSEv2's tables, in their order (a dot is written out)."""
        return {
            "J&F-dot": self.jf_dot,
            "J": self.j,
            "F-dot": self.f_dot,
            "J&F-dot-d": self.jf_gone,
            "J&F-dot-r": self.jf_back,
            "F": self.f,
            "J&F": self.jf,
        }


def dot_scores(objects: Iterable[DotStatistics]) -> DotScores:
    """Scores of a split: means over its objects. Raises ValueError when there is none."""
    rows = list(objects)
    if not rows:
        raise ValueError("no object to take the mean of")
    j, f_dot, f = (float(np.mean([getattr(row, name) for row in rows])) for name in ("j", "f_dot", "f"))
    gone = (_known_mean([row.j_gone for row in rows]) + _known_mean([row.f_dot_gone for row in rows])) / 2
    back = (_known_mean([row.j_back for row in rows]) + _known_mean([row.f_dot_back for row in rows])) / 2
    return DotScores((j + f_dot) / 2, j, f_dot, gone, back, f, (j + f) / 2)


def _box(mask: np.ndarray) -> tuple[slice, slice] | None:
    """Rows and columns of what is set, and one more on each side where the frame has it: there lies a boundary, and
    there an object that does not touch the frame's edge does not touch the box's."""
    labels = mask.view(np.uint8)
    rows = np.flatnonzero(np.bitwise_or.reduce(labels, axis=1))
    if not rows.size:
        return None
    vertical = slice(max(int(rows[0]) - 1, 0), int(rows[-1]) + 2)
    columns = np.flatnonzero(np.bitwise_or.reduce(labels[vertical], axis=0))
    return vertical, slice(max(int(columns[0]) - 1, 0), int(columns[-1]) + 2)


def _boundary_f(grid: Grid, annotated: int, predicted: int, radius: float) -> float:
    """F of two boundaries packed in `grid`, whose margin exceeds the radius."""
    if float(radius).is_integer():
        return f_measure(grid, annotated, predicted, int(radius))
    if not annotated or not predicted:
        return float(annotated == predicted)
    # An off-centre disc is not symmetric: one of the two may match alone.
    precision = (predicted & _dilate(grid, annotated, radius)).bit_count() / predicted.bit_count()
    recall = (annotated & _dilate(grid, predicted, radius)).bit_count() / annotated.bit_count()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _dilate(grid: Grid, mask: int, radius: float) -> int:
    """Cells that see a cell of `mask` within the disc laid on them; garbage in the grid's unused columns."""
    reach, rows = _runs(radius)
    bands: dict[int, int] = {}
    result = 0
    for row, last, length in rows:
        if length not in bands:
            bands[length] = _smear(mask, length)
        result |= bands[length] << (reach - row) * grid.stride + reach - last
    return result >> reach * grid.stride + reach


def _smear(mask: int, length: int) -> int:
    """Each cell of `mask` becomes a run of `length` cells to the right."""
    reached = 1
    while reached < length:
        step = min(reached, length - reached)
        mask |= mask << step
        reached += step
    return mask


@lru_cache(maxsize=64)
def _runs(radius: float) -> tuple[int, tuple[tuple[int, int, int], ...]]:
    """The disc's reach and its rows as (row, last column, length), counted from the pixel it belongs to."""
    disc = footprint(radius)
    centre = len(disc) // 2
    rows = []
    for index, cells in enumerate(disc):
        columns = np.flatnonzero(cells)
        if columns.size:
            rows.append((index - centre, int(columns[-1]) - centre, int(columns[-1] - columns[0]) + 1))
    return math.ceil(radius) + 1, tuple(rows)


def _stretches(present: np.ndarray) -> list[slice]:
    """The longest stretches of equal values."""
    changes = (np.flatnonzero(present[1:] != present[:-1]) + 1).tolist()
    return [slice(start, stop) for start, stop in zip([0, *changes], [*changes, len(present)])]


def _mean_of_means(values: np.ndarray, stretches: Sequence[slice]) -> float:
    return float(np.mean([values[stretch].mean() for stretch in stretches])) if stretches else math.nan


def _known_mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan
