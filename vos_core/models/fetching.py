"""Masks on their way from the device to the host, beside the next frame's computing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
import torch


def fetched(copies: Iterator[HostCopy], behind: int) -> Iterator[np.ndarray]:
    """Masks on the host, each asked for `behind` frames after it was computed: its copy runs beside the next frame."""
    coming: deque[HostCopy] = deque()
    for copy in copies:
        coming.append(copy)
        if len(coming) > behind:
            yield coming.popleft().array()
    for copy in coming:
        yield copy.array()


class HostCopy:
    """A tensor on its way to the host: into pinned memory and told by an event on CUDA, no way at all on the CPU."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self._arrived: torch.cuda.Event | None = None
        self._host = tensor
        if tensor.is_cuda:
            self._host = torch.empty_like(tensor, device="cpu", pin_memory=True)
            self._host.copy_(tensor, non_blocking=True)
            self._arrived = torch.cuda.Event(blocking=True)  # else waiting for it keeps a core spinning
            self._arrived.record()

    def array(self) -> np.ndarray:
        """The array, once it is there."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return self._host.numpy()
