"""The memory bank of `propagation`: the prompted frame and the latest ones, kept aligned with the current frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from vos_core.models.base import LabelMap
from vos_core.models.local_features import Features
from vos_core.models.optical_flow import Flow, sample


@dataclass
class Memory:
    """One remembered frame. `where` (H, W, 2) is, for each pixel of the current frame, the place in the remembered one
    that the accumulated flow leads to; it is the only part that changes."""

    features: Features
    labels: LabelMap
    where: Flow


class MemoryBank:
    """At most `size` memories: the prompted frame, which stays, and the `size` - 1 latest frames.

    A later prompt starts the bank anew: earlier frames hold its new objects as background and would outvote it.
    """

    def __init__(self, size: int) -> None:
        self._prompted: Memory | None = None
        self._latest: deque[Memory] = deque(maxlen=size - 1)

    def __iter__(self) -> Iterator[Memory]:
        if self._prompted:
            yield self._prompted
        yield from self._latest

    def __len__(self) -> int:
        return len(self._latest) + (self._prompted is not None)

    def prompt(self, memory: Memory) -> None:
        """Remember a prompted frame, and only it."""
        self._latest.clear()
        self._prompted = memory

    def add(self, memory: Memory) -> None:
        """Remember a frame with its predicted labels; the oldest one makes room."""
        self._latest.append(memory)

    def advance(self, back: Flow) -> None:
        """Align all memories with the next frame; `back` (H, W, 2) leads from each of its pixels to the present one."""
        for memory in self:
            memory.where = sample(memory.where, back, replicate=True)
