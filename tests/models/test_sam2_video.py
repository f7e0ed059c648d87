"""A random SAM 2 checkpoint through the segmenter: masks, warm weights, bounded state, what is told when it cannot."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.sam2_random import SIDE, ArrayClip, Oracle, label_map, moving_squares, objects_of
from tests.models.segmenting import Video, run, settings_for
from vos_core.errors import DeviceUnavailable, InputError
from vos_core.home import Home
from vos_core.models import sam2_device, sam2_video
from vos_core.models.base import LabelMap
from vos_core.models.loading import load_model
from vos_core.models.sam2_engine import TrackSettings as Track
from vos_core.models.sam2_engine import VideoTracker, group_objects
from vos_core.models.sam2_resize import resize_with_pillow
from vos_core.models.sam2_video import Sam2Segmenter, load


@pytest.mark.parametrize("model", ["sam2_hiera_tiny", "sam2.1_hiera_tiny"])
def test_exact_masks_are_those_of_the_upstream_loop(model: str, weights: Home, tmp_path: Path) -> None:
    clip, labels = moving_squares(tmp_path / "video", frames=5, objects=2)
    oracle = Oracle(model, weights.checkpoints / f"{model}.pt")
    expected = Oracle.logits(oracle.predictor(non_overlap=True), tmp_path / "video", {0: objects_of(labels[0])})
    segmenter = load_model(settings_for(model, exact=True, image_size=SIDE), weights)
    found = list(segmenter.segment(clip, {0: labels[0]}))
    segmenter.close()
    assert len(found) == len(clip)
    for frame, mask in enumerate(found):
        assert mask.dtype == np.uint8 and mask.shape == (96, 160)
        assert np.array_equal(mask, label_map(expected[frame], [1, 2])), f"frame {frame}"
        assert 0.005 < (mask > 0).mean() < 0.995, f"frame {frame} is blank"


def test_ids_void_and_later_annotations(weights: Home, video: Video) -> None:
    """Ids with a gap are kept, 255 is no object, and a semi-supervised run looks at no later annotation."""
    clip, labels = video
    segmenter = load(settings_for(exact=True), weights)
    plain = run(segmenter, video)
    renamed = np.where(labels[0] == 2, 7, labels[0]).astype(np.uint8)
    renamed[:3, :3] = 255
    found = np.stack(list(segmenter.segment(clip, {0: renamed, 3: labels[3]})))
    segmenter.close()
    assert set(np.unique(found)) == {0, 1, 7}
    assert np.array_equal(np.where(found == 7, 2, found), plain)


def test_where_objects_overlap_the_lower_id_wins(weights: Home, video: Video) -> None:
    clip, labels = video
    segmenter = load(settings_for(exact=True, per_obj_png_file=True), weights)
    apart = list(segmenter.segment_objects(clip, {0: objects_of(labels[0])}))
    merged = run(segmenter, video)
    segmenter.close()
    shared = [masks[1] & masks[2] for masks in apart]
    assert sum(both.sum() for both in shared) > 100
    for mask, both, masks in zip(merged, shared, apart, strict=True):
        assert (mask[both] == 1).all()
        assert np.array_equal(mask == 2, masks[2] & ~masks[1])


def test_memory_off_and_default_memory(weights: Home, video: Video) -> None:
    default, seven, off = (settings_for(size=size, exact=True) for size in (None, 7, 0))
    found = []
    for settings in (default, seven, off):
        segmenter = load(settings, weights)
        found.append(run(segmenter, video))
        segmenter.close()
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[1], found[2])


def test_weights_stay_warm_across_runs_and_settings_do_not_leak(weights: Home, video: Video) -> None:
    sam2_video.free_parked()
    first = load(settings_for(size=7, exact=True), weights)
    fresh = run(first, video)
    predictor = first.predictor
    first.close()
    other = load(
        settings_for(
            size=2,
            mode="naive",
            apply_postprocessing=True,
            max_obj_ptrs_in_encoder=2,
            memory_temporal_stride_for_eval=3,
        ),
        weights,
    )
    assert other.predictor is predictor
    run(other, video)
    other.close()
    again = load(settings_for(size=7, exact=True), weights)
    assert again.predictor is predictor
    assert np.array_equal(run(again, video), fresh)
    beside = load(settings_for(size=3), weights)
    assert beside.predictor is not predictor, "a predictor in use is nobody else's"
    again.close()
    beside.close()
    assert len(sam2_video._parked) == 1
    changed = load(settings_for(size=7, image_size=96), weights)
    assert changed.predictor.image_size == 96 and not sam2_video._parked
    changed.close()


def test_closed_model_says_so(weights: Home, video: Video) -> None:
    segmenter = load(settings_for(), weights)
    segmenter.close()
    segmenter.close()
    with pytest.raises(InputError, match="was closed"):
        run(segmenter, video)


@pytest.mark.parametrize(("size", "stride", "memories"), [(7, 1, 6), (3, 1, 2), (3, 4, 2), (1, 1, 0)])
def test_state_does_not_grow_with_the_video(
    size: int, stride: int, memories: int, weights: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, labels = moving_squares(tmp_path / "video", frames=30, objects=1, size=(48, 64))
    held: list[tuple[int, int, int]] = []
    real = VideoTracker.advance

    def watched(tracker: VideoTracker, frame: int, features: Any) -> torch.Tensor:
        logits = real(tracker, frame, features)
        kept = tracker.groups[0].memory["non_cond_frame_outputs"].values()
        held.append(
            (
                sum(out["maskmem_features"] is not None for out in kept),
                len(kept),
                sum("pred_masks" in out for out in kept),
            )
        )
        return logits

    monkeypatch.setattr(VideoTracker, "advance", watched)
    segmenter = load(
        settings_for(size=size, max_obj_ptrs_in_encoder=5, memory_temporal_stride_for_eval=stride), weights
    )
    run(segmenter, (clip, labels))
    segmenter.close()
    with_memory, kept, with_masks = (max(column) for column in zip(*held, strict=True))
    assert len(held) == 30
    assert with_memory <= memories + 1  # one more: a frame that will be a multiple of the stride's next
    assert kept <= max(4, memories + (size - 1) * stride)
    assert with_masks == 0
    assert held[-1] == held[15] or stride > 1


def test_groups_share_a_batch_where_their_prompts_do() -> None:
    mask = np.ones((2, 2), bool)
    prompts = {5: {0: mask, 4: mask}, 1: {0: mask}, 3: {0: mask}, 2: {0: mask}, 9: {2: mask}}
    together = [(group.ids, group.start) for group in group_objects(prompts, Track())]
    assert together == [((1, 2, 3), 0), ((5,), 0), ((9,), 0)]
    apart = group_objects(prompts, Track(objects_at_once=2, start_together=False))
    assert [(group.ids, group.start) for group in apart] == [((1, 2), 0), ((3,), 0), ((5,), 0), ((9,), 2)]


def test_prompts_are_kept_as_bits(weights: Home, tmp_path: Path) -> None:
    """However many frames are annotated, one frame's masks at a time are arrays of bytes."""
    height, width, objects, frames = 201, 333, 4, 40
    clip = ArrayClip(np.broadcast_to(np.uint8(0), (frames, height, width, 3)))
    random = np.random.default_rng(0)
    prompts = {n: random.integers(1, objects + 1, (height, width), dtype=np.uint8) for n in range(frames)}
    segmenter = load(settings_for(use_all_masks=True), weights)
    tracemalloc.start()
    kept = segmenter._objects_of(clip, prompts)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    segmenter.close()
    bits = objects * frames * height * width / 8
    assert held < 1.1 * bits and peak < 1.1 * bits + 20 * height * width
    for frame, labels in prompts.items():
        for n in range(1, objects + 1):
            assert np.array_equal(kept[n][frame].unpacked(), labels == n)


@pytest.mark.skipif(torch.cuda.is_available(), reason="torch sees a GPU here")
def test_a_worker_with_a_gpu_that_torch_does_not_see_does_not_take_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it refuse the run: that slot is at fault, whether a GPU was asked for by name or not."""
    assert sam2_device.find_device("auto").type == "cpu"
    monkeypatch.setenv("VOSLAB_SLOT_DEVICE", "cuda")
    for asked in ("auto", "cuda"):
        with pytest.raises(DeviceUnavailable, match=r"was given a GPU, but .*doctor"):
            sam2_device.find_device(asked)
    assert sam2_device.find_device("cpu").type == "cpu"
    monkeypatch.setenv("VOSLAB_SLOT_DEVICE", "cpu")
    assert sam2_device.find_device("auto").type == "cpu"
    with pytest.raises(InputError, match="CUDA was asked for"):
        sam2_device.find_device("cuda")


@pytest.mark.parametrize("objects", [1, 2, 7])
@pytest.mark.parametrize("threshold", [0.0, -0.4, -11.0])
def test_label_maps_made_in_bands_are_upstreams(
    objects: int, threshold: float, weights: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ties included; a band never holds all objects' logits, and less than a row of them not either."""
    random = torch.Generator().manual_seed(objects)
    logits = torch.randint(-40, 40, (objects, 1, 30, 44), generator=random) / 3.0
    segmenter = load(settings_for(score_thresh=threshold), weights)
    settled = segmenter.predictor._apply_non_overlapping_constraints(logits)
    expected = label_map(settled, range(1, objects + 1), threshold)
    whole = segmenter._label_map(logits, list(range(1, objects + 1)))
    seen = []
    real = Sam2Segmenter._settled
    monkeypatch.setattr(Sam2Segmenter, "_settled", lambda self, part: (seen.append(part.shape[2]), real(self, part))[1])
    monkeypatch.setattr(sam2_video, "SETTLED_AT_ONCE", 4 * 44 * 2)
    banded = segmenter._label_map(logits, list(range(1, objects + 1)))
    segmenter.close()
    assert max(seen) == max(1, 8 // objects) and sum(seen) == 30
    assert torch.equal(whole, banded) and np.array_equal(banded.numpy(), expected)
    assert len(np.unique(expected)) > 1


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ({0: np.zeros((96, 160), np.uint8)}, r"Video video: its annotation shows no object.*appearing_later"),
        ({0: np.ones((96, 161), np.uint8)}, "annotation of frame 0 has 161x96 pixels, its frames have 160x96"),
        ({0: np.ones((96, 160), np.uint8), 9: np.ones((96, 160), np.uint8)}, "a prompt for frame 9, .* 5 frames"),
    ],
)
def test_prompts_that_do_not_fit(prompt: dict[int, LabelMap], words: str, weights: Home, video: Video) -> None:
    segmenter = load(settings_for(), weights)
    with pytest.raises(InputError, match=words):
        next(iter(segmenter.segment(video[0], prompt)))
    segmenter.close()


def test_stopping_between_frames_leaves_nothing_behind(weights: Home, video: Video) -> None:
    clip, labels = video
    segmenter = load(settings_for(exact=True), weights)
    masks = segmenter.segment(clip, {0: labels[0]})
    first = [next(masks), next(masks)]
    assert not torch.is_inference_mode_enabled(), "the caller's code must not run in the model's mode"
    masks.close()  # type: ignore[attr-defined]
    assert np.array_equal(np.stack(first), run(segmenter, video)[:2])
    segmenter.close()


def test_facts(weights: Home) -> None:
    segmenter = load(settings_for(size=4, mode="naive"), weights)
    facts = segmenter.facts()
    segmenter.close()
    assert facts["memory_size"] == 4 and facts["memory_mode"] == "naive"
    assert facts["precision"] == "float32" and facts["hole_filling"] == "off"
    assert len(facts["checkpoint_sha256"]) == 64 and facts["config"] == "configs/sam2/sam2_hiera_t.yaml"
    machine = sam2_device.device_facts()
    assert machine["torch"] == torch.__version__ and machine["sam2"] == "1.1.0"
    assert (machine["peak_gpu_bytes"] is None) == (not torch.cuda.is_available())


def test_frames_are_resized_the_device_s_way_and_two_batches_ahead(
    weights: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, labels = moving_squares(tmp_path / "video", frames=30, objects=1, size=(48, 64))
    resized = []

    def resizer(device: str) -> Any:
        return lambda picture, side: (resized.append(device), resize_with_pillow(picture, side))[1]

    monkeypatch.setattr(sam2_video, "resizer", resizer)
    segmenter = load(settings_for(frames_at_once=8), weights)
    masks = segmenter.segment(clip, {0: labels[0]})
    next(masks)
    assert max(clip.reads) == 7 + 16
    masks.close()  # type: ignore[attr-defined]
    assert len(resized) > 8 and set(resized) == {"cpu"}
    segmenter.close()


@pytest.mark.slow
def test_500_frames_hold_no_more_than_50(weights: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes of every tensor alive after frame 49 and after frame 499; frames are drawn as they are asked for."""

    class Endless(ArrayClip):
        def __len__(self) -> int:
            return 500

        def __getitem__(self, index: int) -> Any:
            return np.roll(self.frames[0], index, axis=1)

    random = np.random.default_rng(0)
    clip = Endless(random.integers(0, 255, (1, 48, 64, 3), dtype=np.uint8))
    prompt = np.zeros((48, 64), np.uint8)
    prompt[10:30, 10:30], prompt[30:44, 40:60] = 1, 2
    segmenter = load(settings_for("sam2.1_hiera_tiny"), weights)
    alive = {}
    for frame, _ in enumerate(segmenter.segment(clip, {0: prompt})):
        if frame in (49, 499):
            gc.collect()
            storages = {
                tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes()
                for tensor in gc.get_objects()
                if type(tensor) in (torch.Tensor, torch.nn.Parameter)
            }
            alive[frame] = sum(storages.values())
    segmenter.close()
    assert alive[499] == alive[49] > 100_000_000, "the weights alone are that much"
