"""Scores of one video, frame by frame as its masks come: nothing but numbers is kept, whatever the video's length."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from vos_core.errors import InputError
from vos_core.evaluation.checks import (
    ExtraObjects,
    check_size,
    extra_objects_warning,
    prediction_at,
    read_annotation,
    require_all,
)
from vos_core.evaluation.scores import ObjectScores, VideoScores
from vos_core.masks import VOID, view_mask
from vos_core.metrics.boundary import boundary_radius
from vos_core.metrics.label_maps import score_labels

Watch = Callable[[str, np.ndarray, np.ndarray, Sequence[float], Sequence[float]], None]


def evaluated_frames(annotations: Mapping[str, Path]) -> tuple[str, ...]:
    """Annotated frames but the first, which is given, and the last, which DAVIS leaves out."""
    return tuple(annotations)[1:-1]


def is_scorable(annotations: Mapping[str, Path], frames: Sequence[object] = ()) -> bool:
    """Whether any frame would be evaluated; not where only the first frame is annotated (MOSE's public valid).

    `frames` (the video's) do not matter: what is not annotated is not evaluated.
    """
    return bool(evaluated_frames(annotations))


class VideoScorer:
    """J and F of one video, fed with one prediction at a time, in any order.

    `annotations`: frame stem -> annotation file of the whole video, in time order. Objects are 1..K, K the highest
    label but void (255) in the first annotation; void and higher labels of later annotations are background.
    `extra_objects`: whether a predicted id above K is an error or ignored, with a sentence in `warnings`.
    `watch(stem, annotation, prediction, j, f)` is called for each scored frame while both label maps are in memory.
    Raises InputError when an annotation cannot be read or the first one holds no object.
    """

    def __init__(
        self,
        video: str,
        annotations: Mapping[str, Path],
        *,
        official_decay: bool = False,
        extra_objects: ExtraObjects = "error",
        watch: Watch | None = None,
    ) -> None:
        self.video = video
        self.evaluated = evaluated_frames(annotations)
        self.warnings: list[str] = []
        self._annotations = annotations
        self._official_decay = official_decay
        self._extra_objects = extra_objects
        self._watch = watch
        self._row = {stem: row for row, stem in enumerate(self.evaluated)}
        self._added = np.zeros(len(self.evaluated), np.bool_)
        count = self._count_objects()
        self.object_ids = tuple(range(1, count + 1))
        self._j = np.full((count, len(self.evaluated)), np.nan)
        self._f = np.full((count, len(self.evaluated)), np.nan)

    def add(self, stem: str, prediction: np.ndarray, source: Path | str | None = None) -> None:
        """Score the prediction, a label map uint8 (H, W), of frame `stem`; does nothing if it is not evaluated.

        Raises PredictionError naming video and frame (and `source`, the file it came from) when its size is not the
        annotation's, or when it has an object that the annotations do not have; the frame then stays missing.
        Raises InputError when the annotation cannot be read.
        """
        row = self._row.get(stem)
        if row is None:
            return
        annotation = read_annotation(self.video, stem, view_mask, self._annotations[stem])
        where = prediction_at(self.video, stem, source)
        check_size(where, prediction, annotation)
        count = len(self.object_ids)
        if (highest := int(prediction.max())) > count:
            extra = sorted(set(np.unique(prediction).tolist()) - set(range(count + 1)))
            hint = " (255 is void in annotations, but no object in predictions)" if highest == VOID else ""
            known = "1" if count == 1 else f"1 to {count}"
            self.warnings.append(extra_objects_warning(where, extra, known, self._extra_objects, hint))
        j, f = score_labels(annotation, prediction, count, boundary_radius(*annotation.shape))
        self._j[:, row] = j
        self._f[:, row] = f
        self._added[row] = True
        if self._watch is not None:
            self._watch(stem, annotation, prediction, j, f)

    def missing(self) -> tuple[str, ...]:
        """Evaluated frames that have not been added yet."""
        return tuple(stem for stem, added in zip(self.evaluated, self._added) if not added)

    def finish(self) -> VideoScores:
        """The scores. Raises PredictionError naming the evaluated frames that are missing."""
        require_all(self.video, self.missing())
        return VideoScores(
            self.video,
            tuple(
                ObjectScores(self.video, k, self.evaluated, self._j[k - 1], self._f[k - 1], self._official_decay)
                for k in self.object_ids
            ),
        )

    def _count_objects(self) -> int:
        first = next(iter(self._annotations.values()), None)
        if first is None:
            raise InputError(f"Video {self.video} has no annotation: there is nothing to score against.")
        labels = view_mask(first)
        highest = int(labels.max())
        if highest == VOID:
            highest = int(np.where(labels == VOID, 0, labels).max())
        # Freeing a large block tells glibc to keep blocks of such sizes for reuse. Otherwise it gives each frame's
        # memory back to the system, and clearing new pages costs a fifth of the time.
        bytes(4 * labels.size)
        if not highest:
            raise InputError(f"Video {self.video}: its first annotation {first} holds no object.")
        return highest
