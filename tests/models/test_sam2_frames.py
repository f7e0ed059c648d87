"""Frames are, bit for bit, what upstream feeds its encoder; only a few are read ahead."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.models.sam2_random import ArrayClip
from vos_core.models.sam2_frames import Normaliser, frames_ahead, read_ahead
from vos_core.models.sam2_resize import resize_frame


def upstream_images(folder: Path, side: int) -> torch.Tensor:
    from sam2.utils.misc import load_video_frames

    return load_video_frames(str(folder), side, offload_video_to_cpu=True, compute_device=torch.device("cpu"))[0]


@pytest.mark.parametrize(("size", "side"), [((480, 854), 1024), ((96, 160), 128), ((64, 64), 64), ((301, 77), 256)])
def test_bits_are_upstreams(size: tuple[int, int], side: int, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    pictures = []
    for frame in range(2):
        path = tmp_path / f"{frame}.jpg"
        Image.fromarray(random.integers(0, 256, (*size, 3), dtype=np.uint8)).save(path, quality=90)
        pictures.append(np.array(Image.open(path).convert("RGB")))
    ours = Normaliser(torch.device("cpu"))([resize_frame(picture, side) for picture in pictures])
    assert ours.dtype == torch.float32
    assert torch.equal(ours, upstream_images(tmp_path, side))


def test_real_frames(shared_data: Path, tmp_path: Path) -> None:
    frames = sorted((shared_data / "davis-real" / "DAVIS" / "JPEGImages" / "480p").glob("*/00000.jpg"))
    assert frames
    for n, path in enumerate(frames):
        shutil.copy(path, tmp_path / f"{n}.jpg")
    ours = [
        Normaliser(torch.device("cpu"))([resize_frame(np.array(Image.open(path).convert("RGB")), 1024)])[0]
        for path in frames
    ]
    assert torch.equal(torch.stack(ours), upstream_images(tmp_path, 1024))


def test_every_value_of_every_channel() -> None:
    picture = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, 2)
    expected = torch.from_numpy(picture / 255.0).permute(2, 0, 1).float()
    expected -= torch.tensor((0.485, 0.456, 0.406))[:, None, None]
    expected /= torch.tensor((0.229, 0.224, 0.225))[:, None, None]
    assert torch.equal(Normaliser(torch.device("cpu"))([picture])[0], expected)


def test_lookup_on_a_device_is_the_same_as_on_the_cpu() -> None:
    """The path for GPUs, run here on the CPU: pinning is the only step left out."""
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    normaliser = Normaliser(torch.device("cpu"))
    expected = normaliser([picture, picture[::-1].copy()])
    pixels = torch.from_numpy(np.stack([picture, picture[::-1]]))
    assert torch.equal(normaliser._looked_up(pixels), expected)


def clip_of(frames: int) -> ArrayClip:
    return ArrayClip(np.arange(frames, dtype=np.uint8)[:, None, None, None].repeat(8, 1).repeat(8, 2).repeat(3, 3))


@pytest.mark.parametrize("frames", [0, 1, 3, 40])
def test_frames_come_in_order(frames: int) -> None:
    read = list(read_ahead(clip_of(frames), range(frames), 4))
    assert [int(picture[0, 0, 0]) for picture in read] == list(range(frames))
    assert all(picture.shape == (4, 4, 3) for picture in read)


@pytest.mark.parametrize(("at_once", "ahead"), [(1, 6), (3, 6), (4, 8), (64, 128)])
def test_a_batch_is_made_ready_while_one_is_done(at_once: int, ahead: int) -> None:
    assert frames_ahead(at_once) == ahead


def test_only_a_few_are_read_ahead_and_stopping_ends_the_threads() -> None:
    clip = clip_of(200)
    reader = read_ahead(clip, range(200), 4, threads=2, ahead=5)
    for _ in range(10):
        next(reader)
    assert max(clip.reads) <= 10 + 5
    reader.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("sam2-frames")]


def test_a_frame_that_cannot_be_read_ends_the_reading_and_its_threads() -> None:
    with pytest.raises(IndexError):
        list(read_ahead(clip_of(3), [0, 1, 7], 4))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("sam2-frames")]
