"""Dense optical flow between two frames (DIS), and what is carried along it; shared by `flow` and `propagation`."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from vos_core.models.base import LabelMap, Picture

Flow = npt.NDArray[Any]  # float32 (H, W, 2): per pixel the (x, y) step in pixels to the same point of the other frame


class FlowEstimator:
    """Dense Inverse Search flow (Kroeger et al., ECCV 2016), OpenCV's medium preset."""

    def __init__(self) -> None:
        import cv2

        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def between(self, start: npt.NDArray[np.uint8], end: npt.NDArray[np.uint8]) -> Flow:
        """Flow (H, W, 2) from grey picture `start` to grey picture `end`, both uint8 (H, W)."""
        return self._dis.calc(start, end, np.zeros((*start.shape, 2), np.float32))


def limit_threads() -> None:
    """Let OpenCV use as many threads as this worker's other libraries may (`OMP_NUM_THREADS`), so that workers that
    share a machine do not crowd each other out. Results do not depend on it."""
    import cv2

    threads = os.environ.get("OMP_NUM_THREADS", "")
    if threads.isdecimal() and int(threads) > 0:
        cv2.setNumThreads(int(threads))


def grey(picture: Picture) -> npt.NDArray[np.uint8]:
    """Luma (H, W) uint8 of an RGB picture."""
    import cv2

    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)


def pixel_grid(height: int, width: int) -> Flow:
    """Each pixel's own (x, y), float32 (H, W, 2): the map that carries everything nowhere."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.dstack([x, y])


def sample(image: Any, where: Flow, *, nearest: bool = False, replicate: bool = False) -> npt.NDArray[Any]:
    """`image` (H', W'[, up to 4]) looked up at `where` (H, W, 2); 0 (or its border, repeated) beyond its edge."""
    import cv2

    return cv2.remap(
        image,
        where[..., 0],
        where[..., 1],
        cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE if replicate else cv2.BORDER_CONSTANT,
    )


def carry(labels: LabelMap, where: Flow) -> LabelMap:
    """The label map seen through `where` (H, W, 2), the (x, y) that each pixel comes from; 0 from beyond the frame.

    Each object's mask is interpolated by itself, so that its border moves by fractions of a pixel too, which a
    nearest-neighbour lookup would round away on each frame. A pixel goes to the object with the largest share, if
    objects together have more than half of it.
    """
    carried = np.zeros(where.shape[:2], np.uint8)
    best, covered = np.zeros(where.shape[:2], np.float32), np.zeros(where.shape[:2], np.float32)
    for value in np.unique(labels[labels > 0]).tolist():
        share = sample((labels == value).astype(np.float32), where)
        stronger = share > best
        carried[stronger] = value
        best[stronger] = share[stronger]
        covered += share
    carried[covered <= 0.5] = 0
    return carried
