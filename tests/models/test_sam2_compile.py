"""A compiled image encoder gives the eager one's masks; how long compiling took is told apart."""

from __future__ import annotations

import gc
import shutil
import weakref
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


def compiled_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let torch trace and guard as ever, and run what it traced as it is: quick, and no C++ compiler is needed."""
    real = torch.compile
    monkeypatch.setattr(torch, "compile", lambda *args, **options: real(*args, **{**options, "backend": "eager"}))


def test_a_process_compiles_for_more_image_sizes_than_torch_allows_by_itself(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two compilations each."""
    compiled_without_a_compiler(monkeypatch)
    torch._dynamo.reset()  # of other tests' compilations
    write_checkpoint(home.checkpoints, MODEL)
    clip, labels = moving_squares(tmp_path / "video", frames=3, objects=1, size=(48, 64))
    for side in (64, 96, 128, 160, 192):
        segmenter = load_with(home, compile=True, image_size=side, frames_at_once=2)
        assert len(list(segmenter.segment(clip, {0: labels[0]}))) == 3
        segmenter.close()
    sam2_video.free_parked()
    torch._dynamo.reset()


def test_compiled_weights_go_before_others_come(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """They refer to themselves, and a GPU may have no room for both until Python looks for such rings."""
    compiled_without_a_compiler(monkeypatch)
    write_checkpoint(home.checkpoints, MODEL)
    held: list[weakref.ref[Any]] = []
    left: list[bool] = []
    real = sam2_video.build_predictor

    def build(*args: Any) -> Any:
        left.extend(predictor() is not None for predictor in held)
        return real(*args)

    monkeypatch.setattr(sam2_video, "build_predictor", build)
    gc.disable()  # so that none is done by chance
    try:
        for side in (64, 96):
            segmenter = load_with(home, compile=True, image_size=side)
            held[:] = [weakref.ref(segmenter.predictor.image_encoder)]
            segmenter.close()
        sam2_video.free_parked()
        assert left == [False] and held[0]() is None
    finally:
        gc.enable()
    torch._dynamo.reset()


def test_a_gpu_that_is_lost_while_compiling_is_no_compiler_s_fault(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker must see the error as it is: it ends for it, and other GPUs do the run."""
    write_checkpoint(home.checkpoints, MODEL)

    def lost(*args: Any, **options: Any) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(torch, "compile", lost)
    with pytest.raises(RuntimeError, match=r"^CUDA error: an illegal"):
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


def test_more_frames_at_once_than_cuda_s_grid_holds_are_not_encoded_together(home: Home) -> None:
    write_checkpoint(home.checkpoints, MODEL)
    segmenter = load_with(home, frames_at_once=64, image_size=1024)
    assert segmenter.frames_at_once == segmenter.facts()["frames_at_once"] == 63
    segmenter.close()
    sam2_video.free_parked()
