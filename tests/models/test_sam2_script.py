"""The files that a run writes against those of `tools/vos_inference.py`, for the flags that change what is read and
written: objects one PNG each, objects that appear later, all masks as prompts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.clips import write_dataset
from tests.models.sam2_random import Oracle, label_map, objects_of, write_checkpoint
from vos_core.datasets import open_dataset
from vos_core.datasets.layout import Video
from vos_core.errors import Cancelled
from vos_core.home import Home
from vos_core.inference import segment_video
from vos_core.masks import read_mask, read_palette, write_mask
from vos_core.models import sam2_video
from vos_core.models.sam2_engine import VideoTracker
from vos_core.models.sam2_settings import prompting_of
from vos_core.models.sam2_video import load
from vos_core.per_object import object_folders, read_binary, read_per_object
from vos_core.runs import RunSettings

MODEL = "sam2.1_hiera_tiny"
SIDE = 64
FRAMES = 6
Masks = dict[str, dict[int, np.ndarray]]  # frame -> object -> bool (H, W)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    home = Home.from_environment({}, cwd=tmp_path_factory.mktemp("script"))
    write_checkpoint(home.checkpoints, MODEL, stirred=True)
    yield home
    sam2_video.free_parked()
    torch.set_num_threads(threads)


def label_map_video(root: Path) -> Video:
    """Object 2 is not there before frame 2; frame 4 has no annotation."""
    write_dataset(root, {"v": FRAMES})
    for path in sorted((root / "Annotations/480p/v").glob("*.png")):
        labels = read_mask(path)
        if int(path.stem) < 2:
            labels[labels == 2] = 0
        labels[-3:, -3:] = 255 if int(path.stem) == 2 else 0  # void is no object
        write_mask(path, labels)
    (root / "Annotations/480p/v/00004.png").unlink()
    return open_dataset(root).video("v")


def object_folder_video(root: Path) -> Video:
    """Objects 0 and 5 overlap; 5 is first annotated on frame 3, by an empty mask before that."""
    write_dataset(root, {"v": FRAMES})
    folder = root / "Annotations/480p/v"
    for path in sorted(folder.glob("*.png")):
        labels, index = read_mask(path), int(path.stem)
        shared = np.roll(labels == 1, (5, 3), (0, 1))
        for object_id, mask in ((0, labels == 1), (5, shared & (index >= 3))):
            if object_id == 5 and index < 2:
                continue
            target = folder / f"{object_id:03d}" / path.name
            target.parent.mkdir(exist_ok=True)
            write_mask(target, mask.astype(np.uint8))
        path.unlink()
    return open_dataset(root).video("v")


def inputs_of(video: Video, stem: str) -> dict[int, np.ndarray]:
    """`load_masks_from_dir` with allow_missing: what is annotated on a frame, void dropped."""
    if video.per_object is not None:
        paths = {k: folder / f"{stem}.png" for k, folder in object_folders(video.per_object).items()}
        return {k: read_binary(path) for k, path in paths.items() if path.exists()}
    if stem not in video.annotations:
        return {}
    labels = read_mask(video.annotations[stem])
    return objects_of(np.where(labels == 255, 0, labels))


def script(predictor: Any, video: Video, flags: dict[str, bool]) -> Masks:
    """`vos_inference` and `vos_separate_inference_per_object`: masks of every frame by object, after non-overlap."""
    apart, every = flags.get("per_obj_png_file", False), flags.get("use_all_masks", False)
    folder = video.frames[0].parent
    found = {index: inputs for index, stem in enumerate(video.stems) if (inputs := inputs_of(video, stem))}
    if not flags.get("track_object_appearing_later_in_video"):
        prompts = found if every else {0: found[0]}
        logits = Oracle.logits(predictor, folder, prompts)
        ids = sorted({k for masks in prompts.values() for k in masks})
    else:
        inputs: dict[int, dict[int, np.ndarray]] = {}
        for index, masks in found.items():
            for k, mask in masks.items():
                if mask.any() and (every or k not in inputs):
                    inputs.setdefault(k, {})[index] = mask
        ids = sorted(inputs)
        height, width = next(iter(found[min(found)].values())).shape
        logits = {index: torch.full((len(ids), 1, height, width), -1024.0) for index in range(video.length)}
        for row, k in enumerate(ids):
            alone = Oracle.logits(predictor, folder, {index: {k: mask} for index, mask in inputs[k].items()})
            for index, scores in alone.items():
                logits[index][row] = scores[0]
        if not apart:
            logits = {i: predictor._apply_non_overlapping_constraints(scores) for i, scores in logits.items()}
    if not apart:
        maps = {index: label_map(scores, ids) for index, scores in logits.items()}
        return {video.stems[index]: {k: labels == k for k in ids} for index, labels in maps.items()}
    return {
        video.stems[index]: {k: (scores[row, 0] > 0).numpy() for row, k in enumerate(ids)}
        for index, scores in logits.items()
    }


APART, LATER, EVERY = "per_obj_png_file", "track_object_appearing_later_in_video", "use_all_masks"


@pytest.mark.parametrize(
    ("make", "flags"),
    [
        (label_map_video, {LATER}),
        (label_map_video, {LATER, APART}),
        pytest.param(label_map_video, {LATER, EVERY}, marks=pytest.mark.slow),
        pytest.param(label_map_video, {APART}, marks=pytest.mark.slow),
        (object_folder_video, {LATER, APART}),
        pytest.param(object_folder_video, {LATER, APART, EVERY}, marks=pytest.mark.slow),
    ],
    ids=lambda value: "+".join(sorted(value)) if isinstance(value, set) else value.__name__,
)
def test_files_are_those_of_the_script(make: Any, flags: set[str], weights: Home, tmp_path: Path) -> None:
    video = make(tmp_path / "data")
    options = {**dict.fromkeys(flags, True), "device": "cpu", "exact": True, "image_size": SIDE}
    settings = RunSettings("D", "data:D", "val", MODEL, 7, "naive", (), tuple(sorted(options.items())))
    oracle = Oracle(MODEL, weights.checkpoints / f"{MODEL}.pt", image_size=SIDE)
    non_overlap = APART not in flags and LATER not in flags
    expected = script(oracle.predictor(non_overlap=non_overlap), video, dict.fromkeys(flags, True))
    out = tmp_path / "out"
    out.mkdir()
    segmenter = load(settings, weights)
    handed = []
    segment_video(
        segmenter,
        video,
        out,
        prompting=prompting_of(settings),
        apart=APART in flags,
        on_frame=lambda index, mask: handed.append(index),
    )
    segmenter.close()
    assert handed == list(range(FRAMES)) and list(expected) == list(video.stems)
    apart_late = [stem for stem, masks in expected.items() if not all(mask.any() for mask in masks.values())]
    for stem, masks in expected.items():
        if APART in flags:
            found = read_per_object(out, stem)
            assert [path.name for path in sorted(out.iterdir())] == [f"{k:03d}" for k in sorted(masks)]
            assert set(np.unique(read_mask(out / f"{max(masks):03d}" / f"{stem}.png"))) <= {0, 1}
        else:
            labels = read_mask(out / f"{stem}.png")
            found = {k: labels == k for k in masks}
        assert list(found) == list(masks)
        for k, mask in masks.items():
            assert np.array_equal(found[k], mask), f"frame {stem}, object {k}"
    some = next(out.rglob("*.png"))
    if video.annotations:
        assert read_palette(some) == read_palette(next(iter(video.annotations.values())))
    if LATER in flags:
        assert apart_late and apart_late[0] == video.stems[0], "the later object is not there at first"
    if APART in flags and make is object_folder_video:
        assert any((masks[0] & masks[5]).any() for masks in expected.values()), "nothing overlaps: proves nothing"


@pytest.mark.parametrize("frames_at_once", [1, 4])
def test_a_stop_in_mid_video_does_no_more_than_two_frames(
    frames_at_once: int, weights: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked to stop while frame 3 is at hand: frames through the memory are counted, whatever was encoded ahead."""
    write_dataset(tmp_path / "data", {"v": 16})
    video = open_dataset(tmp_path / "data").video("v")
    options = {"device": "cpu", "image_size": SIDE, "frames_at_once": frames_at_once}
    segmenter = load(RunSettings("D", "d", "val", MODEL, 7, "naive", (), tuple(sorted(options.items()))), weights)
    advanced: list[int] = []
    real = VideoTracker.advance

    def advance(tracker: VideoTracker, frame: int, features: Any) -> torch.Tensor:
        advanced.append(frame)
        return real(tracker, frame, features)

    monkeypatch.setattr(VideoTracker, "advance", advance)
    handed: list[int] = []
    with pytest.raises(Cancelled, match="Video v was stopped at frame 00004"):
        segment_video(
            segmenter,
            video,
            tmp_path,
            on_frame=lambda index, mask: handed.append(index),
            should_stop=lambda: bool(handed) and handed[-1] >= 3,
        )
    segmenter.close()
    assert handed == [0, 1, 2, 3]
    assert max(advanced) <= 5 and len(advanced) <= 6


def test_a_stop_is_heard_while_frames_are_done_anew(
    weights: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory runs out at frame 20, and what is done anew up to there gives no mask: it is stopped by what it reads."""
    write_dataset(tmp_path / "data", {"v": 30})
    video = open_dataset(tmp_path / "data").video("v")
    options = {"device": "cpu", "image_size": SIDE, "frames_at_once": 2}
    segmenter = load(RunSettings("D", "d", "val", MODEL, 7, "naive", (), tuple(sorted(options.items()))), weights)
    advanced: list[int] = []
    real = VideoTracker.advance

    def advance(tracker: VideoTracker, frame: int, features: Any) -> torch.Tensor:
        advanced.append(frame)
        if frame == 20:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return real(tracker, frame, features)

    monkeypatch.setattr(VideoTracker, "advance", advance)
    handed: list[int] = []
    with pytest.raises(Cancelled, match="Video v was stopped"):
        segment_video(
            segmenter,
            video,
            tmp_path,
            on_frame=lambda index, mask: handed.append(index),
            should_stop=lambda: advanced[-2:] == [2, 3] and 20 in advanced,
        )
    segmenter.close()
    assert handed == list(range(20))
    assert advanced == [*range(21), 0, 1, 2, 3]
