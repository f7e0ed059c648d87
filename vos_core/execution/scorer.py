"""The process beside a worker that scores masks while they are still in memory."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vos_core.analysis.failures import FailureEpisode, FailureFinder
from vos_core.errors import Cancelled, VosLabError
from vos_core.evaluation.dot import DotVideoScores, DotWatch, objects_in
from vos_core.evaluation.late_objects import LateScorer
from vos_core.evaluation.per_object import PerObjectScorer
from vos_core.evaluation.scorer import VideoScorer
from vos_core.evaluation.scores import VideoScores
from vos_core.execution.feed import Feed
from vos_core.per_object import labels_of, object_folders

LabelMap = npt.NDArray[np.uint8]
Found = tuple[VideoScores, tuple[FailureEpisode, ...], DotVideoScores | None]

CLOSE_SECONDS = 2.0
LISTEN_SECONDS = 0.1  # between two looks at whether a video is still wanted


@dataclass(frozen=True)
class Scored:
    """A video's scores and failures, and the seconds that finding them took; `dot` where it was asked for."""

    scores: VideoScores
    failures: tuple[FailureEpisode, ...]
    dot: DotVideoScores | None
    seconds: float


class ScorerProcess:
    """Feeds one video after the other to a scoring process, so that scoring never takes the model's thread.

    Some dozens of masks may wait for it (see `Feed`): the model is held up where scoring is slower than it is over
    many frames, never by one of them.

    The process ends when its worker does: its end of the pipe closes.
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True, name="scorer")
        self._process.start()
        theirs.close()
        self._feed = Feed(self._connection)

    def begin(
        self,
        video: str,
        stems: Sequence[str],
        annotations: Mapping[str, Path] | Path,
        later: bool = False,
        dot: bool = False,
    ) -> None:
        """Start a video, of which `stems` are all frames in time order; forgets an unfinished one.

        `annotations`: frame stem -> file, or the video's folder with a folder an object (see `PerObjectScorer`).
        `later`: objects may appear after the first frame, each prompted by its first annotation (see `LateScorer`).
        `dot`: MOSEv2's J&F-dot is wanted too.
        """
        files = annotations if isinstance(annotations, Path) else dict(annotations)
        self._feed.clear()
        self._tell(("begin", video, tuple(stems), files, later, dot))

    def add(self, stem: str, mask: npt.NDArray[np.uint8] | Mapping[int, np.ndarray]) -> None:
        """Hand over one frame's mask, (H, W) uint8; where annotations are apart, it may be masks by object id.

        Raises VosLabError when the process died.
        """
        self._tell(("add", stem, mask))

    def finish(self, should_stop: Callable[[], bool] = lambda: False) -> Scored:
        """What was found, once all masks that wait are scored.

        Raises VosLabError with the first problem of the video, or Cancelled soon after `should_stop()` turns true: the
        process has ended then, since nobody would read its answer.
        """
        self._tell(("finish",))
        try:
            while not self._connection.poll(LISTEN_SECONDS):
                if should_stop():
                    self._process.kill()
                    self._process.join()
                    raise Cancelled("The scores of this video are not wanted any more.")
            answer = self._connection.recv()
        except (EOFError, OSError) as error:
            raise _died() from error
        if not isinstance(answer, Scored):
            raise VosLabError(str(answer))
        return answer

    def _tell(self, message: tuple[object, ...]) -> None:
        try:
            self._feed.put(message)
        except BrokenPipeError as error:
            raise _died() from error

    @property
    def alive(self) -> bool:
        """Whether the process is there: out of memory, the system ends it before its worker."""
        return self._process.is_alive()

    def close(self) -> None:
        """End the process; what waits for it is forgotten."""
        end = time.monotonic() + CLOSE_SECONDS
        self._feed.close(CLOSE_SECONDS)
        self._connection.close()
        self._process.join(timeout=max(0.0, end - time.monotonic()))
        if self._process.is_alive():
            self._process.kill()


def _died() -> VosLabError:
    return VosLabError("The scoring process died (out of memory?).")


class _PerObjectScoring:
    """One video whose annotations are kept one folder an object.

    Each object is scored by itself, and its failures are told from its own masks: joined maps would lose what objects
    share, and demand that all are annotated on the same frames.
    """

    def __init__(self, video: str, stems: Sequence[str], annotations: Path, dot: bool) -> None:
        self._index = {stem: index for index, stem in enumerate(stems)}
        self._scorer = PerObjectScorer(video, annotations, watch=self._look)
        self._finder = FailureFinder(video)
        self._labels = labels_of(object_folders(annotations))
        self._dot = DotWatch(self._labels) if dot else None
        self.add = self._scorer.add

    def _look(
        self,
        stem: str,
        annotations: Mapping[int, np.ndarray],
        masks: Mapping[int, np.ndarray],
        scores: Mapping[int, tuple[float, float]],
    ) -> None:
        self._finder.add_masks(self._index[stem], annotations, masks, scores)
        if self._dot is not None:
            self._dot.look_apart(stem, annotations, masks, scores)

    def finish(self) -> Found:
        """Scores and failures under the objects' labels in the masks, which differ from folder names where there is a
        folder 0."""
        scores = self._scorer.finish()
        objects = tuple(replace(one, object_id=self._labels[one.object_id]) for one in scores.objects)
        episodes = (replace(one, object_id=self._labels[one.object_id]) for one in self._finder.finish())
        dot = self._dot.beside(scores) if self._dot else None
        if dot is not None:
            relabelled = (replace(one, object_id=self._labels[one.object_id]) for one in dot.objects)
            dot = replace(dot, objects=tuple(relabelled))
        return VideoScores(scores.video, objects), tuple(episodes), dot


class _VideoScoring:
    """One video in the scoring process."""

    def __init__(
        self, video: str, stems: Sequence[str], annotations: Mapping[str, Path], later: bool, dot: bool
    ) -> None:
        self._index = {stem: index for index, stem in enumerate(stems)}
        self._scorer = (LateScorer if later else VideoScorer)(video, annotations, watch=self._look)
        self._finder = FailureFinder(video, len(self._scorer.object_ids))
        self._dot = DotWatch(objects_in(annotations)) if dot else None
        self.add = self._scorer.add

    def _look(self, stem: str, annotation: LabelMap, mask: LabelMap, j: Sequence[float], f: Sequence[float]) -> None:
        self._finder.add(self._index[stem], annotation, mask, j, f)
        if self._dot is not None:
            self._dot.look(stem, annotation, mask, j, f)

    def finish(self) -> Found:
        scores = self._scorer.finish()
        return scores, self._finder.finish(), self._dot.beside(scores) if self._dot else None


def _serve(connection: Connection) -> None:
    scoring: _VideoScoring | _PerObjectScoring | None = None
    problem: str | None = None
    seconds = 0.0
    while True:
        try:
            message = connection.recv()
        except (EOFError, OSError):
            return
        began = time.perf_counter()
        try:
            if message[0] == "begin":
                problem, seconds = None, 0.0
                video, stems, annotations, later, dot = message[1:]
                if isinstance(annotations, Path):
                    scoring = _PerObjectScoring(video, stems, annotations, dot)
                else:
                    scoring = _VideoScoring(video, stems, annotations, later, dot)
            elif message[0] == "add" and scoring is not None and problem is None:
                scoring.add(message[1], message[2])
            elif message[0] == "finish":
                if problem is not None or scoring is None:
                    raise VosLabError(problem or "no video was begun")
                answer = scoring.finish()
                connection.send(Scored(*answer, seconds + time.perf_counter() - began))
        except Exception as error:
            # Kept until `finish`: the worker must hear the sentence of its own video, once.
            problem = problem or (str(error) if isinstance(error, VosLabError) else f"scoring failed: {error!r}")
            if message[0] == "finish":
                connection.send(problem)
        seconds += time.perf_counter() - began
