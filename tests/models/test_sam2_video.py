"""A random SAM 2 checkpoint through the segmenter, mask for mask against the upstream loop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.models.sam2_random import SIDE, Oracle, label_map, moving_squares, objects_of, write_checkpoint
from vos_core.home import Home
from vos_core.models.registry import MemoryMode
from vos_core.models.sam2_video import load
from vos_core.runs import RunSettings


def settings_for(
    model: str = "sam2_hiera_tiny", size: int = 7, mode: str = "position_preserving", **options: object
) -> RunSettings:
    values = {"image_size": SIDE, "device": "cpu", **options}
    return RunSettings("D", "data:D", "val", model, size, mode, (), tuple(sorted(values.items())))


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with a random checkpoint of SAM 2 tiny and one of SAM 2.1 tiny."""
    home = Home.from_environment({}, cwd=tmp_path_factory.mktemp("home"))
    for model in ("sam2_hiera_tiny", "sam2.1_hiera_tiny"):
        write_checkpoint(home.checkpoints, model)
    return home


@pytest.mark.parametrize("model", ["sam2_hiera_tiny", "sam2.1_hiera_tiny"])
@pytest.mark.parametrize("objects", [1, 2])
def test_exact_masks_are_those_of_the_upstream_loop(model: str, objects: int, homes: Home, tmp_path: Path) -> None:
    clip, labels = moving_squares(tmp_path / "video", frames=6, objects=objects)
    oracle = Oracle(model, homes.checkpoints / f"{model}.pt")
    expected = oracle.logits(oracle.predictor(non_overlap=True), tmp_path / "video", {0: objects_of(labels[0])})
    ids = list(range(1, objects + 1))
    segmenter = load(settings_for(model, exact=True), homes)
    found = list(segmenter.segment(clip, {0: labels[0]}))
    segmenter.close()
    assert len(found) == len(clip)
    for frame, mask in enumerate(found):
        assert mask.dtype == np.uint8 and mask.shape == (96, 160)
        assert np.array_equal(mask, label_map(expected[frame], ids)), f"frame {frame}"
        assert 0.005 < (mask > 0).mean() < 0.995, f"frame {frame} is blank"
        assert MemoryMode(segmenter.settings.memory_mode)
