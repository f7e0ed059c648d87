"""One video through one model: prompts in, one palette PNG a frame out, streamed."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vos_core.datasets.layout import Video
from vos_core.errors import Cancelled, InputError, VosLabError
from vos_core.frames import VideoClip
from vos_core.masks import DAVIS_PALETTE, MissingMask, read_mask, read_palette, write_mask
from vos_core.models.base import LabelMap, Segmenter
from vos_core.per_object import read_joined

VOID = 255
WRITE_BEHIND = 16  # masks that may wait for the disk before the model has to


@dataclass(frozen=True)
class VideoTimings:
    """Where the time of one video went, in seconds. Decoding and writing run beside the model on threads, so the
    parts add up to more than `wall_s`; `wait_s` is how long the model waited for frames."""

    frames: int
    decode_s: float
    wait_s: float
    inference_s: float
    write_s: float
    wall_s: float


def read_prompt(video: Video, use_all_masks: bool = False) -> dict[int, LabelMap]:
    """Prompts of a video: frame index -> label map (H, W), void removed. Frame 0 only, unless `use_all_masks`.

    Where annotations are kept one folder an object, they are joined (the lower id wins where they overlap); of later
    frames only those on which every object is annotated prompt, since a missing object would be told to be gone.
    """
    if video.per_object is not None:
        return _per_object_prompt(video, video.per_object, use_all_masks)
    prompts: dict[int, LabelMap] = {}
    for index, stem in enumerate(video.stems):
        if stem in video.annotations:
            mask = read_mask(video.annotations[stem])
            prompts[index] = np.where(mask == VOID, 0, mask).astype(np.uint8)
            if not use_all_masks:
                break
    if 0 not in prompts:
        raise InputError(f"Video {video.name}: its first frame has no annotation to prompt with.")
    return prompts


def _per_object_prompt(video: Video, folder: Path, use_all_masks: bool) -> dict[int, LabelMap]:
    prompts = {0: read_joined(folder, video.stems[0])}
    for index, stem in enumerate(video.stems[1:] if use_all_masks else (), start=1):
        with contextlib.suppress(MissingMask):
            prompts[index] = read_joined(folder, stem)
    return prompts


def segment_video(
    segmenter: Segmenter,
    video: Video,
    folder: Path,
    *,
    use_all_masks: bool = False,
    on_frame: Callable[[int, LabelMap], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> VideoTimings:
    """Segment `video` and write `<frame>.png` for every frame into `folder` (which must exist).

    `on_frame(index, mask)` is called for each mask while it is in memory. Raises Cancelled when `should_stop()` turns
    true between two frames, and VosLabError naming video and frame for whatever goes wrong with files.
    """
    began = time.perf_counter()
    prompts = read_prompt(video, use_all_masks)
    palette = _palette(video)
    clip = VideoClip(video)
    if prompts[0].shape != (clip.height, clip.width):
        raise InputError(f"Video {video.name}: the first annotation is not of the frames' size.")
    writer = _MaskWriter(folder, palette)
    inference = 0.0
    try:
        masks = iter(segmenter.segment(clip, prompts))
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
    finally:
        clip.close()
        writer.close()
    wall = time.perf_counter() - began
    return VideoTimings(video.length, clip.decode_s, clip.wait_s, inference, writer.seconds, wall)


def _palette(video: Video) -> bytes:
    """The first annotation's, or DAVIS's (object folders hold binary masks, whose palette tells nothing)."""
    first = video.annotations.get(video.stems[0])
    return (read_palette(first) if first else None) or DAVIS_PALETTE


class _MaskWriter:
    """Writes masks behind the model on a thread; the first error surfaces at the next `put` or at `finish`."""

    def __init__(self, folder: Path, palette: bytes) -> None:
        self.seconds = 0.0
        self._folder, self._palette = folder, palette
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="write")
        self._room = threading.BoundedSemaphore(WRITE_BEHIND)
        self._pending: list[Future[None]] = []

    def put(self, stem: str, mask: LabelMap) -> None:
        self._room.acquire()
        self._pending = [future for future in self._pending if not future.done() or future.result()]
        self._pending.append(self._pool.submit(self._write, stem, mask))

    def finish(self) -> None:
        for future in self._pending:
            future.result()

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _write(self, stem: str, mask: LabelMap) -> None:
        began = time.perf_counter()
        try:
            write_mask(self._folder / f"{stem}.png", mask, self._palette)
        except OSError as error:
            raise VosLabError(f"The mask {self._folder / stem}.png cannot be written: {error.strerror}.") from error
        finally:
            self.seconds += time.perf_counter() - began
            self._room.release()
