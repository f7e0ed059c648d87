"""Frames as SAM 2's image encoder wants them: resized and normalised bit for bit as upstream does, read ahead.

Upstream (`sam2.utils.misc.load_video_frames`) decodes the whole video to float32 before it starts. Here a frame stays
uint8 until it is on the device, and only a few are held at a time.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from vos_core.models.base import Clip, Picture
from vos_core.models.sam2_resize import resize_frame

if TYPE_CHECKING:
    import torch

MEAN = (0.485, 0.456, 0.406)
SPREAD = (0.229, 0.224, 0.225)
THREADS = min(4, os.cpu_count() or 1)
AHEAD = 6


def frames_ahead(at_once: int) -> int:
    """How many frames to read early for a model that takes so many at once: the next batch is there when one is done,
    and one more is being made ready."""
    return max(AHEAD, 2 * at_once)


def read_ahead(
    clip: Clip,
    frames: Iterable[int],
    side: int,
    threads: int = THREADS,
    ahead: int = AHEAD,
    resize: Callable[[Picture, int], Picture] = resize_frame,
) -> Generator[Picture, None, None]:
    """Frames of `clip` in the order asked for, resized to (side, side, 3) by `threads`, `ahead` frames early.

    The clip, which decodes ahead by itself, is asked in the caller's thread, so that its own account of waiting stays
    true; frames are resized outside Python's lock, beside the model.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="sam2-frames")
    waiting: deque[Future[Picture]] = deque()
    try:
        for index in frames:
            waiting.append(pool.submit(resize, clip[index], side))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class Normaliser:
    """Turns resized uint8 frames into the encoder's input on a device.

    Upstream computes float32(v / 255.0), then subtracts the mean and divides by the spread in float32. A channel has
    only 256 values, so they are computed once on the CPU in that order and looked up: bit-identical on every device
    (a division by a scalar is a multiplication on CUDA and would not be).
    """

    def __init__(self, device: torch.device) -> None:
        import torch

        values = torch.from_numpy(np.arange(256) / 255.0).to(torch.float32)
        rows = values[None] - torch.tensor(MEAN)[:, None]
        rows /= torch.tensor(SPREAD)[:, None]
        self.table = rows.to(device)
        self._images = np.empty((0, 3, 0, 0), np.float32)

    def __call__(self, frames: list[Picture]) -> torch.Tensor:
        """Frames (side, side, 3) uint8 -> (len(frames), 3, side, side) float32 on the device.

        On the CPU the next call writes into the same tensor: memory fresh from the system costs more than filling it.
        """
        import torch

        device = self.table.device
        if device.type == "cpu":
            return self._on_cpu(frames)
        return self._looked_up(torch.from_numpy(np.stack(frames)).pin_memory().to(device, non_blocking=True))

    def _looked_up(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pixels (N, side, side, 3) uint8 on the device -> (N, 3, side, side) float32."""
        import torch

        indices = pixels.permute(3, 0, 1, 2).int()
        channels = [
            row.index_select(0, index.flatten()).view(index.shape)
            for row, index in zip(self.table, indices, strict=True)
        ]
        return torch.stack(channels, dim=1)

    def _on_cpu(self, frames: list[Picture]) -> torch.Tensor:
        """The same by OpenCV's table look-up, which is several times faster than indexing on a CPU."""
        import cv2
        import torch

        table = self.table.numpy()
        shape = (len(frames), 3, *frames[0].shape[:2])
        if self._images.shape != shape:
            self._images = np.empty(shape, np.float32)
        for image, frame in zip(self._images, frames, strict=True):
            for plane, row, channel in zip(image, table, cv2.split(frame), strict=True):
                cv2.LUT(channel, row, dst=plane)
        return torch.from_numpy(self._images)
