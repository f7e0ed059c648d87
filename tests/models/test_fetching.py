"""Masks come to the host in order, the last ones too, and no earlier than asked."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from vos_core.models.fetching import HostCopy, fetched


@pytest.mark.parametrize("frames", [0, 1, 2, 7])
@pytest.mark.parametrize("behind", [0, 1, 3])
def test_order_and_lag(frames: int, behind: int) -> None:
    computed: list[int] = []

    def masks() -> Iterator[torch.Tensor]:
        for frame in range(frames):
            computed.append(frame)
            yield torch.full((2, 3), frame, dtype=torch.uint8)

    for frame, mask in enumerate(fetched(map(HostCopy, masks()), behind)):
        assert np.array_equal(mask, np.full((2, 3), frame, np.uint8))
        assert len(computed) == min(frame + 1 + behind, frames)
    assert len(computed) == frames


def test_waiting_for_a_copy_takes_no_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that was not made to block keeps its core busy until the copy is there."""
    made: list[dict[str, Any]] = []

    def event(**options: Any) -> Any:
        made.append(options)
        return SimpleNamespace(record=lambda: None, synchronize=lambda: None)

    host = SimpleNamespace(copy_=lambda source, non_blocking: None, numpy=lambda: np.ones(3))
    monkeypatch.setattr(torch, "empty_like", lambda *args, **options: host)
    monkeypatch.setattr(torch.cuda, "Event", event)
    on_the_gpu: Any = SimpleNamespace(is_cuda=True)
    assert HostCopy(on_the_gpu).array().sum() == 3
    assert made == [{"blocking": True}]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="pinned copies need a GPU")
def test_what_is_overwritten_on_the_device_meanwhile_does_not_show() -> None:
    def masks() -> Iterator[torch.Tensor]:
        for frame in range(50):
            yield torch.full((512, 512), frame, dtype=torch.uint8, device="cuda")

    for frame, mask in enumerate(fetched(map(HostCopy, masks()), 1)):
        assert (mask == frame).all()
