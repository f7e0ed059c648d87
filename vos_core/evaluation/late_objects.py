"""J and F of a video in which objects may appear after the first frame (LVOS, YouTube-VOS), label maps only.

Each object is evaluated after the annotated frame that first shows it, which is its prompt, up to the last but one
annotated frame. Where all objects are there in the first frame, this is `VideoScorer`, number for number.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vos_core.errors import InputError
from vos_core.evaluation.checks import ExtraObjects
from vos_core.evaluation.scorer import VideoScorer, Watch
from vos_core.evaluation.scores import ObjectScores, VideoScores
from vos_core.masks import VOID, MaskError, view_mask


class LateScorer(VideoScorer):
    """As `VideoScorer`, with K the highest label of all annotations; labels that no annotation shows are no objects."""

    def __init__(
        self,
        video: str,
        annotations: Mapping[str, Path],
        *,
        official_decay: bool = False,
        extra_objects: ExtraObjects = "error",
        watch: Watch | None = None,
    ) -> None:
        self._first_shown = first_shown(video, annotations)
        super().__init__(video, annotations, official_decay=official_decay, extra_objects=extra_objects, watch=watch)

    def finish(self) -> VideoScores:
        """The scores of the objects that have frames to be evaluated on."""
        position = {stem: index for index, stem in enumerate(self._annotations)}
        objects = []
        for one in super().finish().objects:
            shown = self._first_shown.get(one.object_id)
            later = [shown is not None and position[stem] > shown for stem in one.frames]
            if any(later):
                frames = tuple(stem for stem, counts in zip(one.frames, later) if counts)
                objects.append(
                    ObjectScores(one.video, one.object_id, frames, one.j[later], one.f[later], self._official_decay)
                )
        return VideoScores(self.video, tuple(objects))

    def _count_objects(self) -> int:
        return max(self._first_shown)


def first_shown(video: str, annotations: Mapping[str, Path]) -> dict[int, int]:
    """Object id -> index of the annotation that first shows it. Raises InputError when none shows an object."""
    shown: dict[int, int] = {}
    for index, path in enumerate(annotations.values()):
        try:
            labels = np.flatnonzero(np.bincount(view_mask(path).ravel(), minlength=256))
        except MaskError as error:
            raise InputError(f"Video {video}, frame {path.stem}: its annotation is of no use: {error}") from error
        for label in labels.tolist():
            if 0 < label < VOID:
                shown.setdefault(label, index)
    if not shown:
        raise InputError(f"Video {video}: no annotation of it shows an object.")
    return shown
