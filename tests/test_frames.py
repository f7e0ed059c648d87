"""Frames decoded by OpenCV are, bit for bit, Pillow's; what OpenCV would decode otherwise goes to Pillow."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vos_core.datasets.layout import Video
from vos_core.errors import InputError
from vos_core.frame_files import open_frame
from vos_core.frames import VideoClip, is_plain_jpeg, read_picture


def smooth_noise(height: int, width: int, bands: int = 3) -> np.ndarray:
    """Colours that JPEG's chroma sampling, its blocks and its edges all have something to do with."""
    random = np.random.default_rng(height * width)
    coarse = random.integers(0, 256, (height // 5 + 1, width // 5 + 1, bands), dtype=np.uint8)
    fine = coarse.repeat(5, 0).repeat(5, 1)[:height, :width].astype(np.int16)
    return np.clip(fine + random.integers(-20, 21, fine.shape), 0, 255).astype(np.uint8)


def encoded(picture: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees", which upstream's Pillow does not do
    return exif


COLOUR = Image.fromarray(smooth_noise(97, 141))
KINDS = {
    "plain": (encoded(COLOUR, quality=92), True),
    "small": (encoded(Image.fromarray(smooth_noise(1, 1))), True),
    "odd": (encoded(Image.fromarray(smooth_noise(31, 17)), subsampling="4:2:0"), True),
    "wide": (encoded(Image.fromarray(smooth_noise(9, 1201)), quality=30), True),
    "4:4:4": (encoded(COLOUR, subsampling="4:4:4"), True),
    "4:2:2": (encoded(COLOUR, subsampling="4:2:2"), True),
    "4:2:0": (encoded(COLOUR, subsampling="4:2:0"), True),
    "4:1:1": (encoded(COLOUR, subsampling="4:1:1"), True),
    "progressive": (encoded(COLOUR, progressive=True, quality=70), True),
    "restart markers": (encoded(COLOUR, restart_marker_blocks=3), True),
    "optimised": (encoded(COLOUR, optimize=True, quality=100), True),
    "EXIF says turned": (encoded(COLOUR, exif=turned()), True),
    "with a comment and a profile": (encoded(COLOUR, comment=b"\xff\xc0 no frame", icc_profile=b"profile" * 30), True),
    "grey": (encoded(COLOUR.convert("L")), True),
    "grey progressive": (encoded(COLOUR.convert("L"), progressive=True), True),
    "stored as RGB": (encoded(COLOUR, keep_rgb=True), False),
    "CMYK": (encoded(COLOUR.convert("CMYK")), False),
    "junk behind the end": (encoded(COLOUR) + b"junk", True),
    "PNG": (encoded(COLOUR, "PNG"), False),
    "palette PNG": (encoded(COLOUR.convert("P"), "PNG"), False),
}


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_are_pillows(kind: str, tmp_path: Path) -> None:
    data, plain = KINDS[kind]
    path = tmp_path / "00000.jpg"
    path.write_bytes(data)
    expected = np.asarray(Image.open(path).convert("RGB"))
    found = read_picture(path)
    assert found.dtype == np.uint8 and found.flags.c_contiguous
    assert np.array_equal(found, expected)
    if kind != "stored as RGB":  # whether Pillow marks these as Adobe's is its own affair
        assert is_plain_jpeg(data) == plain


def test_every_real_frame_is_pillows(shared_data: Path) -> None:
    paths = sorted(shared_data.glob("*/DAVIS/JPEGImages/480p/*/*.jpg"))
    assert len(paths) > 300
    for path in paths:
        assert is_plain_jpeg(path.read_bytes()), path
        assert np.array_equal(read_picture(path), np.asarray(Image.open(path).convert("RGB"))), path


@pytest.mark.parametrize("kept", [0, 3, 20, 400, -2])
def test_a_cut_file_is_told(kept: int, tmp_path: Path) -> None:
    """No part of a picture is made up (older OpenCV filled the missing part with grey and said nothing)."""
    path = tmp_path / "00000.jpg"
    path.write_bytes(KINDS["plain"][0][:kept])
    with pytest.raises(InputError, match=r"Frame .*00000\.jpg cannot be decoded"):
        read_picture(path)


@pytest.mark.parametrize("kind", ["BMP", "EPS", "GIF", "TIFF", "WEBP"])
def test_other_formats_are_told(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "00000.jpg"
    path.write_bytes(encoded(COLOUR, kind))
    with pytest.raises(InputError, match=r"Frame .*00000\.jpg cannot be decoded \(it is neither a JPEG nor a PNG\)"):
        read_picture(path)
    with pytest.raises(InputError, match=r"Frame .*00000\.jpg cannot be read \(it is neither a JPEG nor a PNG\)"):
        VideoClip(Video("video", (path,), {}))


def test_a_jpeg_that_pillow_takes_for_mpo(tmp_path: Path) -> None:
    """Some cameras put a second picture behind the first; the file is a JPEG all the same."""
    path = tmp_path / "00000.jpg"
    path.write_bytes(encoded(COLOUR, "MPO", save_all=True, append_images=[COLOUR]))
    with Image.open(path) as image:
        assert image.format == "MPO"
        expected = np.asarray(image.convert("RGB"))
    assert np.array_equal(read_picture(path), expected)
    with open_frame(path) as image:
        assert np.array_equal(np.asarray(image.convert("RGB")), expected)


def test_a_pipe_is_told(tmp_path: Path, no_waiting: None) -> None:
    path = tmp_path / "00000.jpg"
    os.mkfifo(path)
    with pytest.raises(InputError, match=r"Frame .*00000\.jpg cannot be decoded \(it is a pipe, not a file\)"):
        read_picture(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Frame .*00000\.jpg is missing"):
        read_picture(tmp_path / "00000.jpg")


def video_of(folder: Path, frames: int) -> Video:
    folder.mkdir(parents=True)
    for index in range(frames):
        Image.fromarray(np.full((8, 10, 3), index, np.uint8)).save(folder / f"{index:05d}.png")
    return Video("video", tuple(sorted(folder.iterdir())), {})


def test_a_clip_holds_a_window_whatever_its_length(tmp_path: Path) -> None:
    clip = VideoClip(video_of(tmp_path / "v", 60), ahead=4, behind=2)
    for index in range(60):
        assert int(clip[index][0, 0, 0]) == index
        assert len(clip._window) <= 4 + 2 + 1
    clip.close()


def test_a_started_clip_has_its_first_frames_before_they_are_asked_for(tmp_path: Path) -> None:
    video = video_of(tmp_path / "v", 30)
    clip = VideoClip(video, ahead=3)
    clip.start()
    for future in list(clip._window.values()):
        future.result()
    assert sorted(clip._window) == [0, 1, 2, 3]
    for path in video.frames[:4]:
        path.unlink()
    assert [int(clip[index][0, 0, 0]) for index in range(5)] == [0, 1, 2, 3, 4]
    clip.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decode")]
