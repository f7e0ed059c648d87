"""Fixtures of tests that put a short clip through the segmenter: random weights, moving squares."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tests.models.sam2_random import moving_squares, write_checkpoint
from tests.models.segmenting import Video
from vos_core.home import Home
from vos_core.models import sam2_video


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with a random checkpoint of SAM 2 tiny and one of SAM 2.1 tiny."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    home = Home.from_environment({}, cwd=tmp_path_factory.mktemp("home"))
    for model in ("sam2_hiera_tiny", "sam2.1_hiera_tiny"):
        write_checkpoint(home.checkpoints, model)
    yield home
    sam2_video.free_parked()
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Video:
    return moving_squares(tmp_path_factory.mktemp("frames") / "video", frames=5, objects=2)
