"""The `propagation` model: label propagation over a memory bank of the prompted frame and the N-1 latest frames.

The scheme of the self-supervised VOS literature (Vondrick et al., ECCV 2018; Jabri et al., NeurIPS 2020): a place takes
the labels of the places that it resembles most in the remembered frames. Here the features are hand-made and optical
flow aligns the remembered frames first, so that a small window suffices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vos_core.home import Home
from vos_core.models.base import Clip, LabelMap
from vos_core.models.local_features import CHANNELS, Features, local_features
from vos_core.models.memory_bank import Memory, MemoryBank
from vos_core.models.optical_flow import FlowEstimator, grey, limit_threads, pixel_grid, sample
from vos_core.models.prompts import prompted
from vos_core.models.registry import find_model
from vos_core.runs import RunSettings

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class PropagationOptions:
    """What the method can be asked; the values were chosen on the demo set."""

    memory_size: int = 7
    rows: int = 90  # cells over the frame's height, roughly: cells are 5 pixels wide at 480p
    radius: int = 3  # of the window of candidates, in cells
    top: int = 12  # how many candidates vote
    temperature: float = 0.25  # of the softmax over squared feature distances
    distance_cost: float = 0.04  # squared feature distance that one cell of squared displacement counts as
    smoothing: float = 0.3  # of the votes, as a fraction of a cell


class PropagationSegmenter:
    """All objects in one pass; what it holds does not grow with the video."""

    def __init__(self, options: PropagationOptions) -> None:
        self._options = options
        self._estimator = FlowEstimator()
        self._window = _disk(options.radius)

    def segment(self, clip: Clip, prompts: Mapping[int, LabelMap]) -> Iterator[LabelMap]:
        """One label map (H, W) uint8 a frame."""
        stride = max(2, round(clip.height / self._options.rows))
        bank = MemoryBank(self._options.memory_size)
        height, width = -(-clip.height // stride) * stride, -(-clip.width // stride) * stride
        grid = pixel_grid(height, width)
        before: Array | None = None
        for index, frame in enumerate(clip):
            picture = _padded(frame, height, width)
            now = grey(picture)
            if before is not None and len(bank):
                bank.advance(grid + self._estimator.between(now, before))
            before = now
            features = local_features(picture, stride) if len(bank) or index in prompts else None
            if features is None:
                yield np.zeros((clip.height, clip.width), np.uint8)
                continue
            labels = self._propagate(features, bank, stride) if len(bank) else np.zeros((height, width), np.uint8)
            if index in prompts:
                labels = prompted(_padded(prompts[index], height, width), labels)
                bank.prompt(Memory(features, labels, grid))
            else:
                bank.add(Memory(features, labels, grid))
            yield labels[: clip.height, : clip.width].copy()

    def _propagate(self, features: Features, bank: MemoryBank, stride: int) -> LabelMap:
        """Labels (H, W) of the current frame from the aligned memories."""
        remembered = np.stack([sample(m.labels, m.where, nearest=True, replicate=True) for m in bank])
        sure, open_cells = self._open_cells(remembered, stride)
        if open_cells is None:
            return np.repeat(np.repeat(sure, stride, axis=0), stride, axis=1)
        rows, columns = open_cells
        top, bottom, left, right = self._box(rows, columns, sure.shape)
        aligned = [_aligned(m, stride, top, bottom, left, right) for m in bank]
        weights, chosen = self._affinity(features, aligned, rows, columns, top, left)
        patches = _patches(remembered, stride)[self._flat(chosen, rows, columns, sure.shape)]
        return self._vote(sure, rows, columns, weights, patches, stride)

    def _open_cells(self, remembered: Array, stride: int) -> tuple[Array, tuple[Array, Array] | None]:
        """Label of each cell (h, w), and the cells where candidates disagree: elsewhere any affinity gives the same."""
        import cv2

        kernel = np.ones((2 * self._options.radius + 1,) * 2, np.uint8)
        low = cv2.erode(_cells(remembered.min(axis=0), stride).min(axis=(1, 3)), kernel)
        high = cv2.dilate(_cells(remembered.max(axis=0), stride).max(axis=(1, 3)), kernel)
        rows, columns = np.nonzero(low != high)
        return high, (rows, columns) if len(rows) else None

    def _box(self, rows: Array, columns: Array, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        """The part of the grid that the open cells' windows lie in; it may reach beyond the grid by the radius."""
        radius = self._options.radius
        return (
            int(rows.min()) - radius,
            int(rows.max()) + radius + 1,
            int(columns.min()) - radius,
            int(columns.max()) + radius + 1,
        )

    def _affinity(
        self, features: Features, aligned: list[Features], rows: Array, columns: Array, top: int, left: int
    ) -> tuple[Array, Array]:
        """Softmax weights (cells, top) and the candidates (cells, top) they belong to: memory x window position."""
        options = self._options
        asked = features[rows, columns]
        width = aligned[0].shape[1]
        here = (rows - top) * width + (columns - left)
        count = len(self._window)
        cost = np.empty((len(aligned) * count, len(rows)), np.float32)
        for number, memory in enumerate(aligned):
            flat = memory.reshape(-1, CHANNELS)
            for position, (dy, dx) in enumerate(self._window):
                unlike = flat[here + (dy * width + dx)]
                unlike -= asked
                line = cost[number * count + position]
                np.einsum("ac,ac->a", unlike, unlike, out=line)
                line += np.float32(options.distance_cost * (dy * dy + dx * dx))
        cost = np.ascontiguousarray(cost.T)
        keep = min(options.top, cost.shape[1])
        chosen = np.argpartition(cost, keep - 1, axis=1)[:, :keep]
        kept = np.take_along_axis(cost, chosen, axis=1)
        weights = np.exp((kept.min(axis=1, keepdims=True) - kept) / np.float32(options.temperature))
        weights /= weights.sum(axis=1, keepdims=True)
        return weights, chosen

    def _flat(self, chosen: Array, rows: Array, columns: Array, shape: tuple[int, ...]) -> Array:
        """Index of each chosen candidate's patch among all memories' patches."""
        memory, position = np.divmod(chosen, len(self._window))
        offsets = np.array(self._window)
        y = np.clip(rows[:, None] + offsets[position, 0], 0, shape[0] - 1)
        x = np.clip(columns[:, None] + offsets[position, 1], 0, shape[1] - 1)
        flat: Array = (memory * shape[0] + y) * shape[1] + x
        return flat

    def _vote(self, sure: Array, rows: Array, columns: Array, weights: Array, patches: Array, stride: int) -> LabelMap:
        """The label with the most weight at each pixel; patches (cells, top, stride * stride) say what is voted for."""
        import cv2

        height, width = sure.shape[0] * stride, sure.shape[1] * stride
        best = np.zeros((height, width), np.float32)
        labels = np.zeros((height, width), np.uint8)
        undecided = np.zeros(sure.shape, bool)
        undecided[rows, columns] = True
        values = np.union1d(np.unique(patches), np.unique(sure[~undecided])).tolist()
        for value in values:
            share = np.zeros((*sure.shape, stride, stride), np.float32)
            share[(sure == value) & ~undecided] = 1
            votes = np.einsum("ak,akp->ap", weights, (patches == value).astype(np.float32))
            share[rows, columns] = votes.reshape(-1, stride, stride)
            full = share.transpose(0, 2, 1, 3).reshape(height, width)
            full = cv2.GaussianBlur(full, (0, 0), self._options.smoothing * stride)
            stronger = full > best
            labels[stronger] = value
            best[stronger] = full[stronger]
        return labels

    def facts(self) -> dict[str, Any]:
        """Nothing beyond the run's settings."""
        return {}

    def close(self) -> None:
        """Nothing is held between videos."""


def _aligned(memory: Memory, stride: int, top: int, bottom: int, left: int, right: int) -> Features:
    """A memory's features looked up where the current frame's cells were then, for a part of the grid."""
    height, width = memory.features.shape[:2]
    rows = np.clip(np.arange(top, bottom), 0, height - 1) * stride + stride // 2
    columns = np.clip(np.arange(left, right), 0, width - 1) * stride + stride // 2
    # A cell's centre lies between pixels where the stride is even: half a pixel is left out on both sides alike.
    where = (memory.where[rows[:, None], columns[None, :]] - np.float32(stride // 2)) / np.float32(stride)
    out = np.empty((*where.shape[:2], CHANNELS), np.float32)
    for start in range(0, CHANNELS, 4):
        out[..., start : start + 4] = sample(memory.features[..., start : start + 4], where, replicate=True)
    return out


def _cells(labels: LabelMap, stride: int) -> Array:
    """Label map (H, W) as rows of cells of rows of pixels (H / stride, stride, W / stride, stride)."""
    return labels.reshape(labels.shape[0] // stride, stride, labels.shape[1] // stride, stride)


def _patches(remembered: Array, stride: int) -> Array:
    """Label maps (N, H, W) as one list of cells, memory by memory and row by row, each its stride * stride pixels."""
    count, height, width = remembered.shape
    cells = remembered.reshape(count, height // stride, stride, width // stride, stride).transpose(0, 1, 3, 2, 4)
    return cells.reshape(-1, stride * stride)


def _padded(array: Array, height: int, width: int) -> Array:
    """`array` with its last row and column repeated up to the given size."""
    down, across = height - array.shape[0], width - array.shape[1]
    if not down and not across:
        return array
    return np.pad(array, ((0, down), (0, across)) + ((0, 0),) * (array.ndim - 2), mode="edge")


def _disk(radius: int) -> list[tuple[int, int]]:
    """Offsets (rows, columns) within `radius`, row by row."""
    span = range(-radius, radius + 1)
    return [(dy, dx) for dy in span for dx in span if dy * dy + dx * dx <= radius * radius + 1]


def load(settings: RunSettings, home: Home) -> PropagationSegmenter:
    """The model with `settings.memory_size` memories. OpenCV is imported here, in a worker, and not before."""
    limit_threads()
    size = settings.memory_size or find_model("propagation").default_memory_size or 1
    return PropagationSegmenter(PropagationOptions(memory_size=size))
