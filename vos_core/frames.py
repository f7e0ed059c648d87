"""Frames of one video, decoded ahead of the model by threads."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import cast

import numpy as np

from vos_core.datasets.layout import Video
from vos_core.errors import Cancelled, InputError
from vos_core.frame_files import UNREADABLE, frame_in, frame_size, why_unreadable
from vos_core.models.base import Picture
from vos_core.regular_files import PICTURE_BYTES, read_regular

# JPEG markers: frames that Huffman codes (baseline, extended, progressive), and what may stand before one: tables,
# restart interval, application data, comments. Adobe's application data can say that the colours are not YCbCr.
_HUFFMAN_FRAMES = (0xC0, 0xC1, 0xC2)
_BEFORE_FRAME = {0xC4, 0xDB, 0xDD, 0xFE, *range(0xE0, 0xF0)}
_ADOBE = 0xEE


def read_picture(path: Path) -> Picture:
    """One frame as uint8 RGB (H, W, 3), the bits of Pillow's `convert("RGB")`.

    Raises InputError naming the file when it cannot be decoded.
    """
    try:
        data = read_regular(path, PICTURE_BYTES)
        picture = _decode_plain_jpeg(data) if is_plain_jpeg(data) else None
        if picture is not None:
            return picture
        with frame_in(io.BytesIO(data)) as image:
            return np.asarray(image.convert("RGB"))
    except FileNotFoundError as error:
        raise InputError(f"Frame {path} is missing: it was there when the run was queued.") from error
    except UNREADABLE as error:
        raise InputError(
            f"Frame {path} cannot be decoded ({why_unreadable(error)}): replace the file, then retry the video."
        ) from error


def is_plain_jpeg(data: bytes) -> bool:
    """Whether OpenCV decodes these bytes to what Pillow would, in two thirds of the time: an 8-bit grey or YCbCr JPEG
    (CMYK the two convert differently)."""
    if not data.startswith(b"\xff\xd8"):
        return False
    at = 2
    while at + 10 <= len(data) and data[at] == 0xFF:
        marker, size = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if marker in _HUFFMAN_FRAMES:
            precision, components = data[at + 4], data[at + 9]
            return precision == 8 and components in (1, 3)
        if marker == _ADOBE or marker not in _BEFORE_FRAME:
            return False
        at += 2 + size
    return False


def _decode_plain_jpeg(data: bytes) -> Picture | None:
    """The picture as OpenCV decodes it, not turned by its EXIF orientation (upstream's Pillow does not); None where it
    cannot, be it that the file is cut short or damaged: Pillow then says why, or makes do as upstream would."""
    import cv2

    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    return None if picture is None else cast(Picture, picture)


class VideoClip:
    """A `vos_core.models.base.Clip` over JPEG files that keeps `ahead` frames decoded before they are asked for.

    Holds at most `ahead + behind + 1` frames, whatever the video's length. `decode_s` is the time that the threads
    spent decoding, `wait_s` the time that the reader had to wait for them. Where `should_stop` is set and turns true,
    the next frame asked for is refused by Cancelled: a model may read many before it gives a mask.
    """

    def __init__(self, video: Video, *, ahead: int = 8, behind: int = 2, threads: int = 1) -> None:
        self.name = video.name
        self.paths: Sequence[Path] = video.frames
        self.width, self.height = frame_size(video.frames[0])
        self.decode_s = 0.0
        self.wait_s = 0.0
        self.should_stop: Callable[[], bool] | None = None
        self._ahead, self._behind = ahead, behind
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        self._window: dict[int, Future[Picture]] = {}

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Picture:
        if not 0 <= index < len(self.paths):
            raise IndexError(index)
        if self.should_stop is not None and self.should_stop():
            raise Cancelled(f"Video {self.name} was stopped.")
        self._decode_around(index)
        began = time.perf_counter()
        picture = self._window[index].result()
        self.wait_s += time.perf_counter() - began
        return picture

    def start(self) -> None:
        """Begin to decode the first frames, before anyone asks for one (the next video while this one ends)."""
        self._decode_around(0)

    def _decode_around(self, index: int) -> None:
        for old in [key for key in self._window if not index - self._behind <= key <= index + self._ahead]:
            self._window.pop(old).cancel()
        for coming in range(index, min(index + self._ahead + 1, len(self.paths))):
            if coming not in self._window:
                self._window[coming] = self._pool.submit(self._decode, coming)

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
