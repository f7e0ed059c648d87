"""Masks come to the host in order, the last ones too, and no earlier than asked."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from vos_core.models.fetching import fetched


@pytest.mark.parametrize("frames", [0, 1, 2, 7])
@pytest.mark.parametrize("behind", [0, 1, 3])
def test_order_and_lag(frames: int, behind: int) -> None:
    computed: list[int] = []

    def masks() -> Iterator[torch.Tensor]:
        for frame in range(frames):
            computed.append(frame)
            yield torch.full((2, 3), frame, dtype=torch.uint8)

    for frame, mask in enumerate(fetched(masks(), behind)):
        assert np.array_equal(mask, np.full((2, 3), frame, np.uint8))
        assert len(computed) == min(frame + 1 + behind, frames)
    assert len(computed) == frames


@pytest.mark.skipif(not torch.cuda.is_available(), reason="pinned copies need a GPU")
def test_what_is_overwritten_on_the_device_meanwhile_does_not_show() -> None:
    def masks() -> Iterator[torch.Tensor]:
        for frame in range(50):
            yield torch.full((512, 512), frame, dtype=torch.uint8, device="cuda")

    for frame, mask in enumerate(fetched(masks(), 1)):
        assert (mask == frame).all()
