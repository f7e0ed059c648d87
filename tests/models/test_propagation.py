from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.models.arrays import ArrayClip, gliding_disks, load, overlap
from vos_core.models.local_features import CHANNELS, local_features
from vos_core.models.memory_bank import Memory, MemoryBank
from vos_core.models.optical_flow import pixel_grid


@pytest.mark.parametrize("memory_size", [1, 2, 7])
@pytest.mark.parametrize(
    "steps", [[(3.0, 0.0)], [(2.0, 1.0), (-2.0, -1.0)], [(0.0, 0.0)], [(1.0, 1.0), (0.0, -2.0), (-1.0, 0.0)]]
)
def test_follows_what_moves(steps: list[tuple[float, float]], memory_size: int) -> None:
    pictures, masks = gliding_disks(8, steps)
    out = list(load("propagation", memory_size).segment(ArrayClip(pictures), {0: masks[0]}))
    assert len(out) == 8
    assert np.array_equal(out[0], masks[0])
    for value in range(1, len(steps) + 1):
        assert overlap(out[-1], masks[-1], value) >= 0.85


def test_ids_are_the_prompts_even_with_gaps() -> None:
    pictures, masks = gliding_disks(4, [(2.0, 0.0), (-1.0, 1.0)])
    renamed = np.array([0, 3, 200], np.uint8)
    out = list(load("propagation", 3).segment(ArrayClip(pictures), {0: renamed[masks[0]]}))
    plain = list(load("propagation", 3).segment(ArrayClip(pictures), {0: masks[0]}))
    for labels, same in zip(out, plain):
        assert np.array_equal(labels, renamed[same])


@pytest.mark.parametrize("named", ["all", "the new one"])
def test_an_object_prompted_later_joins(named: str) -> None:
    pictures, masks = gliding_disks(8, [(2.0, 0.0), (-1.0, 1.0)])
    first = np.where(masks[0] == 1, 1, 0).astype(np.uint8)
    joining = masks[3] if named == "all" else np.where(masks[3] == 2, 2, 0).astype(np.uint8)
    out = list(load("propagation", 4).segment(ArrayClip(pictures), {0: first, 3: joining}))
    assert set(np.unique(out[2])) == {0, 1}
    assert np.array_equal(out[3] == 2, masks[3] == 2)
    assert overlap(out[-1], masks[-1], 1) > 0.8
    assert overlap(out[-1], masks[-1], 2) > 0.8


def test_nothing_is_seen_before_the_first_prompt() -> None:
    pictures, masks = gliding_disks(4, [(2.0, 0.0)])
    out = list(load("propagation", 2).segment(ArrayClip(pictures), {2: masks[2]}))
    assert not out[0].any()
    assert not out[1].any()
    assert overlap(out[3], masks[3], 1) > 0.8


def test_streams() -> None:
    pictures, masks = gliding_disks(6, [(2.0, 0.0)])
    clip = ArrayClip(pictures)
    masks_out = load("propagation", 2).segment(clip, {0: masks[0]})
    next(masks_out), next(masks_out)
    assert clip.asked == 1


def test_equal_input_gives_equal_masks_whatever_the_threads() -> None:
    import cv2

    pictures, masks = gliding_disks(5, [(2.0, 1.0), (-2.0, -1.0)])
    segmenter = load("propagation", 5)
    before = cv2.getNumThreads()
    try:
        results = []
        for threads in (1, 2, 1):
            cv2.setNumThreads(threads)
            results.append(np.stack(list(segmenter.segment(ArrayClip(pictures), {0: masks[0]}))))
    finally:
        cv2.setNumThreads(before)
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2]), "a second video must not see the first one's memory"


def test_memory_size_is_what_it_looks_at(monkeypatch: pytest.MonkeyPatch) -> None:
    from vos_core.models.propagation import PropagationSegmenter

    seen: list[int] = []
    true = PropagationSegmenter._propagate

    def watched(self: PropagationSegmenter, features: np.ndarray, bank: MemoryBank, stride: int) -> np.ndarray:
        seen.append(len(bank))
        return true(self, features, bank, stride)

    monkeypatch.setattr(PropagationSegmenter, "_propagate", watched)
    pictures, masks = gliding_disks(9, [(1.0, 0.0)])
    for size, expected in [(1, [1] * 8), (2, [1] + [2] * 7), (5, [1, 2, 3, 4, 5, 5, 5, 5])]:
        seen.clear()
        list(load("propagation", size).segment(ArrayClip(pictures), {0: masks[0]}))
        assert seen == expected


def _memory(value: int) -> Memory:
    return Memory(np.zeros((2, 2, CHANNELS), np.float32), np.full((4, 4), value, np.uint8), pixel_grid(4, 4))


@pytest.mark.parametrize(("size", "kept"), [(1, [0]), (2, [0, 9]), (4, [0, 7, 8, 9]), (20, list(range(10)))])
def test_bank_keeps_the_prompt_and_the_latest(size: int, kept: list[int]) -> None:
    bank = MemoryBank(size)
    bank.prompt(_memory(0))
    for value in range(1, 10):
        bank.add(_memory(value))
    assert [int(memory.labels[0, 0]) for memory in bank] == kept
    assert len(bank) == len(kept)


def test_bank_accumulates_flow() -> None:
    bank = MemoryBank(2)
    bank.prompt(_memory(0))
    for _ in range(2):
        bank.advance(pixel_grid(4, 4) + np.array((1, 0), np.float32))
    assert next(iter(bank)).where[2, :, 0].tolist() == [2, 3, 3, 3]  # the border is where it ends


def test_features_tell_colour_and_direction_apart_and_not_the_light() -> None:
    stripes = np.where(np.arange(64) // 4 % 2, 180, 90).astype(np.uint8)
    upright = np.repeat(np.tile(stripes, (64, 1))[..., None], 3, axis=2)
    lying = upright.transpose(1, 0, 2).copy()
    dimmed = (upright * 0.85).astype(np.uint8)
    reddish = np.clip(upright * np.array((1.25, 0.9, 0.9)), 0, 255).astype(np.uint8)
    kinds = {"upright": upright, "lying": lying, "dimmed": dimmed, "reddish": reddish}
    middle = {name: local_features(picture, 4)[4:12, 4:12].mean(axis=(0, 1)) for name, picture in kinds.items()}
    distance = {(a, b): float(((middle[a] - middle[b]) ** 2).sum()) for a, b in itertools.combinations(middle, 2)}
    assert local_features(upright, 4).shape == (16, 16, CHANNELS)
    assert distance["upright", "lying"] > 4 * distance["upright", "dimmed"]
    assert distance["upright", "reddish"] > 1.5 * distance["upright", "dimmed"]


@pytest.mark.parametrize(("height", "width"), [(120, 201), (97, 64), (241, 130)])
def test_any_size_of_frame(height: int, width: int) -> None:
    pictures, masks = gliding_disks(3, [(1.0, 0.0)], height, width)
    for labels in load("propagation", 2).segment(ArrayClip(pictures), {0: masks[0]}):
        assert labels.shape == (height, width)
        assert labels.dtype == np.uint8


@pytest.mark.slow
def test_on_real_frames_memory_beats_flow_and_flow_beats_stillness(shared_data) -> None:
    """The order is claimed for the mean J&F over all five videos, not for each of them."""
    from vos_core.datasets import open_dataset
    from vos_core.evaluation.scorer import VideoScorer
    from vos_core.frames import VideoClip
    from vos_core.prompts import read_prompts

    dataset = open_dataset(shared_data / "davis-real" / "DAVIS")
    means = []
    for segmenter in (load("static"), load("flow"), load("propagation", 7)):
        scores = []
        for name in dataset.video_names():
            video = dataset.video(name)
            scorer = VideoScorer(name, video.annotations)
            clip = VideoClip(video)
            for stem, labels in zip(video.stems, segmenter.segment(clip, read_prompts(video))):
                scorer.add(stem, labels)
            clip.close()
            scores += [np.nanmean(values) for o in scorer.finish().objects for values in (o.j, o.f)]
        means.append(float(np.mean(scores)))
    static, flow, propagation = means
    assert static < flow < propagation
