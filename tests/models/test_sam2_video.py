"""A random SAM 2 checkpoint through the segmenter: masks, warm weights, bounded state, what is told when it cannot."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.sam2_random import SIDE, ArrayClip, Oracle, label_map, moving_squares, objects_of, write_checkpoint
from vos_core.errors import InputError, VosLabError
from vos_core.home import Home
from vos_core.models import sam2_video
from vos_core.models.base import LabelMap
from vos_core.models.loading import load_model
from vos_core.models.sam2_engine import TrackSettings as Track
from vos_core.models.sam2_engine import VideoTracker, group_objects
from vos_core.models.sam2_video import Sam2Segmenter, device_facts, load
from vos_core.runs import RunSettings

Video = tuple[ArrayClip, dict[int, LabelMap]]


def settings_for(
    model: str = "sam2_hiera_tiny", size: int | None = 7, mode: str | None = "position_preserving", **options: Any
) -> RunSettings:
    values = {"image_size": 64, "device": "cpu", **options}
    return RunSettings("D", "data:D", "val", model, size, mode, (), tuple(sorted(values.items())))


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


def run(segmenter: Sam2Segmenter, video: Video) -> np.ndarray:
    clip, labels = video
    return np.stack(list(segmenter.segment(clip, {0: labels[0]})))


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


def out_of_memory(monkeypatch: pytest.MonkeyPatch, most: int) -> list[int]:
    """Make the real tracker run out of memory on its third frame wherever a batch has more than `most` objects."""
    seen: list[int] = []
    real = VideoTracker.advance

    def advance(tracker: VideoTracker, frame: int, features: Any) -> torch.Tensor:
        objects = max(len(group.ids) for group in tracker.groups)
        if frame == 2:
            seen.append(objects)
            if objects > most:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has ...")
        return real(tracker, frame, features)

    monkeypatch.setattr(VideoTracker, "advance", advance)
    return seen


def test_running_out_of_memory_halves_the_batch_and_goes_on(
    weights: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = moving_squares(tmp_path / "video", frames=4, objects=4, size=(48, 64))
    segmenter = load(settings_for(), weights)
    whole = run(segmenter, video)
    seen = out_of_memory(monkeypatch, most=2)
    halved = run(segmenter, video)
    segmenter.close()
    assert seen == [4, 2]
    assert halved.shape == whole.shape
    assert (halved != whole).mean() < 0.01


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
    machine = device_facts()
    assert machine["torch"] == torch.__version__ and machine["sam2"] == "1.1.0"
    assert (machine["peak_gpu_bytes"] is None) == (not torch.cuda.is_available())


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
