"""Scores of a folder of predictions, `<video>/<frame>.png`, against a dataset's annotations."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vos_core.datasets.layout import Dataset, open_dataset
from vos_core.datasets.lists import EmptyVideoList
from vos_core.errors import InputError, PredictionError, VosLabError
from vos_core.evaluation.checks import ExtraObjects, frames_are_missing
from vos_core.evaluation.dot import DotEvaluation, DotVideoScores, DotWatch, join_stretches, objects_in
from vos_core.evaluation.per_object import score_per_object
from vos_core.evaluation.scorer import VideoScorer
from vos_core.evaluation.scores import GlobalScores, ObjectScores, VideoScores, global_scores
from vos_core.masks import MaskError, MissingMask
from vos_core.metrics.dot import dot_scores
from vos_core.per_object import frames_of, mask_reader, object_folders, stems_of

Progress = Callable[[int, int], None]

SEMI_SUPERVISED = "semi-supervised"
_FRAMES_A_PART = 64  # a long video is shared by several processes


@dataclass(frozen=True)
class Evaluation:
    """Scores of a split: each video's, the seven global numbers, and what was scored in spite of a doubt."""

    split: str
    videos: tuple[VideoScores, ...]
    scores: GlobalScores
    warnings: tuple[str, ...] = ()

    @property
    def objects(self) -> tuple[ObjectScores, ...]:
        """All objects of all videos, in the split's order."""
        return tuple(scores for video in self.videos for scores in video.objects)

    def to_json(self) -> dict[str, Any]:
        """`{"global": {column: value}, "objects": {"<video>_<k>": {"J": [mean, recall, decay], "F": [...]}}}`"""
        objects = {}
        for scores in self.objects:
            j, f = scores.j_statistics, scores.f_statistics
            objects[scores.name] = {"J": [j.mean, j.recall, j.decay], "F": [f.mean, f.recall, f.decay]}
        return {"global": self.scores.as_columns(), "objects": objects}


def evaluate(
    davis_path: Path | str | Dataset,
    results_path: Path | str,
    *,
    set: str = "val",  # the official flag's name
    task: str = SEMI_SUPERVISED,
    videos: Sequence[str] | None = None,
    processes: int = 1,
    extra_objects: ExtraObjects = "error",
    official_decay: bool = False,
    progress: Progress | None = None,
) -> Evaluation:
    """Score the predictions in `results_path` for split `set` of the dataset in `davis_path` (or its `videos` only).

    `davis_path` is its folder, or the dataset opened, with the subsets that a home keeps of it.

    The result equals the official DAVIS toolkit's, decay from 256 evaluated frames on apart (see `official_decay`).
    Annotations that are kept one folder an object are scored object by object (`vos_core.evaluation.per_object`).
    `progress(done, total)` counts frames. Raises InputError for a bad dataset, list, or argument; PredictionError
    with one line a problem when predictions are missing or wrong, after looking at all videos, and for an empty list.
    """
    if task != SEMI_SUPERVISED:
        raise InputError(f"Task {task!r} is not scored here: only {SEMI_SUPERVISED!r} is.")
    outcomes, warnings = _evaluate(davis_path, results_path, set, videos, processes, extra_objects, progress)
    scores = tuple(_join(video, found, official_decay) for video, found in outcomes.items())
    rows = [(one.j_statistics, one.f_statistics) for video in scores for one in video.objects]
    return Evaluation(set, scores, global_scores(rows), warnings)


def evaluate_dot(
    davis_path: Path | str | Dataset,
    results_path: Path | str,
    *,
    split: str = "val",
    videos: Sequence[str] | None = None,
    processes: int = 1,
    extra_objects: ExtraObjects = "error",
    progress: Progress | None = None,
) -> DotEvaluation:
    """As `evaluate`, by MOSEv2's J&F-dot (`vos_core.metrics.dot`)."""
    outcomes, warnings = _evaluate(davis_path, results_path, split, videos, processes, extra_objects, progress, True)
    scores = tuple(
        DotVideoScores(video, tuple(map(join_stretches, zip(*(one.dot.objects for one in found if one.dot)))))
        for video, found in outcomes.items()
    )
    rows = [one.statistics for video in scores for one in video.objects]
    return DotEvaluation(split, scores, dot_scores(rows), warnings)


def score_folder(
    video: str,
    annotations: Mapping[str, Path] | Path,
    folder: Path | str,
    *,
    official_decay: bool = False,
    extra_objects: ExtraObjects = "error",
) -> VideoScores:
    """Score one video whose predictions lie in `folder`; arguments as for `VideoScorer` (or `PerObjectScorer`).

    Raises PredictionError with one line a problem.
    """
    outcome = _score_part(_Part(video, annotations, Path(folder), extra_objects))
    if problems := _problems(video, Path(folder), [outcome]):
        raise PredictionError("\n".join(problems))
    return _join(video, [outcome], official_decay)


def _evaluate(
    davis_path: Path | str | Dataset,
    results_path: Path | str,
    split: str,
    videos: Sequence[str] | None,
    processes: int,
    extra_objects: ExtraObjects,
    progress: Progress | None,
    dot: bool = False,
) -> tuple[dict[str, list[_Outcome]], tuple[str, ...]]:
    """What scoring each video's parts gave, none with a problem, and the warnings; raises as `evaluate`."""
    if processes < 1:
        raise InputError(f"The number of processes must be at least 1, not {processes}.")
    if extra_objects not in ("error", "ignore"):
        raise InputError(f"Extra objects can be an 'error' or be 'ignore'd, not {extra_objects!r}.")
    results = Path(results_path).expanduser().absolute()
    if not results.is_dir():
        raise InputError(f"There is no folder of predictions {results}: check the path.")
    warnings: list[str] = []
    parts = _parts(_annotations(davis_path, split, videos, warnings), results, extra_objects, dot)
    total = sum(part.length for part in parts)
    done = 0
    outcomes: dict[str, list[_Outcome]] = {}
    for part, outcome in zip(parts, _score(parts, processes)):
        outcomes.setdefault(part.video, []).append(outcome)
        done += part.length
        if progress is not None:
            progress(done, total)
    problems = [problem for video, found in outcomes.items() for problem in _problems(video, results / video, found)]
    if problems:
        raise PredictionError("\n".join(problems))
    warnings += [warning for found in outcomes.values() for outcome in found for warning in outcome.warnings]
    return outcomes, tuple(warnings)


@dataclass(frozen=True)
class _Part:
    """A stretch of a video: `annotations` are its first, those of the stretch, and one that is not evaluated.

    Or a whole video, where `annotations` is a folder of object folders.
    """

    video: str
    annotations: Mapping[str, Path] | Path
    folder: Path
    extra_objects: ExtraObjects
    dot: bool = False

    @property
    def length(self) -> int:
        if isinstance(self.annotations, Path):
            return max(len(frames_of(folder)) for folder in object_folders(self.annotations).values()) - 2
        return len(self.annotations) - 2


@dataclass(frozen=True)
class _Outcome:
    """What scoring a part gave: scores, or problems and the frames without a file."""

    scores: VideoScores | None
    dot: DotVideoScores | None
    problems: tuple[str, ...]
    missing: tuple[str, ...]
    warnings: tuple[str, ...]


def _annotations(
    davis_path: Path | str | Dataset, split: str, videos: Sequence[str] | None, warnings: list[str]
) -> dict[str, Mapping[str, Path] | Path]:
    """What each video is scored against, in the split's order: annotation files, or a folder of object folders."""
    dataset = davis_path if isinstance(davis_path, Dataset) else open_dataset(davis_path)
    try:
        names = dataset.video_names(split)
    except EmptyVideoList as error:
        # Not a command that could not be understood, but an evaluation that failed.
        raise PredictionError(str(error)) from error
    if videos is not None:
        if unknown := [name for name in videos if name not in names]:
            raise InputError(f"Split {split!r} of {dataset.root} has no video {', '.join(map(repr, unknown))}.")
        names = tuple(name for name in names if name in videos)
    if not names:
        raise InputError("There is no video to score: name at least one.")
    found = [dataset.video(name) for name in names]
    scorable = {video.name: video.ground_truth for video in found if video.is_scorable}
    if not scorable:
        raise InputError(
            f"Split {split!r} of {dataset.root} cannot be scored: its videos have no annotations beyond the first "
            "frame (as MOSE's public valid); only the challenge's server can score it."
        )
    left_out = [name for name in names if name not in scorable]
    if left_out:
        warnings.append(f"Not scored, for want of three annotated frames: {', '.join(left_out)}.")
    return scorable


def _parts(
    annotations: Mapping[str, Mapping[str, Path] | Path], results: Path, extra_objects: ExtraObjects, dot: bool
) -> list[_Part]:
    parts = []
    for video, files in annotations.items():
        if isinstance(files, Path):
            parts.append(_Part(video, files, results / video, extra_objects, dot))
            continue
        items = list(files.items())
        for start in range(1, len(items) - 1, _FRAMES_A_PART):
            stretch = items[start : min(start + _FRAMES_A_PART, len(items) - 1)]
            parts.append(_Part(video, dict([items[0], *stretch, items[-1]]), results / video, extra_objects, dot))
    return parts


def _score(parts: Sequence[_Part], processes: int) -> Iterator[_Outcome]:
    """Outcomes in the order of `parts`."""
    processes = min(processes, len(parts))
    if processes == 1:
        yield from map(_score_part, parts)
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    # Forking is quickest, but a forked copy of other threads' locks would never open again.
    method = "fork" if threading.active_count() == 1 else "spawn"
    try:
        with ProcessPoolExecutor(processes, multiprocessing.get_context(method)) as pool:
            yield from pool.map(_score_part, parts)
    except BrokenProcessPool as error:
        raise VosLabError("A scoring process was killed (out of memory?): score again with fewer processes.") from error


def _score_part(part: _Part) -> _Outcome:
    """Score what can be scored and say all that is wrong."""
    if isinstance(part.annotations, Path):
        seen = DotWatch(object_folders(part.annotations)) if part.dot else None
        try:
            apart, told = score_per_object(
                part.video,
                part.annotations,
                part.folder,
                extra_objects=part.extra_objects,
                watch=seen.look_apart if seen else None,
            )
        except PredictionError as error:
            return _Outcome(None, None, tuple(str(error).splitlines()), (), ())
        return _Outcome(apart, seen.beside(apart) if seen else None, (), (), told)
    seen = DotWatch(objects_in(part.annotations)) if part.dot else None
    watch = seen.look if seen else None
    scorer = VideoScorer(part.video, part.annotations, extra_objects=part.extra_objects, watch=watch)
    problems: list[str] = []
    missing: list[str] = []
    read = mask_reader(part.folder)
    for stem in scorer.evaluated:
        path = part.folder / f"{stem}.png"
        try:
            prediction = read(stem)
        except MissingMask as error:
            # Of objects that are kept apart, others may have the frame: then the sentence names the one that has not.
            if stem in stems_of(part.folder):
                problems.append(f"Video {part.video}, frame {stem}: {error}")
            else:
                missing.append(stem)
            continue
        except MaskError as error:
            problems.append(f"Video {part.video}, frame {stem}: {error}")
            continue
        try:
            scorer.add(stem, prediction, source=path)
        except PredictionError as error:
            problems.append(str(error))
    scores = None if problems or missing else scorer.finish()
    dot = seen.beside(scores) if seen and scores else None
    return _Outcome(scores, dot, tuple(problems), tuple(missing), tuple(scorer.warnings))


def _problems(video: str, folder: Path, outcomes: Sequence[_Outcome]) -> list[str]:
    """All problems of a video; its missing frames are one."""
    problems = [problem for outcome in outcomes for problem in outcome.problems]
    missing = [stem for outcome in outcomes for stem in outcome.missing]
    if not missing and not problems:
        return []
    try:
        has_files = any(True for _ in os.scandir(folder))
    except FileNotFoundError:
        return [f"Video {video} has no predictions: there is no folder {folder}."]
    except OSError as error:
        return [f"Video {video} has no predictions: {folder} cannot be read as a folder ({error.strerror})."]
    if not has_files:
        return [f"Video {video} has no predictions: the folder {folder} is empty."]
    if not missing:
        return problems
    return [f"Video {video}: {frames_are_missing(missing)} in {folder}.", *problems]


def _join(video: str, outcomes: Sequence[_Outcome], official_decay: bool) -> VideoScores:
    """The scores of a video from those of its parts."""
    parts = [outcome.scores.objects for outcome in outcomes if outcome.scores is not None]
    return VideoScores(
        video,
        tuple(
            ObjectScores(
                video,
                stretches[0].object_id,
                tuple(stem for one in stretches for stem in one.frames),
                np.concatenate([one.j for one in stretches]),
                np.concatenate([one.f for one in stretches]),
                official_decay,
            )
            for stretches in zip(*parts)
        ),
    )
