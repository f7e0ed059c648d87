"""J and F where annotations are kept one folder an object (SA-V, SeCVOS): each object by itself, overlaps included.

As the SA-V evaluation (facebookresearch/sam2, `sav_dataset`): an object is evaluated on its own annotated frames but
its first and its last. Unlike there, frames before either mask has anything count as 1, as everywhere in DAVIS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from vos_core.errors import InputError, PredictionError
from vos_core.evaluation.checks import (
    ExtraObjects,
    check_size,
    extra_objects_warning,
    frames_are_missing,
    prediction_at,
    read_annotation,
    require_all,
)
from vos_core.evaluation.scores import ObjectScores, VideoScores
from vos_core.masks import MaskError, MissingMask, view_mask
from vos_core.metrics.boundary import boundary_radius
from vos_core.metrics.label_maps import score_labels
from vos_core.per_object import frames_of, is_per_object, labels_of, object_folders, read_binary, read_per_object

Masks = Mapping[int, np.ndarray]
WatchMasks = Callable[[str, Masks, Masks, Mapping[int, tuple[float, float]]], None]


class PerObjectScorer:
    """J and F of one video, fed with one prediction at a time, in any order; the counterpart of `VideoScorer`.

    `annotations`: the video's folder, with a folder an object. `extra_objects`: whether a predicted object that is
    not annotated is an error or ignored, with a sentence in `warnings`. `watch(stem, annotations, predictions, scores)`
    is called for each scored frame while its masks are in memory: masks (H, W) by object id, (J, F) of the objects
    that are evaluated there. Raises InputError when there is no object folder, or no object with three annotated
    frames.
    """

    def __init__(
        self,
        video: str,
        annotations: Path | str,
        *,
        official_decay: bool = False,
        extra_objects: ExtraObjects = "error",
        watch: WatchMasks | None = None,
    ) -> None:
        self.video = video
        self.warnings: list[str] = []
        self._watch = watch
        self._official_decay = official_decay
        self._extra_objects = extra_objects
        self._folders = object_folders(annotations)
        self._annotated = {object_id: frames_of(folder) for object_id, folder in self._folders.items()}
        self._frames = {object_id: stems[1:-1] for object_id, stems in self._annotated.items() if stems[1:-1]}
        if not self._frames:
            raise InputError(
                f"Video {video}: {annotations} has no object with three annotated frames: there is nothing to score."
            )
        self.object_ids = tuple(self._frames)
        self._labels = labels_of(self._folders)
        self._scores: dict[tuple[int, str], tuple[float, float]] = {}
        stems = {stem: None for frames in self._frames.values() for stem in frames}
        self.evaluated = tuple(sorted(stems, key=lambda stem: (len(stem), stem)))

    def add(
        self, stem: str, prediction: np.ndarray | Mapping[int, np.ndarray], source: Path | str | None = None
    ) -> None:
        """Score frame `stem`: a label map uint8 (H, W), with labels as `labels_of` gives, or masks (H, W) by object
        id, which may overlap. An object without pixels may be left out of a label map, but not of the masks.

        Does nothing if the frame is not evaluated. Raises PredictionError naming video and frame for another size,
        an object that is not annotated, or one that is missing; InputError when an annotation cannot be read.
        """
        wanted = [object_id for object_id, frames in self._frames.items() if stem in frames]
        if not wanted:
            return
        where = prediction_at(self.video, stem, source)
        masks, extra = self._by_object(prediction)
        if extra:
            known = self._known(prediction)
            self.warnings.append(extra_objects_warning(where, extra, known, self._extra_objects))
        if absent := [object_id for object_id in wanted if object_id not in masks]:
            raise PredictionError(f"{where} has no mask of object {', '.join(map(str, absent))}: write an empty one.")
        # Who watches wants to know of the frame's other objects too, whose first or last mask this may be.
        others = [k for k, frames in self._annotated.items() if stem in frames and k not in wanted]
        annotations: dict[int, np.ndarray] = {}
        scores: dict[int, tuple[float, float]] = {}
        for object_id in [*wanted, *others] if self._watch else wanted:
            path = self._folders[object_id] / f"{stem}.png"
            annotations[object_id] = annotation = read_annotation(self.video, stem, read_binary, path)
            if object_id not in wanted:
                continue
            mask = masks[object_id] != 0
            check_size(where, mask, annotation)
            (j,), (f,) = score_labels(
                annotation.view(np.uint8), mask.view(np.uint8), 1, boundary_radius(*annotation.shape)
            )
            scores[object_id] = self._scores[object_id, stem] = j, f
        if self._watch is not None:
            self._watch(stem, annotations, masks, scores)

    def missing(self) -> tuple[str, ...]:
        """Evaluated frames of which an object has not been added yet."""
        return tuple(
            stem
            for stem in self.evaluated
            if any(stem in frames and (k, stem) not in self._scores for k, frames in self._frames.items())
        )

    def finish(self) -> VideoScores:
        """The scores. Raises PredictionError naming the evaluated frames that are missing."""
        require_all(self.video, self.missing())
        objects = []
        for object_id, frames in self._frames.items():
            values = np.array([self._scores[object_id, stem] for stem in frames])
            j, f = np.ascontiguousarray(values.T)
            objects.append(ObjectScores(self.video, object_id, frames, j, f, self._official_decay))
        return VideoScores(self.video, tuple(objects))

    def _by_object(
        self, prediction: np.ndarray | Mapping[int, np.ndarray]
    ) -> tuple[Mapping[int, np.ndarray], list[int]]:
        """The annotated objects' masks by id, and the other objects (labels, of a label map)."""
        if isinstance(prediction, np.ndarray):
            labels = np.flatnonzero(np.bincount(prediction.ravel(), minlength=256)).tolist()
            masks = {object_id: prediction == label for object_id, label in self._labels.items()}
            return masks, sorted(set(labels) - {0, *self._labels.values()})
        return prediction, [object_id for object_id in prediction if object_id not in self._folders]

    def _known(self, prediction: np.ndarray | Mapping[int, np.ndarray]) -> str:
        known = self._labels.values() if isinstance(prediction, np.ndarray) else self._folders
        return ", ".join(map(str, known))


def score_per_object(
    video: str,
    annotations: Path | str,
    predictions: Path | str,
    *,
    official_decay: bool = False,
    extra_objects: ExtraObjects = "error",
    watch: WatchMasks | None = None,
) -> tuple[VideoScores, tuple[str, ...]]:
    """Scores of one video, and warnings: `annotations` is its folder of object folders, `predictions` its folder of
    object folders or of label maps.

    Raises PredictionError with one line a problem, InputError as `PerObjectScorer`.
    """
    folder = Path(predictions)
    scorer = PerObjectScorer(
        video, annotations, official_decay=official_decay, extra_objects=extra_objects, watch=watch
    )
    if not folder.is_dir():
        raise PredictionError(f"Video {video} has no predictions: there is no folder {folder}.")
    apart = is_per_object(folder)
    problems: list[str] = []
    missing: list[str] = []
    for stem in scorer.evaluated:
        path = folder / f"{stem}.png"
        try:
            scorer.add(stem, read_per_object(folder, stem) if apart else view_mask(path), None if apart else path)
        except MissingMask:
            missing.append(stem)
        except MaskError as error:
            problems.append(f"Video {video}, frame {stem}: {error}")
        except PredictionError as error:
            problems.append(str(error))
    if missing:
        problems.insert(0, f"Video {video}: {frames_are_missing(missing)} in {folder}.")
    if problems:
        raise PredictionError("\n".join(problems))
    return scorer.finish(), tuple(scorer.warnings)
