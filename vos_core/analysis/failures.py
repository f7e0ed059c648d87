"""Where a model fails: frames with a low or falling score, classified from the masks alone, joined to episodes.

`FailureFinder` is fed with one frame at a time beside scoring.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

import numpy as np

from vos_core.analysis.overlap import MaskOverlap, label_overlap, mask_overlap
from vos_core.errors import InputError


class FailureKind(StrEnum):
    """What is wrong with an object's mask."""

    LOST = "lost"
    GHOST = "ghost"
    SWAPPED = "swapped"
    LEAKED = "leaked"
    PARTIAL = "partial"
    BOUNDARY = "boundary"
    MISALIGNED = "misaligned"


KIND_LINES = {
    FailureKind.LOST: "the object is annotated, and next to nothing is predicted",
    FailureKind.GHOST: "something is predicted, though the object is not there",
    FailureKind.SWAPPED: "the mask covers more of another object than of its own",
    FailureKind.LEAKED: "the mask is too large: it runs onto the background or other objects",
    FailureKind.PARTIAL: "the mask is too small: part of the object is missing",
    FailureKind.BOUNDARY: "the region is right, its contour is not (J fine, F poor)",
    FailureKind.MISALIGNED: "about the right size, but as much is missing as lies outside: displaced, or a wrong shape",
}

DISAGREEMENT_LINES = {
    # the same kinds where masks are held against others that are no ground truth: neither side is wrong by that
    FailureKind.LOST: "the reference has the object, and this has next to nothing of it",
    FailureKind.GHOST: "this has the object, and the reference has not",
    FailureKind.SWAPPED: "the mask covers more of another object of the reference than of its own",
    FailureKind.LEAKED: "the mask is much larger than the reference's",
    FailureKind.PARTIAL: "the mask is much smaller than the reference's",
    FailureKind.BOUNDARY: "the regions agree, their contours do not",
    FailureKind.MISALIGNED: "about the same size, but elsewhere or of another shape",
}


@dataclass(frozen=True)
class FailureThresholds:
    """When a frame counts as a failure, and as which kind. Scores are fractions, areas are pixels outside void.

    Raises InputError for a value out of its range.
    """

    low: float = 0.5
    """Score: J or F at or below it is low. DAVIS's recall counts frames above 0.5 (Perazzi et al. 2016)."""

    fall: float = 0.15
    """Score: J&F so much below the best of the last `fall_window` frames is falling. Where OSVOS tracks well on DAVIS,
    steps between frames have a standard deviation of 0.01 (blackswan) to 0.07 (car-shadow): this is twice that."""

    fall_window: int = 5
    """Evaluated frames, 0.2 s at DAVIS's 24 a second: slower losses are a slow change, and count once they are low."""

    fine: float = 0.8
    """Score: a fall to a J&F above it is no failure; whoever looks sees a good mask."""

    lost_share: float = 0.02
    """Share of the object's area: a prediction of at most this is nothing (a few specks, not a part)."""

    ghost_pixels: int = 1
    """Pixels: from so many on, a prediction of an absent object is a ghost. One pixel already scores J = 0."""

    swap_share: float = 0.3
    """Share of the predicted area: so much of it must lie on the other object, besides more than lies on its own.
    Keeps masks that are elsewhere altogether, and only touch a neighbour, out."""

    leak_ratio: float = 1.5
    """Predicted by annotated area: from here on much too large; J is then at most 1 / 1.5 = 0.67."""

    partial_ratio: float = 0.67
    """Predicted by annotated area: up to here much too small; J is then at most 0.67, as for a leak."""

    one_sided: float = 2.0
    """Pixels outside the object by missing ones: from here on leaked, from its inverse on partial, whatever the ratio
    of areas. Names losses too small for those ratios (a tail missing, a second car included); below, both errors
    count alike and the mask is misaligned."""

    boundary_j: float = 0.7
    """Score: from this J on the region is fine. Above the 0.67 that a leak or a part can reach."""

    boundary_f: float = 0.6
    """Score: F at or below it is poor: two fifths of the contour are wrong or missing."""

    merge_gap: int = 2
    """Evaluated frames: episodes of one kind with at most so many frames between them are one."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            least = {"fall_window": 1, "ghost_pixels": 1, "leak_ratio": 1, "one_sided": 1}.get(field.name, 0)
            most = 1.0 if isinstance(field.default, float) and least == 0 else None
            if not value >= least or (most is not None and value > most):
                bounds = f"{least} to {most:g}" if most is not None else f"{least} or more"
                raise InputError(f"The failure threshold {field.name} takes {bounds}, not {value}.")

    def may_fail(self, j: float, f: float) -> bool:
        """Whether a frame with these scores can be low or falling: areas of others need not be counted."""
        return min(j, f) <= self.low or (j + f) / 2 <= self.fine


DEFAULT_THRESHOLDS = FailureThresholds()


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """One object in one frame: its scores (fractions), and areas in pixels outside void.

    `annotated` and `predicted` are the object's areas, `own` their overlap, `other` the prediction's largest overlap
    with the annotation of another object. Where the scores are fine and objects are kept apart, only `annotated` is
    counted, which no kind is told from.
    """

    j: float
    f: float
    annotated: int
    predicted: int
    own: int
    other: int

    @property
    def jf(self) -> float:
        """(J + F) / 2."""
        return (self.j + self.f) / 2


@dataclass(frozen=True)
class FailureEpisode:
    """A stretch of frames in which one object fails in one way.

    `start`, `end` and `worst_frame` are frame indices in the video, inclusive; `frames` counts the failing ones among
    the evaluated frames (an episode may bridge short gaps). `severity` is what those frames take from the object's
    mean J&F, a fraction: 0.1 means that without them its score could be 0.1 higher. Episodes of different kinds may
    overlap in time, but a frame has one kind, so no two of an object start at the same frame (they are kept by it).
    """

    video: str
    object_id: int
    kind: FailureKind
    start: int
    end: int
    worst_frame: int
    worst_score: float
    frames: int
    severity: float

    def as_values(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return {**asdict(self), "kind": self.kind.value}

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> FailureEpisode:
        """Inverse of `as_values`. Raises TypeError or ValueError for values that are no episode."""
        return cls(**{**values, "kind": FailureKind(values["kind"])})


def classify(facts: FrameFacts, thresholds: FailureThresholds = DEFAULT_THRESHOLDS) -> FailureKind | None:
    """What is wrong in a frame whose score is known to be low or falling; the first kind that fits.

    None only where nothing is wrong outside void (or a ghost is smaller than `ghost_pixels`).
    """
    if facts.annotated == 0:
        return FailureKind.GHOST if facts.predicted >= thresholds.ghost_pixels else None
    if facts.predicted <= thresholds.lost_share * facts.annotated:
        return FailureKind.LOST
    if facts.other > facts.own and facts.other >= thresholds.swap_share * facts.predicted:
        return FailureKind.SWAPPED
    if facts.j >= thresholds.boundary_j and facts.f <= thresholds.boundary_f:
        return FailureKind.BOUNDARY
    outside, missing = facts.predicted - facts.own, facts.annotated - facts.own
    if not outside and not missing:
        return None
    if facts.predicted >= thresholds.leak_ratio * facts.annotated or outside > thresholds.one_sided * missing:
        return FailureKind.LEAKED
    if facts.predicted <= thresholds.partial_ratio * facts.annotated or missing > thresholds.one_sided * outside:
        return FailureKind.PARTIAL
    return FailureKind.MISALIGNED


class FailureFinder:
    """Failures of one video, fed with one evaluated frame at a time, in any order; keeps six numbers an object and
    frame. `objects` is K of the label maps given to `add`; masks by object (`add_masks`) bring their ids along."""

    def __init__(self, video: str, objects: int = 0, thresholds: FailureThresholds = DEFAULT_THRESHOLDS) -> None:
        self.video = video
        self.objects = objects
        self.thresholds = thresholds
        self._facts: dict[int, dict[int, FrameFacts]] = {}  # object id -> frame -> facts

    def add(
        self, frame: int, annotation: np.ndarray, prediction: np.ndarray, j: Sequence[float], f: Sequence[float]
    ) -> None:
        """Look at one frame: its index in the video, label maps uint8 (H, W), J and F of objects 1..K in order.

        Raises ValueError when shapes differ or there is not one J and F per object.
        """
        if len(j) != self.objects or len(f) != self.objects:
            raise ValueError(f"{len(j)} J and {len(f)} F for {self.objects} objects")
        counts = label_overlap(annotation, prediction, self.objects)
        annotated, predicted, own = counts.sum(1), counts.sum(0), counts.diagonal()
        others = counts.copy()
        others[0] = 0
        np.fill_diagonal(others, 0)
        other = others.max(0)
        for k in range(1, self.objects + 1):
            self._facts.setdefault(k, {})[frame] = FrameFacts(
                float(j[k - 1]), float(f[k - 1]), int(annotated[k]), int(predicted[k]), int(own[k]), int(other[k])
            )

    def add_masks(
        self,
        frame: int,
        annotations: Mapping[int, np.ndarray],
        predictions: Mapping[int, np.ndarray],
        scores: Mapping[int, tuple[float, float]],
    ) -> None:
        """Look at one frame whose objects are kept apart: masks (H, W) by object id, which may overlap, and (J, F) of
        the objects that are evaluated there; other objects' annotations tell what was taken for what.

        Raises ValueError when shapes differ, KeyError for a scored object without both masks.
        """
        suspects = {k: predictions[k] for k, (j, f) in scores.items() if self.thresholds.may_fail(j, f)}
        found = mask_overlap(annotations, suspects) if suspects else {}
        for object_id, (j, f) in scores.items():
            area = found.get(object_id) or MaskOverlap(int(np.count_nonzero(annotations[object_id])), 0, 0, 0)
            self._facts.setdefault(object_id, {})[frame] = FrameFacts(
                float(j), float(f), area.annotated, area.predicted, area.own, area.other
            )

    def finish(self) -> tuple[FailureEpisode, ...]:
        """All episodes of the video, worst first."""
        episodes: list[FailureEpisode] = []
        for object_id, by_frame in sorted(self._facts.items()):
            frames = sorted(by_frame)
            facts = [by_frame[frame] for frame in frames]
            kinds = frame_kinds(facts, self.thresholds)
            episodes += _episodes(self.video, object_id, frames, facts, kinds, self.thresholds.merge_gap)
        return worst_first(episodes)


def frame_kinds(
    facts: Sequence[FrameFacts], thresholds: FailureThresholds = DEFAULT_THRESHOLDS
) -> list[FailureKind | None]:
    """Kind of failure of one object in each of its evaluated frames, in time order; None where the score is good."""
    kinds: list[FailureKind | None] = []
    recent: list[float] = []  # J&F of the last frames in which the object was there
    for frame in facts:
        low = min(frame.j, frame.f) <= thresholds.low
        falling = bool(recent) and max(recent) - frame.jf >= thresholds.fall
        fails = (low or falling) and thresholds.may_fail(frame.j, frame.f)
        kinds.append(classify(frame, thresholds) if fails else None)
        # A rightly empty frame scores 1: an object that comes back less than perfect has not fallen from there.
        recent = [*recent, frame.jf][-thresholds.fall_window :] if frame.annotated else []
    return kinds


def worst_first(episodes: Iterable[FailureEpisode]) -> tuple[FailureEpisode, ...]:
    """Episodes, of one video or of many, by what they cost; equal ones by video, object and start."""
    return tuple(sorted(episodes, key=lambda e: (-e.severity, e.video, e.object_id, e.start, e.kind)))


def _episodes(
    video: str,
    object_id: int,
    frames: Sequence[int],
    facts: Sequence[FrameFacts],
    kinds: Sequence[FailureKind | None],
    merge_gap: int,
) -> list[FailureEpisode]:
    found = []
    for kind in FailureKind:
        rows = [row for row, this in enumerate(kinds) if this is kind]
        stretches: list[list[int]] = []
        for row in rows:
            if stretches and row - stretches[-1][-1] <= merge_gap + 1:
                stretches[-1].append(row)
            else:
                stretches.append([row])
        for stretch in stretches:
            worst = min(stretch, key=lambda row: facts[row].jf)
            found.append(
                FailureEpisode(
                    video=video,
                    object_id=object_id,
                    kind=kind,
                    start=frames[stretch[0]],
                    end=frames[stretch[-1]],
                    worst_frame=frames[worst],
                    worst_score=facts[worst].jf,
                    frames=len(stretch),
                    severity=sum(1 - facts[row].jf for row in stretch) / len(facts),
                )
            )
    return found
