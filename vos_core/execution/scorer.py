"""The process beside a worker that scores masks while they are still in memory."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vos_core.errors import VosLabError


class ScorerProcess:
    """Feeds one video after the other to a scoring process, so that scoring never takes the model's thread.

    The process ends when its worker does: its end of the pipe closes.
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True, name="scorer")
        self._process.start()
        theirs.close()

    def begin(self, video: str, annotations: Mapping[str, Path]) -> None:
        """Start a video; forgets an unfinished one."""
        self._connection.send(("begin", video, dict(annotations)))

    def add(self, stem: str, mask: npt.NDArray[np.uint8]) -> None:
        """Hand over one frame's mask, (H, W) uint8."""
        self._connection.send(("add", stem, mask))

    def finish(self) -> tuple[Any, float]:
        """(VideoScores, seconds spent scoring). Raises VosLabError with the first problem of the video."""
        self._connection.send(("finish",))
        try:
            ok, answer, seconds = self._connection.recv()
        except EOFError as error:
            raise VosLabError("The scoring process died (out of memory?).") from error
        if not ok:
            raise VosLabError(answer)
        return answer, seconds

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.join(timeout=2)
        if self._process.is_alive():
            self._process.kill()


def _serve(connection: Connection) -> None:
    from vos_core.evaluation import VideoScorer

    scorer: VideoScorer | None = None
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
                scorer = VideoScorer(message[1], message[2])
            elif message[0] == "add" and scorer is not None and problem is None:
                scorer.add(message[1], message[2])
            elif message[0] == "finish":
                if problem is None and scorer is not None:
                    answer = scorer.finish()
                    connection.send((True, answer, seconds + time.perf_counter() - began))
                else:
                    connection.send((False, problem or "no video was begun", seconds))
                scorer = None
        except Exception as error:
            # Kept until `finish`: the worker must hear the sentence of its own video, once.
            problem = problem or (str(error) if isinstance(error, VosLabError) else f"scoring failed: {error!r}")
            if message[0] == "finish":
                connection.send((False, problem, seconds))
                scorer = None
        seconds += time.perf_counter() - began
