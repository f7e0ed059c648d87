"""Raw logits of our engine against the upstream loop, on stirred random weights, float32 on the CPU.

Stirred (see `write_checkpoint`), because plain random weights hardly look at their memory. Batching objects changes the
last bits only (seen: 4e-6 to 8e-6 over 20 frames; a lost pointer changes 1e-3); `exact` changes none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.sam2_random import (
    SIDE,
    ArrayClip,
    Oracle,
    label_map,
    moving_squares,
    objects_of,
    set_upstream_memory,
    write_checkpoint,
)
from vos_core.home import Home
from vos_core.models import sam2_engine, sam2_video
from vos_core.models.base import LabelMap
from vos_core.models.sam2_video import Sam2Segmenter, load
from vos_core.runs import RunSettings

MODELS = ("sam2_hiera_tiny", "sam2.1_hiera_tiny")
TOLERANCE = 1e-4
SMALL = 64  # pixels: enough for memory and pointers to show, see test_a_wrong_engine_is_seen
FRAMES = 10
Logits = dict[int, torch.Tensor]


@dataclass
class Bench:
    """Checkpoints, clips and the upstream predictors, built once."""

    home: Home
    folder: Path
    predictors: dict[tuple[str, bool, int], Any]
    results: dict[tuple[Any, ...], Logits]
    clips: dict[tuple[int, int], tuple[Path, ArrayClip, dict[int, LabelMap]]]

    def clip(self, objects: int, frames: int = FRAMES) -> tuple[Path, ArrayClip, dict[int, LabelMap]]:
        if (objects, frames) not in self.clips:
            folder = self.folder / f"video-{objects}-{frames}"
            self.clips[objects, frames] = (folder, *moving_squares(folder, frames, objects))
        return self.clips[objects, frames]

    def oracle(self, model: str, postprocessing: bool = False, side: int = SMALL) -> Any:
        """The upstream predictor, without its non-overlap step."""
        key = (model, postprocessing, side)
        if key not in self.predictors:
            oracle = Oracle(model, self.home.checkpoints / f"{model}.pt", postprocessing, side)
            self.predictors[key] = oracle.predictor(non_overlap=False)
        return self.predictors[key]

    def upstream(
        self,
        model: str,
        folder: Path,
        prompts: Mapping[int, Mapping[int, np.ndarray]],
        size: int = 7,
        mode: str = "naive",
        postprocessing: bool = False,
        side: int = SMALL,
        stride: int = 1,
        pointers: int = 16,
    ) -> Logits:
        """Raw logits of the upstream loop, its memory set the way people set it; computed once per question."""
        shown = tuple((f, n, mask.tobytes()) for f, masks in prompts.items() for n, mask in masks.items())
        key = (model, folder, shown, size, mode, postprocessing, side, stride, pointers)
        if key not in self.results:
            predictor = self.oracle(model, postprocessing, side)
            set_upstream_memory(predictor, size, mode)
            predictor.memory_temporal_stride_for_eval = stride
            predictor.max_obj_ptrs_in_encoder = pointers
            self.results[key] = Oracle.logits(predictor, folder, prompts)
        return dict(self.results[key])

    def ours(self, model: str, size: int = 7, mode: str = "naive", **options: Any) -> Sam2Segmenter:
        values = {"image_size": SMALL, "device": "cpu", **options}
        settings = RunSettings("D", "data:D", "val", model, size, mode, (), tuple(sorted(values.items())))
        return load(settings, self.home)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # small tensors: threads cost more than they give, the more so on a busy machine
    folder = tmp_path_factory.mktemp("parity")
    home = Home.from_environment({}, cwd=folder / "home")
    for model in MODELS:
        write_checkpoint(home.checkpoints, model, stirred=True)
    yield Bench(home, folder, {}, {}, {})
    sam2_video.free_parked()
    torch.set_num_threads(threads)


def worst(found: list[torch.Tensor], expected: Logits) -> float:
    """Largest difference over all frames that upstream gives; our further frames must be absent."""
    assert set(expected) <= set(range(len(found)))
    for frame in set(range(len(found))) - set(expected):
        assert (found[frame] == -1024).all()
    return max(float((found[frame] - logits).abs().max()) for frame, logits in expected.items())


def check(bench: Bench, model: str, objects: int, size: int, mode: str) -> None:
    folder, clip, labels = bench.clip(objects)
    expected = bench.upstream(model, folder, {0: objects_of(labels[0])}, size, mode)
    segmenter = bench.ours(model, size, mode)
    found = list(segmenter.raw_logits(clip, {0: labels[0]}))
    ids = list(range(1, objects + 1))
    masks = [segmenter._label_map(logits, ids).numpy() for logits in found]
    segmenter.close()
    assert worst(found, expected) < TOLERANCE
    constrain = bench.oracle(model)._apply_non_overlapping_constraints
    for frame, logits in expected.items():
        assert 0.005 < float((logits > 0).any(0).float().mean()) < 0.995, "a blank mask proves nothing"
        upstream = label_map(constrain(logits), ids)
        assert (masks[frame] != upstream).mean() < 0.002, f"frame {frame}"


@pytest.mark.parametrize(
    ("model", "objects", "size", "mode"),
    [
        ("sam2_hiera_tiny", 2, 0, "naive"),
        ("sam2_hiera_tiny", 2, 1, "naive"),
        ("sam2_hiera_tiny", 1, 4, "position_preserving"),
        ("sam2.1_hiera_tiny", 1, 2, "naive"),
        ("sam2.1_hiera_tiny", 5, 6, "position_preserving"),
    ],
)
def test_logits_and_masks_are_upstreams(model: str, objects: int, size: int, mode: str, bench: Bench) -> None:
    check(bench, model, objects, size, mode)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["position_preserving", "naive"])
@pytest.mark.parametrize("size", range(1, 8))
@pytest.mark.parametrize("objects", [1, 2, 5])
@pytest.mark.parametrize("model", MODELS)
def test_every_memory_is_upstreams(model: str, objects: int, size: int, mode: str, bench: Bench) -> None:
    check(bench, model, objects, size, mode)


@pytest.mark.parametrize(
    ("model", "size", "stride", "pointers", "frames"),
    [
        ("sam2.1_hiera_tiny", 5, 2, 4, FRAMES),
        ("sam2_hiera_tiny", 3, 3, 1, FRAMES),
        pytest.param("sam2.1_hiera_tiny", 7, 1, 16, 20, marks=pytest.mark.slow),
        pytest.param("sam2_hiera_tiny", 7, 1, 16, 20, marks=pytest.mark.slow),
        pytest.param("sam2_hiera_tiny", 7, 2, 16, 20, marks=pytest.mark.slow),
        pytest.param("sam2.1_hiera_tiny", 3, 3, 2, 20, marks=pytest.mark.slow),
    ],
)
def test_exact_is_upstream_to_the_last_bit(
    model: str, size: int, stride: int, pointers: int, frames: int, bench: Bench
) -> None:
    """Also past the pointers' window, where most of the state has been dropped."""
    folder, clip, labels = bench.clip(2, frames)
    prompts = {0: objects_of(labels[0])}
    expected = bench.upstream(model, folder, prompts, size, stride=stride, pointers=pointers)
    knobs = {"memory_temporal_stride_for_eval": stride, "max_obj_ptrs_in_encoder": pointers}
    segmenter = bench.ours(model, size, exact=True, **knobs)
    assert worst(list(segmenter.raw_logits(clip, {0: labels[0]})), expected) == 0
    segmenter.close()


def test_several_frames_at_once_through_the_encoder(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU; ten frames by four, so that the last batch is a short one."""
    monkeypatch.setitem(sam2_video.FRAMES_AT_ONCE, "cpu", 4)
    sizes = []
    real = sam2_video.encode_frames
    monkeypatch.setattr(
        sam2_video, "encode_frames", lambda predictor, images: (sizes.append(len(images)), real(predictor, images))[1]
    )
    folder, clip, labels = bench.clip(2)
    expected = bench.upstream(MODELS[1], folder, {0: objects_of(labels[0])}, 4, "position_preserving")
    segmenter = bench.ours(MODELS[1], 4, "position_preserving")
    assert worst(list(segmenter.raw_logits(clip, {0: labels[0]})), expected) < TOLERANCE
    segmenter.close()
    assert sizes == [1, 4, 4, 2]


@pytest.mark.parametrize("threshold", [-0.3])
def test_score_thresh(threshold: float, bench: Bench) -> None:
    folder, clip, labels = bench.clip(2)
    oracle = bench.oracle(MODELS[0])
    expected = bench.upstream(MODELS[0], folder, {0: objects_of(labels[0])})
    segmenter = bench.ours(MODELS[0], exact=True, score_thresh=threshold)
    plain = [label_map(oracle._apply_non_overlapping_constraints(expected[f]), [1, 2]) for f in range(FRAMES)]
    for frame, mask in enumerate(segmenter.segment(clip, {0: labels[0]})):
        upstream = label_map(oracle._apply_non_overlapping_constraints(expected[frame]), [1, 2], threshold)
        assert np.array_equal(mask, upstream)
        assert frame == 0 or (mask != plain[frame]).any(), "this threshold changes nothing here"
    segmenter.close()


def test_per_object_masks_may_overlap(bench: Bench) -> None:
    folder, clip, labels = bench.clip(2)
    prompts = {0: {4: labels[0] == 1, 9: labels[0] > 0}}  # overlapping prompts, ids of one's own
    expected = bench.upstream(MODELS[1], folder, prompts)
    segmenter = bench.ours(MODELS[1], exact=True, per_obj_png_file=True)
    shared = 0
    for frame, masks in enumerate(segmenter.segment_objects(clip, prompts)):
        assert list(masks) == [4, 9]
        assert np.array_equal(np.stack(list(masks.values())), (expected[frame][:, 0] > 0).numpy())
        shared += int((masks[4] & masks[9]).sum())
    segmenter.close()
    assert shared > 0


@pytest.mark.parametrize(
    ("model", "late"),
    [
        ("sam2.1_hiera_tiny", 2),
        pytest.param("sam2_hiera_tiny", 2, marks=pytest.mark.slow),
        pytest.param("sam2_hiera_tiny", 0, marks=pytest.mark.slow),
        pytest.param("sam2.1_hiera_tiny", 0, marks=pytest.mark.slow),
    ],
)
def test_use_all_masks(model: str, late: int, bench: Bench) -> None:
    """Object 2 is annotated on fewer frames than object 1, and first on a later one: earlier frames attend to it."""
    folder, clip, labels = bench.clip(2)
    prompts = {late: np.where(labels[late] == 2, 0, labels[late]), 5: labels[5], 8: labels[8]}
    expected = bench.upstream(model, folder, {frame: objects_of(map_) for frame, map_ in prompts.items()}, 4)
    assert min(expected) == late
    segmenter = bench.ours(model, 4, use_all_masks=True)
    assert worst(list(segmenter.raw_logits(clip, prompts)), expected) < TOLERANCE
    segmenter.close()


@pytest.mark.parametrize("use_all", [pytest.param(False, marks=pytest.mark.slow), True])
def test_objects_that_appear_later(use_all: bool, bench: Bench) -> None:
    """One upstream session an object, from its first mask on, as vos_separate_inference_per_object."""
    folder, clip, labels = bench.clip(2)
    prompts = {0: np.where(labels[0] == 2, 0, labels[0]), 4: labels[4], 7: labels[7]}
    inputs: dict[int, dict[int, np.ndarray]] = defaultdict(dict)
    for frame, map_ in prompts.items():
        for object_id, mask in objects_of(map_).items():
            if use_all or not inputs[object_id]:
                inputs[object_id][frame] = mask
    expected = {frame: torch.full((2, 1, clip.height, clip.width), -1024.0) for frame in range(FRAMES)}
    for object_id, masks in inputs.items():
        alone = bench.upstream(MODELS[1], folder, {frame: {object_id: mask} for frame, mask in masks.items()}, 3)
        for frame, logits in alone.items():
            expected[frame][object_id - 1] = logits[0]
    segmenter = bench.ours(MODELS[1], 3, track_object_appearing_later_in_video=True, use_all_masks=use_all, exact=True)
    assert worst(list(segmenter.raw_logits(clip, prompts)), expected) == 0
    segmenter.close()


def test_apply_postprocessing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Upstream with its CUDA connected components replaced by scikit-image's; holes there must be to fill."""
    from skimage.measure import label, regionprops

    filled = 0

    def components(mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        nonlocal filled
        labels = np.stack([label(m[0].numpy(), connectivity=2)[None] for m in mask])
        areas = np.zeros_like(labels)
        for n in range(len(labels)):
            for region in regionprops(labels[n, 0]):
                areas[n, 0][labels[n, 0] == region.label] = region.area
        filled += int(((labels > 0) & (areas <= 8)).sum())
        return torch.from_numpy(labels), torch.from_numpy(areas)

    monkeypatch.setattr("sam2.utils.misc.get_connected_components", components)
    folder, clip, labels = bench.clip(2)
    pierced = labels[0].copy()
    row, column = np.argwhere(pierced == 1).mean(0).astype(int)
    pierced[row : row + 6, column : column + 6] = (
        0  # 2 x 2 pixels at the decoder's resolution: a hole in the prompt too
    )
    expected = bench.upstream(MODELS[1], folder, {0: objects_of(pierced)}, postprocessing=True, side=SIDE)
    assert filled > 0
    segmenter = bench.ours(MODELS[1], apply_postprocessing=True, exact=True, image_size=SIDE)
    assert worst(list(segmenter.raw_logits(clip, {0: pierced})), expected) == 0
    assert segmenter.facts()["hole_filling"] == "scipy.ndimage"
    segmenter.close()


# --- engines that are wrong on purpose: each must miss the tolerance tenfold ---


def roll_rows(segmenter: Sam2Segmenter, patch: pytest.MonkeyPatch) -> None:
    predictor = segmenter.predictor
    predictor.maskmem_tpos_enc = torch.nn.Parameter(predictor.maskmem_tpos_enc.roll(1, 0))


def forgetful(back: int, what: str) -> Callable[[Sam2Segmenter, pytest.MonkeyPatch], None]:
    """An engine that loses the frame so many steps back, or only its spatial memory's frame."""

    def spoil(segmenter: Sam2Segmenter, patch: pytest.MonkeyPatch) -> None:
        real = sam2_engine.VideoTracker._forget

        def forget(tracker: sam2_engine.VideoTracker, group: sam2_engine.ObjectGroup, upcoming: int) -> None:
            real(tracker, group, upcoming)
            group.memory["non_cond_frame_outputs"].pop(upcoming - back, None)

        patch.setattr(sam2_engine.VideoTracker, "_forget", forget)

    spoil.__name__ = what
    return spoil


def one_slot_less(segmenter: Sam2Segmenter, patch: pytest.MonkeyPatch) -> None:
    predictor = segmenter.predictor
    predictor.maskmem_tpos_enc = torch.nn.Parameter(predictor.maskmem_tpos_enc[[0, 1, 3]])
    predictor.num_maskmem -= 1


def swap_prompts(segmenter: Sam2Segmenter, patch: pytest.MonkeyPatch) -> None:
    real = Sam2Segmenter._objects_of

    def swapped(self: Sam2Segmenter, clip: ArrayClip, prompts: Mapping[int, LabelMap]) -> Any:
        objects = real(self, clip, prompts)
        return {1: objects[2], 2: objects[1]}

    patch.setattr(Sam2Segmenter, "_objects_of", swapped)


def take_naive(segmenter: Sam2Segmenter, patch: pytest.MonkeyPatch) -> None:
    assert segmenter._loaded is not None
    sam2_video.set_memory_size(segmenter.predictor, segmenter._loaded.trained_rows, 4, sam2_video.MemoryMode.NAIVE)


def nothing(segmenter: Sam2Segmenter, patch: pytest.MonkeyPatch) -> None:
    """The engine as it is: the same comparison must pass."""


@pytest.mark.parametrize("model", [pytest.param("sam2_hiera_tiny", marks=pytest.mark.slow), "sam2.1_hiera_tiny"])
@pytest.mark.parametrize(
    "spoil",
    [
        nothing,
        roll_rows,
        swap_prompts,
        forgetful(8, "lose_a_pointer"),
        forgetful(3, "lose_a_memory_frame"),
        one_slot_less,
        take_naive,
    ],
    ids=lambda spoil: spoil.__name__,
)
def test_a_wrong_engine_is_seen(
    model: str,
    spoil: Callable[[Sam2Segmenter, pytest.MonkeyPatch], None],
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, clip, labels = bench.clip(2)
    expected = bench.upstream(model, folder, {0: objects_of(labels[0])}, 4, "position_preserving")
    del expected[0]  # the prompts themselves: what counts is what the memory makes of them
    segmenter = bench.ours(model, 4, "position_preserving")
    spoil(segmenter, monkeypatch)
    found = [logits.clone() for logits in segmenter.raw_logits(clip, {0: labels[0]})]
    found[0] = torch.full_like(found[0], -1024)
    segmenter.close()
    difference = worst(found, expected)
    if spoil is nothing:
        assert difference < TOLERANCE
    else:
        assert difference > 10 * TOLERANCE
