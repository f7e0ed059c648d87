"""Predictions against annotations by MOSEv2's J&F-dot: streaming scores of one video, scores of a split.

The definition, with its source, is in `vos_core.metrics.dot`. Extra to DAVIS's scores, never instead of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vos_core.datasets.layout import EmptyVideoList, open_dataset
from vos_core.errors import InputError, PredictionError
from vos_core.evaluation.scorer import ExtraObjects, evaluated_frames, frames_are_missing
from vos_core.masks import VOID, MaskError, MissingMask, view_mask
from vos_core.metrics.dot import DotScores, DotStatistics, dot_scores, score_labels_dot

Progress = Callable[[int, int], None]


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
    """Scores of the objects of one video, and what was scored in spite of a doubt."""

    video: str
    objects: tuple[DotObjectScores, ...]
    warnings: tuple[str, ...] = ()


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


class DotScorer:
    """J&F-dot of one video, fed with one prediction at a time, in any order; keeps nothing but numbers.

    `annotations`: frame stem -> annotation file of the whole video, in time order. `objects`: the ids to score, by
    default those in the first annotation (void, 255, is none): unlike `VideoScorer`, a gap in the ids is no object.
    `extra_objects`: whether a predicted id that is not among them is an error or ignored, with a sentence in
    `warnings`. Raises InputError when an annotation cannot be read or there is no object.
    """

    def __init__(
        self,
        video: str,
        annotations: Mapping[str, Path],
        *,
        objects: Sequence[int] | None = None,
        extra_objects: ExtraObjects = "error",
    ) -> None:
        self.video = video
        self.evaluated = evaluated_frames(annotations)
        self.warnings: list[str] = []
        self._annotations = annotations
        self._extra_objects = extra_objects
        self.object_ids = tuple(self._first_objects() if objects is None else objects)
        if not self.object_ids:
            raise InputError(f"Video {video}: its first annotation holds no object.")
        self._row = {stem: row for row, stem in enumerate(self.evaluated)}
        self._added = np.zeros(len(self.evaluated), np.bool_)
        self._values = np.full((len(self.object_ids), 4, len(self.evaluated)), np.nan)

    def add(self, stem: str, prediction: np.ndarray, source: Path | str | None = None) -> None:
        """Score the prediction, a label map uint8 (H, W), of frame `stem`; does nothing if it is not evaluated.

        Raises PredictionError naming video and frame (and `source`, the file it came from) when its size is not the
        annotation's, or when it has another object; the frame then stays missing. Raises InputError when the
        annotation cannot be read.
        """
        row = self._row.get(stem)
        if row is None:
            return
        try:
            annotation = view_mask(self._annotations[stem])
        except MaskError as error:
            raise InputError(f"Video {self.video}, frame {stem}: its annotation is of no use: {error}") from error
        where = f"Video {self.video}, frame {stem}: the prediction{f' {source}' if source else ''}"
        if prediction.shape != annotation.shape or prediction.dtype != np.uint8:
            raise PredictionError(
                f"{where} is {prediction.dtype} {prediction.shape} but the annotation is {annotation.shape} (height, "
                "width): predictions must have the annotation's size."
            )
        found = np.flatnonzero(np.bincount(prediction.ravel(), minlength=256)).tolist()
        if extra := sorted(set(found) - {0, *self.object_ids}):
            told = (
                f"{where} has object {', '.join(map(str, extra))}, but the video has only "
                f"{', '.join(map(str, self.object_ids))}"
            )
            if self._extra_objects == "error":
                raise PredictionError(f"{told}: write only known objects, or ignore others (--extra-objects).")
            self.warnings.append(f"{told}: ignored.")
        self._values[:, :, row] = score_labels_dot(annotation, prediction, self.object_ids)
        self._added[row] = True

    def missing(self) -> tuple[str, ...]:
        """Evaluated frames that have not been added yet."""
        return tuple(stem for stem, added in zip(self.evaluated, self._added) if not added)

    def finish(self) -> DotVideoScores:
        """The scores. Raises PredictionError naming the evaluated frames that are missing."""
        if missing := self.missing():
            raise PredictionError(f"Video {self.video}: {frames_are_missing(missing)}.")
        objects = tuple(
            DotObjectScores(self.video, object_id, self.evaluated, j, f_dot, f, present > 0)
            for object_id, (j, f_dot, f, present) in zip(self.object_ids, self._values)
        )
        return DotVideoScores(self.video, objects, tuple(self.warnings))

    def _first_objects(self) -> list[int]:
        first = next(iter(self._annotations.values()), None)
        if first is None:
            raise InputError(f"Video {self.video} has no annotation: there is nothing to score against.")
        labels = np.flatnonzero(np.bincount(view_mask(first).ravel(), minlength=256)).tolist()
        return [label for label in labels if 0 < label < VOID]


def evaluate_dot(
    davis_path: Path | str,
    results_path: Path | str,
    *,
    split: str = "val",
    videos: Sequence[str] | None = None,
    processes: int = 1,
    extra_objects: ExtraObjects = "error",
    progress: Progress | None = None,
) -> DotEvaluation:
    """Score the predictions `results_path/<video>/<frame>.png` for a split of the dataset in `davis_path`.

    `progress(done, total)` counts videos. Raises InputError for a bad dataset, list or argument, or a split without
    annotations beyond first frames; PredictionError with one line a problem, after looking at all videos, and for an
    empty list.
    """
    dataset, results = open_dataset(davis_path), Path(results_path).expanduser().absolute()
    try:
        names = dataset.video_names(split)
    except EmptyVideoList as error:
        raise PredictionError(str(error)) from error
    if processes < 1:
        raise InputError(f"The number of processes must be at least 1, not {processes}.")
    if unknown := [name for name in videos or () if name not in names]:
        raise InputError(f"Split {split!r} of {dataset.root} has no video {', '.join(map(repr, unknown))}.")
    if not results.is_dir():
        raise InputError(f"There is no folder of predictions {results}: check the path.")
    chosen = [dataset.video(name) for name in names if not videos or name in videos]
    if apart := [video.name for video in chosen if video.per_object is not None]:
        raise InputError(
            f"Video {apart[0]} of {dataset.root} is annotated one folder an object: J&F-dot is defined for label maps, "
            "and computed for those only."
        )
    annotations = {video.name: video.annotations for video in chosen}
    jobs = [
        _Job(name, dict(files), results / name, extra_objects)
        for name, files in annotations.items()
        if evaluated_frames(files)
    ]
    if not jobs:
        raise InputError(
            f"Split {split!r} of {dataset.root} cannot be scored: its videos have no annotations beyond the first "
            "frame; only the challenge's server can score it."
        )
    scores: list[DotVideoScores] = []
    problems: list[str] = []
    for done, outcome in enumerate(_outcomes(jobs, processes), start=1):
        if isinstance(outcome, DotVideoScores):
            scores.append(outcome)
        else:
            problems += outcome
        if progress is not None:
            progress(done, len(jobs))
    if problems:
        raise PredictionError("\n".join(problems))
    warnings = tuple(warning for video in scores for warning in video.warnings)
    if left_out := [name for name in annotations if name not in {job.video for job in jobs}]:
        warnings = (f"Not scored, for want of three annotated frames: {', '.join(left_out)}.", *warnings)
    rows = [one.statistics for video in scores for one in video.objects]
    return DotEvaluation(split, tuple(scores), dot_scores(rows), warnings)


@dataclass(frozen=True)
class _Job:
    video: str
    annotations: Mapping[str, Path]
    folder: Path
    extra_objects: ExtraObjects


def _outcomes(jobs: Sequence[_Job], processes: int) -> Iterator[DotVideoScores | list[str]]:
    """What `_score` gives for each job, in their order."""
    if min(processes, len(jobs)) <= 1:
        yield from map(_score, jobs)
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # Forking is quickest, but a forked copy of other threads' locks would never open again.
    method = "fork" if threading.active_count() == 1 else "spawn"
    with ProcessPoolExecutor(min(processes, len(jobs)), multiprocessing.get_context(method)) as pool:
        yield from pool.map(_score, jobs)


def _score(job: _Job) -> DotVideoScores | list[str]:
    """The scores of a video, or all that is wrong with its predictions."""
    scorer = DotScorer(job.video, job.annotations, extra_objects=job.extra_objects)
    problems: list[str] = []
    missing: list[str] = []
    for stem in scorer.evaluated:
        path = job.folder / f"{stem}.png"
        try:
            scorer.add(stem, view_mask(path), source=path)
        except MissingMask:
            missing.append(stem)
        except MaskError as error:
            problems.append(f"Video {job.video}, frame {stem}: {error}")
        except PredictionError as error:
            problems.append(str(error))
    if missing:
        problems.insert(0, f"Video {job.video}: {frames_are_missing(missing)} in {job.folder}.")
    return problems or scorer.finish()


def _without_nan(columns: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if value == value else None for name, value in columns.items()}
