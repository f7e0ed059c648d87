"""A GPU's memory that runs out under the segmenter: the objects are halved once, then it is told in words.

The errors are those that torch raises; they are raised by hand, where a GPU would.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.sam2_random import moving_squares, objects_of
from tests.models.segmenting import Video, run, settings_for
from vos_core.errors import DeviceUnavailable, VosLabError
from vos_core.home import Home
from vos_core.models import sam2_video
from vos_core.models.sam2_engine import VideoTracker
from vos_core.models.sam2_video import Sam2Segmenter, load

ALLOCATOR = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has ...")
DRIVER = torch.AcceleratorError("CUDA error: out of memory\nSearch for `cudaErrorMemoryAllocation' in ...")
CUBLAS = RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")
CUDNN = RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED")
NO_HANDLE = RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`")
# These may be full memory, or a GPU that cuDNN cannot use.
NO_CUDNN = RuntimeError("cuDNN error: CUDNN_STATUS_NOT_INITIALIZED")
NO_ALGORITHM = RuntimeError("Unable to find a valid cuDNN algorithm to run convolution")
NO_ENGINE = RuntimeError("GET was unable to find an engine to execute this computation")
UNCLEAR = {"cudnn": NO_CUDNN, "algorithm": NO_ALGORITHM, "engine": NO_ENGINE}


def out_of_memory(monkeypatch: pytest.MonkeyPatch, most: int, error: Exception = ALLOCATOR) -> list[int]:
    """Make the real tracker run out of memory on its third frame wherever a batch has more than `most` objects."""
    seen: list[int] = []
    real = VideoTracker.advance

    def advance(tracker: VideoTracker, frame: int, features: Any) -> torch.Tensor:
        objects = max(len(group.ids) for group in tracker.groups)
        if frame == 2:
            seen.append(objects)
            if objects > most:
                raise error
        return real(tracker, frame, features)

    monkeypatch.setattr(VideoTracker, "advance", advance)
    return seen


PLAIN = {"allocator": ALLOCATOR, "driver": DRIVER, "cublas": CUBLAS, "alloc": CUDNN, "handle": NO_HANDLE}


@pytest.mark.parametrize("error", (PLAIN | UNCLEAR).values(), ids=PLAIN | UNCLEAR)
def test_running_out_of_memory_halves_the_batch_and_goes_on(
    error: Exception, weights: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = moving_squares(tmp_path / "video", frames=4, objects=4, size=(48, 64))
    segmenter = load(settings_for(), weights)
    whole = run(segmenter, video)
    seen = out_of_memory(monkeypatch, most=2, error=error)
    halved = run(segmenter, video)
    segmenter.close()
    assert seen == [4, 2]
    assert halved.shape == whole.shape
    assert (halved != whole).mean() < 0.01


def test_prompts_of_all_frames_are_there_for_what_is_done_anew(
    weights: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, labels = moving_squares(tmp_path / "video", frames=5, objects=4, size=(48, 64))
    segmenter = load(settings_for(use_all_masks=True), weights)
    prompts = {frame: labels[frame] for frame in (0, 1, 4)}
    whole = np.stack(list(segmenter.segment(clip, prompts)))
    seen = out_of_memory(monkeypatch, most=2)
    halved = np.stack(list(segmenter.segment(clip, prompts)))
    first_only = np.stack(list(segmenter.segment(clip, {0: labels[0]})))
    segmenter.close()
    assert seen == [4, 2, 4, 2]
    assert (halved != whole).mean() < 0.01 < (halved != first_only).mean()


def test_running_out_of_memory_twice_is_told_in_words(
    weights: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = moving_squares(tmp_path / "video", frames=4, objects=4, size=(48, 64))
    seen = out_of_memory(monkeypatch, most=0)
    segmenter = load(settings_for(), weights)
    with pytest.raises(VosLabError, match=r"Video video: .* at frame 2, with 2 of its 4 objects .*objects_at_once"):
        run(segmenter, video)
    segmenter.close()
    assert seen == [4, 2]


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("step", ["_settled", "HostCopy"])
@pytest.mark.parametrize("again", [False, True])
def test_memory_that_runs_out_behind_the_model_is_no_other_case(
    step: str, again: bool, apart: bool, weights: Home, video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the third frame, in the non-overlap step or where the mask's copy to the host is asked for: the objects are
    halved once; when it runs out `again`, that is told."""
    clip, labels = video
    segmenter = load(settings_for(per_obj_png_file=apart), weights)

    def masks() -> np.ndarray:
        if apart:
            found = segmenter.segment_objects(clip, {0: objects_of(labels[0])})
            return np.stack([np.stack(list(objects.values())) for objects in found])
        return run(segmenter, video)

    whole = masks()
    owner: Any = Sam2Segmenter if step == "_settled" else sam2_video
    real = getattr(owner, step)
    calls = 0

    def spoilt(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3 or (again and calls > 3):
            raise DRIVER
        return real(*args)

    monkeypatch.setattr(owner, step, spoilt)
    if again:
        with pytest.raises(VosLabError, match=r"at frame 2, with 1 of its 2 objects .*\(CUDA error: out of memory\)"):
            masks()
    else:
        assert (masks() != whole).mean() < 0.01
        assert calls == len(clip) + 1, "frames that were handed on are not finished anew"
    reading = [thread.name for thread in threading.enumerate() if thread.name.startswith("sam2-frames")]
    assert not reading, "of the tracking that was given up, whoever still holds its error"
    segmenter.close()


def test_other_errors_are_not_taken_for_it(weights: Home, video: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = out_of_memory(monkeypatch, most=0, error=RuntimeError("CUDA error: an illegal memory access"))
    segmenter = load(settings_for(), weights)
    with pytest.raises(RuntimeError, match="illegal"):
        run(segmenter, video)
    segmenter.close()
    assert seen == [2]


def test_what_may_be_another_cause_than_memory_is_quoted(
    weights: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = moving_squares(tmp_path / "video", frames=4, objects=4, size=(48, 64))
    out_of_memory(monkeypatch, most=0, error=NO_ENGINE)
    segmenter = load(settings_for(), weights)
    with pytest.raises(VosLabError, match=r"Video video: the device failed, as .* \(GET was unable to find an engine"):
        run(segmenter, video)
    segmenter.close()


def refusing(step: str, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the weights' loading or the warm-up raise `error`; the device is a GPU in name."""

    def refuse(*args: Any) -> Any:
        raise error

    sam2_video.free_parked()
    monkeypatch.setitem(sam2_video.TRIES_OUT, "cpu", True)
    monkeypatch.setitem(sam2_video.AUTOCAST, "cuda", False)
    monkeypatch.setattr(sam2_video, "find_device", lambda asked: torch.device("cuda"))
    real = sam2_video.build_predictor

    def build(config: str, checkpoint: Path, device: torch.device, *more: Any) -> Any:
        return real(config, checkpoint, torch.device("cpu"), *more)

    monkeypatch.setattr(sam2_video, "build_predictor", build)
    monkeypatch.setattr(sam2_video, {"load": "build_predictor", "warm-up": "encode_frames"}[step], refuse)


@pytest.mark.parametrize("step", ["load", "warm-up"])
@pytest.mark.parametrize("error", PLAIN.values(), ids=PLAIN)
def test_a_gpu_without_room_is_told_and_no_clip(
    step: str, error: Exception, weights: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever says so."""
    refusing(step, error, monkeypatch)
    with pytest.raises(DeviceUnavailable, match=r"^sam2_hiera_tiny does not fit .* free on the GPU") as told:
        load(settings_for(), weights)
    assert "warm-up" not in str(told.value)


OTHER = RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED. Possible solutions ...\nmore")


@pytest.mark.parametrize("step", ["load", "warm-up"])
@pytest.mark.parametrize("error", (UNCLEAR | {"other": OTHER}).values(), ids=UNCLEAR | {"other": OTHER})
def test_a_gpu_that_fails_before_any_video_is_charged_to_none(
    step: str, error: Exception, weights: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing(step, error, monkeypatch)
    with pytest.raises(DeviceUnavailable) as told:
        load(settings_for(), weights)
    reason = str(error).partition(".")[0]
    assert str(told.value).startswith(f"sam2_hiera_tiny cannot be run on this GPU: {reason}: see whether")


@pytest.mark.parametrize("step", ["load", "warm-up"])
def test_a_gpu_that_is_lost_is_for_the_worker_to_tell(
    step: str, weights: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing(step, RuntimeError("CUDA error: an illegal memory access"), monkeypatch)
    with pytest.raises(RuntimeError, match="illegal"):
        load(settings_for(), weights)


def test_a_mistake_in_what_a_gpu_is_asked_is_none_of_the_gpu(weights: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing("load", RuntimeError("The size of tensor a (64) must match the size of tensor b (32)"), monkeypatch)
    with pytest.raises(RuntimeError, match="size of tensor"):
        load(settings_for(), weights)


def test_on_a_cpu_an_error_of_the_load_is_told_as_it_is(weights: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing("load", OTHER, monkeypatch)
    monkeypatch.setattr(sam2_video, "find_device", lambda asked: torch.device("cpu"))
    with pytest.raises(RuntimeError, match="EXECUTION_FAILED"):
        load(settings_for(), weights)
