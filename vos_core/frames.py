"""Frames of one video, decoded ahead of the model by threads."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from vos_core.datasets.layout import Video
from vos_core.errors import InputError
from vos_core.models.base import Picture


def read_picture(path: Path) -> Picture:
    """One frame as uint8 RGB (H, W, 3). Raises InputError naming the file when it cannot be decoded."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except FileNotFoundError as error:
        raise InputError(f"Frame {path} is missing: it was there when the run was queued.") from error
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError) as error:
        raise InputError(
            f"Frame {path} cannot be decoded ({error}): replace the file, then retry the video."
        ) from error


class VideoClip:
    """A `vos_core.models.base.Clip` over JPEG files that keeps `ahead` frames decoded before they are asked for.

    Holds at most `ahead + behind + 1` frames, whatever the video's length. `decode_s` is the time that the threads
    spent decoding, `wait_s` the time that the reader had to wait for them.
    """

    def __init__(self, video: Video, *, ahead: int = 8, behind: int = 2, threads: int = 1) -> None:
        self.name = video.name
        self.paths: Sequence[Path] = video.frames
        with Image.open(video.frames[0]) as image:
            self.width, self.height = image.size
        self.decode_s = 0.0
        self.wait_s = 0.0
        self._ahead, self._behind = ahead, behind
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        self._window: dict[int, Future[Picture]] = {}

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Picture:
        if not 0 <= index < len(self.paths):
            raise IndexError(index)
        for old in [key for key in self._window if not index - self._behind <= key <= index + self._ahead]:
            self._window.pop(old).cancel()
        for coming in range(index, min(index + self._ahead + 1, len(self.paths))):
            if coming not in self._window:
                self._window[coming] = self._pool.submit(self._decode, coming)
        began = time.perf_counter()
        picture = self._window[index].result()
        self.wait_s += time.perf_counter() - began
        return picture

    def __iter__(self) -> Iterator[Picture]:
        for index in range(len(self)):
            yield self[index]

    def _decode(self, index: int) -> Picture:
        began = time.perf_counter()
        picture = read_picture(self.paths[index])
        if picture.shape[:2] != (self.height, self.width):
            raise InputError(
                f"Video {self.name}: frame {self.paths[index].name} is {picture.shape[1]}x{picture.shape[0]} but the "
                f"first frame is {self.width}x{self.height}; all frames of a video must be the same size."
            )
        self.decode_s += time.perf_counter() - began
        return picture

    def close(self) -> None:
        """Stop the decoding threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._window.clear()
