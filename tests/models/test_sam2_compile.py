"""A compiled image encoder gives the eager one's masks; how long compiling took is told apart."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.sam2_random import moving_squares, write_checkpoint
from vos_core.errors import VosLabError
from vos_core.home import Home
from vos_core.models import sam2_video
from vos_core.models.sam2_engine import VideoTracker
from vos_core.models.sam2_video import Sam2Segmenter, load
from vos_core.runs import RunSettings

MODEL = "sam2.1_hiera_tiny"


def load_with(home: Home, **options: Any) -> Sam2Segmenter:
    values = {"image_size": 64, "device": "cpu", "frames_at_once": 1, **options}
    return load(RunSettings("D", "data:D", "val", MODEL, 4, None, (), tuple(sorted(values.items()))), home)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch compiles for a CPU by a C++ compiler")
def test_compiled_is_eager(home: Home, tmp_path: Path) -> None:
    """Only one batch size is compiled for, and only once."""
    write_checkpoint(home.checkpoints, MODEL, stirred=True)
    clip, labels = moving_squares(tmp_path / "video", frames=5, objects=2)
    eager = load_with(home)
    expected = [logits.clone() for logits in eager.raw_logits(clip, {0: labels[0]})]
    assert eager.facts()["warm_up_s"] == 0
    eager.close()
    compiled = load_with(home, compile=True)
    assert compiled.predictor is not eager._loaded
    warm_up = compiled.facts()["warm_up_s"]
    torch._dynamo.config.error_on_recompile = True
    try:
        found = [logits.clone() for logits in compiled.raw_logits(clip, {0: labels[0]})]
        masks = list(compiled.segment(clip, {0: labels[0]}))
    finally:
        torch._dynamo.config.error_on_recompile = False
    assert warm_up > 1
    assert max(float((a - b).abs().max()) for a, b in zip(found, expected, strict=True)) < 1e-3
    assert all((mask > 0).any() for mask in masks)
    predictor = compiled.predictor
    compiled.close()
    again = load_with(home, compile=True, score_thresh=0.5)
    assert again.predictor is predictor and again.facts()["warm_up_s"] == 0, "warm across runs, and told once"
    again.close()
    sam2_video.free_parked()


def test_a_gpu_is_tried_out_before_its_first_video(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same on a CPU: told apart, once for the same weights, and without a trace in the masks."""
    write_checkpoint(home.checkpoints, MODEL, stirred=True)
    clip, labels = moving_squares(tmp_path / "video", frames=3, objects=1, size=(48, 64))
    frames = []
    real = VideoTracker.advance
    monkeypatch.setattr(
        VideoTracker, "advance", lambda self, frame, features: (frames.append(frame), real(self, frame, features))[1]
    )
    cold = load_with(home)
    assert cold.facts()["warm_up_s"] == 0 and not frames
    expected = list(cold.segment(clip, {0: labels[0]}))
    sam2_video.free_parked()
    frames.clear()
    monkeypatch.setitem(sam2_video.TRIES_OUT, "cpu", True)
    warm = load_with(home)
    assert warm.facts()["warm_up_s"] > 0 and frames == [0, 1]
    assert np.array_equal(list(warm.segment(clip, {0: labels[0]})), expected)
    warm.close()
    frames.clear()
    again = load_with(home, score_thresh=0.5)
    assert again.facts()["warm_up_s"] == 0 and not frames
    again.close()
    sam2_video.free_parked()


def test_bfloat16_autocast_gives_nearly_the_same_masks(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way that a GPU takes, on a CPU."""
    write_checkpoint(home.checkpoints, MODEL)
    clip, labels = moving_squares(tmp_path / "video", frames=5, objects=2)
    masks = []
    for autocast, precision in ((False, "float32"), (True, "bfloat16 autocast")):
        monkeypatch.setitem(sam2_video.AUTOCAST, "cpu", autocast)
        segmenter = load_with(home, per_obj_png_file=True)
        assert segmenter.facts()["precision"] == precision
        found = segmenter.segment_objects(clip, {0: {1: labels[0] == 1, 2: labels[0] == 2}})
        masks.append(np.stack([mask for objects in found for mask in objects.values()]))
        segmenter.close()
    sam2_video.free_parked()
    exact, rounded = masks
    assert (exact != rounded).any(), "nothing was rounded"
    overlap = (exact & rounded).sum((1, 2)) / (exact | rounded).sum((1, 2))
    assert overlap.min() > 0.95, overlap


def test_what_cannot_be_compiled_is_told(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    write_checkpoint(home.checkpoints, MODEL)

    def no_compiler(*args: Any, **options: Any) -> None:
        raise RuntimeError("Failed to find a C++ compiler\nand a page of traces")

    monkeypatch.setattr(torch, "compile", no_compiler)
    with pytest.raises(VosLabError, match=r"cannot be compiled .*find a C\+\+ compiler\): run without the option"):
        load_with(home, compile=True)
    sam2_video.free_parked()


@pytest.mark.parametrize(
    ("options", "frames"),
    [({"frames_at_once": 2}, 2), ({"frames_at_once": 0}, 1), ({"frames_at_once": 2, "exact": True}, 1)],
)
def test_frames_at_once(options: dict[str, Any], frames: int, home: Home, tmp_path: Path) -> None:
    write_checkpoint(home.checkpoints, MODEL)
    clip, labels = moving_squares(tmp_path / "video", frames=3, objects=1, size=(48, 64))
    segmenter = load_with(home, **options)
    assert segmenter.frames_at_once == segmenter.facts()["frames_at_once"] == frames
    assert len(np.stack(list(segmenter.segment(clip, {0: labels[0]})))) == 3
    segmenter.close()
    sam2_video.free_parked()
