"""MOSEv2's J&F-dot of videos and splits: what watches a scorer at its work, and the scores as values.

The definition, with its source, is in `vos_core.metrics.dot`. Extra to DAVIS's scores, never instead of them: masks
are read and checked once, by a `VideoScorer` or a `PerObjectScorer`, which shows them to a `DotWatch`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vos_core.evaluation.scores import VideoScores
from vos_core.masks import VOID, view_mask
from vos_core.metrics.dot import DotScores, DotStatistics, FrameDot, dot_scores, score_labels_dot, score_object


@dataclass(frozen=True)
class DotObjectScores:
    """J, F-dot and F of one object on every evaluated frame, and whether it is annotated there."""

    video: str
    object_id: int
    frames: tuple[str, ...]
    j: np.ndarray
    f_dot: np.ndarray
    f: np.ndarray
    present: np.ndarray

    @property
    def name(self) -> str:
        """`<video>_<object id>`."""
        return f"{self.video}_{self.object_id}"

    @property
    def statistics(self) -> DotStatistics:
        """Means over all frames, over disappearances and over reappearances."""
        return DotStatistics.of(self.j, self.f_dot, self.f, self.present)


@dataclass(frozen=True)
class DotVideoScores:
    """Scores of the objects of one video."""

    video: str
    objects: tuple[DotObjectScores, ...]


@dataclass(frozen=True)
class DotEvaluation:
    """Scores of a split by J&F-dot: each video's, and the seven numbers of MOSEv2's tables."""

    split: str
    videos: tuple[DotVideoScores, ...]
    scores: DotScores
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """`{"global": {column: value}, "objects": {"<video>_<id>": {column: value}}}`; null where there is none."""
        objects = {
            one.name: _without_nan(dot_scores([one.statistics]).as_columns())
            for video in self.videos
            for one in video.objects
        }
        return {"global": _without_nan(self.scores.as_columns()), "objects": objects}


class DotWatch:
    """J&F-dot of one video, from the masks that a scorer shows while it has them in memory.

    `look` is a `VideoScorer`'s `watch`, `look_apart` that of a `PerObjectScorer`. `object_ids`: those to score; unlike
    in DAVIS's scores, a gap in the ids is no object (see `objects_in`).
    """

    def __init__(self, object_ids: Iterable[int]) -> None:
        self.object_ids = tuple(object_ids)
        self._values: dict[tuple[int, str], FrameDot] = {}

    def look(
        self, stem: str, annotation: np.ndarray, prediction: np.ndarray, j: Sequence[float], f: Sequence[float]
    ) -> None:
        """Score the objects of a frame from its label maps uint8 (H, W)."""
        for object_id, value in zip(self.object_ids, score_labels_dot(annotation, prediction, self.object_ids)):
            self._values[object_id, stem] = value

    def look_apart(
        self,
        stem: str,
        annotations: Mapping[int, np.ndarray],
        predictions: Mapping[int, np.ndarray],
        scores: Mapping[int, tuple[float, float]],
    ) -> None:
        """Score the objects that are evaluated in a frame (`scores` has them) from masks (H, W) by object id."""
        for object_id in scores:
            self._values[object_id, stem] = score_object(annotations[object_id], predictions[object_id] != 0)

    def beside(self, scores: VideoScores) -> DotVideoScores:
        """What was seen of the objects and frames that the scorer finished."""
        objects = []
        for one in scores.objects:
            if one.object_id in self.object_ids:
                j, f_dot, f, present = np.array([self._values[one.object_id, stem] for stem in one.frames]).T
                objects.append(DotObjectScores(one.video, one.object_id, one.frames, j, f_dot, f, present > 0))
        return DotVideoScores(scores.video, tuple(objects))


def objects_in(annotations: Mapping[str, Path]) -> tuple[int, ...]:
    """Ids in a video's first annotation (void, 255, is none)."""
    labels = np.flatnonzero(np.bincount(view_mask(next(iter(annotations.values()))).ravel(), minlength=256))
    return tuple(int(label) for label in labels if 0 < label < VOID)


def join_stretches(stretches: Sequence[DotObjectScores]) -> DotObjectScores:
    """One object's scores from those of the stretches of its video, in time order."""
    return DotObjectScores(
        stretches[0].video,
        stretches[0].object_id,
        tuple(stem for one in stretches for stem in one.frames),
        *(np.concatenate([getattr(one, name) for one in stretches]) for name in ("j", "f_dot", "f", "present")),
    )


def _without_nan(columns: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if value == value else None for name, value in columns.items()}
