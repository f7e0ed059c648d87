"""One video through one model: prompts in, one palette PNG a frame out, streamed."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from vos_core.cores import usable_cores
from vos_core.datasets.layout import Video
from vos_core.errors import Cancelled, InputError, VosLabError
from vos_core.frames import VideoClip
from vos_core.masks import DAVIS_PALETTE, read_palette, write_mask
from vos_core.models.base import LabelMap, ObjectMasks, ObjectSegmenter, Segmenter
from vos_core.per_object import write_per_object
from vos_core.prompts import Prompting, read_object_prompts, read_prompts

WRITE_BEHIND = 16  # frames whose masks may wait for the disk before the model has to
WRITERS = min(4, max(2, usable_cores()))  # threads; two at least, since a network disk is mostly waited for


@dataclass(frozen=True)
class VideoTimings:
    """Where the time of one video went, in seconds. Decoding and writing run beside the model on threads, so the
    parts add up to more than `wall_s`: `write_s` is what all writing threads took together. `wait_s` is how long the
    model waited for frames."""

    frames: int
    decode_s: float
    wait_s: float
    inference_s: float
    write_s: float
    wall_s: float


def segment_video(
    segmenter: Segmenter,
    video: Video,
    folder: Path,
    *,
    prompting: Prompting = Prompting.FIRST_FRAME,
    apart: bool = False,
    on_frame: Callable[[int, LabelMap | ObjectMasks], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    clip: VideoClip | None = None,
) -> VideoTimings:
    """Segment `video` and write `<frame>.png` for every frame into `folder` (which must exist).

    `prompting` says which annotations the model sees. With `apart` objects may overlap: masks are written one folder
    an object (`<object>/<frame>.png`) and handed on by object id; the model must be an `ObjectSegmenter`.
    `on_frame(index, mask)` is called for each mask while it is in memory. Raises Cancelled when `should_stop()` turns
    true between two frames, or while the model reads frames without giving a mask; and VosLabError naming video and
    frame for whatever goes wrong with files. `clip` is the video's, where its decoding was begun already; it is closed
    in the end.
    """
    began = time.perf_counter()
    inference = 0.0
    with contextlib.ExitStack() as stack:
        clip = stack.enter_context(contextlib.closing(clip or VideoClip(video)))
        clip.should_stop = should_stop
        writer = stack.enter_context(contextlib.closing(_MaskWriter(folder, _palette(video))))
        masks = _masks(segmenter, clip, video, prompting, apart)
        for index, stem in enumerate(video.stems):
            if should_stop is not None and should_stop():
                raise Cancelled(f"Video {video.name} was stopped at frame {stem}.")
            waited, started = clip.wait_s, time.perf_counter()
            mask = next(masks, None)
            inference += (time.perf_counter() - started) - (clip.wait_s - waited)
            if mask is None:
                raise VosLabError(f"Video {video.name}: the model gave {index} masks for {video.length} frames.")
            writer.put(stem, mask)
            if on_frame is not None:
                on_frame(index, mask)
        writer.finish()
    wall = time.perf_counter() - began
    return VideoTimings(video.length, clip.decode_s, clip.wait_s, inference, writer.seconds, wall)


def _masks(
    segmenter: Segmenter, clip: VideoClip, video: Video, prompting: Prompting, apart: bool
) -> Iterator[LabelMap | ObjectMasks]:
    """The model's masks of a video, prompted as asked."""
    size = (clip.height, clip.width)
    if apart:
        by_object = read_object_prompts(video, prompting)
        _check_sizes(video, size, {index: next(iter(masks.values())) for index, masks in by_object.items()})
        return iter(cast(ObjectSegmenter, segmenter).segment_objects(clip, by_object))
    prompts = read_prompts(video, prompting)
    _check_sizes(video, size, prompts)
    return iter(segmenter.segment(clip, prompts))


def _check_sizes(video: Video, size: tuple[int, int], prompts: Mapping[int, np.ndarray]) -> None:
    for index, mask in prompts.items():
        if mask.shape != size:
            raise InputError(
                f"Video {video.name}: the annotation of frame {video.stems[index]} is {mask.shape[1]}x{mask.shape[0]} "
                f"but its frames are {size[1]}x{size[0]}."
            )


def _palette(video: Video) -> bytes:
    """The first annotation's, or DAVIS's (object folders hold binary masks, whose palette tells nothing)."""
    first = video.annotations.get(video.stems[0])
    return (read_palette(first) if first else None) or DAVIS_PALETTE


class _MaskWriter:
    """Writes masks behind the model, each frame's on one of `WRITERS` threads; an error surfaces at the next `put` or
    at `finish`. `seconds` is what all threads took together."""

    def __init__(self, folder: Path, palette: bytes) -> None:
        self.seconds = 0.0
        self._folder, self._palette = folder, palette
        self._pool = ThreadPoolExecutor(WRITERS, thread_name_prefix="write")
        self._count = threading.Lock()
        self._room = threading.BoundedSemaphore(WRITE_BEHIND)
        self._pending: list[Future[None]] = []

    def put(self, stem: str, mask: LabelMap | ObjectMasks) -> None:
        self._room.acquire()
        self._pending = [future for future in self._pending if not future.done() or future.result()]
        self._pending.append(self._pool.submit(self._write, stem, mask))

    def finish(self) -> None:
        for future in self._pending:
            future.result()

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _write(self, stem: str, mask: LabelMap | ObjectMasks) -> None:
        began = time.perf_counter()
        try:
            if isinstance(mask, dict):
                write_per_object(self._folder, stem, mask, self._palette)
            else:
                write_mask(self._folder / f"{stem}.png", mask, self._palette)
        except OSError as error:
            raise VosLabError(f"The mask {self._folder / stem}.png cannot be written: {error.strerror}.") from error
        finally:
            with self._count:
                self.seconds += time.perf_counter() - began
            self._room.release()
