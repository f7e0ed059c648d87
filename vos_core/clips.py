"""Clips: a video's frames with the masks of its annotation and of runs beside each other, as MP4 or GIF.

Frames are drawn and written one at a time: memory does not grow with an MP4's length (a GIF's frames are kept until it
is written, so its length is bounded). Runs may be of any number; knows nothing of a database.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image

from vos_core.datasets.layout import Video
from vos_core.errors import InputError
from vos_core.frame_files import UNREADABLE, frame_size, open_frame, why_unreadable
from vos_core.masks import MissingMask
from vos_core.overlays import ERROR_COLOURS, GAP, Mask, Picture, error_overlay, overlay, resized, side_by_side

KINDS = ("mp4", "gif")
FPS = 24.0
MOST_FPS = 60.0
MOST_FRAMES = {"mp4": 20_000, "gif": 400}
_WIDEST = {"mp4": 1920, "gif": 640}  # pixels of the whole sheet: what decoders of phones and slides take
_SAMPLES = 8  # frames that a GIF's palette is made of


class View(StrEnum):
    """What the panes of runs show."""

    OVERLAY = "overlay"
    ERROR = "error"


@dataclass(frozen=True)
class Layer:
    """Masks of one video: `read` gives a frame's label map uint8 (H, W) by its stem, or raises MissingMask."""

    title: str
    read: Callable[[str], Mask]


@dataclass(frozen=True)
class ClipSource:
    """What stands beside each other: the picture, what the runs are held against if there is such, and the runs."""

    video: Video
    truth: Layer | None
    runs: tuple[Layer, ...]

    @property
    def panes(self) -> int:
        """How many pictures stand beside each other."""
        return 1 + (self.truth is not None) + len(self.runs)

    @property
    def columns(self) -> int:
        """Panes in a row: up to three in one row, more in a block that is about as wide as high."""
        return self.panes if self.panes <= 3 else math.ceil(math.sqrt(self.panes))


@dataclass(frozen=True)
class Stretch:
    """Frames `start` to `end` (indices, inclusive) at `fps` frames a second."""

    start: int
    end: int
    fps: float = FPS

    @property
    def frames(self) -> int:
        """How many they are."""
        return self.end - self.start + 1


def stretch_of(video: Video, kind: str, start: int | None, end: int | None, fps: float | None) -> Stretch:
    """The asked part of a video, None being its first frame, its last, and 24 a second.

    Raises InputError for frames that the video does not have, too many of them, or another rate than 1 to 60.
    """
    first, last = 0 if start is None else start, video.length - 1 if end is None else end
    if not 0 <= first <= last < video.length:
        raise InputError(
            f"Video {video.name} has frames 0 to {video.length - 1}: {first} to {last} is no part of it; give a start "
            "and an end among them."
        )
    rate = FPS if fps is None else fps
    if not 1 <= rate <= MOST_FPS:
        raise InputError(f"A clip plays at 1 to {MOST_FPS:g} frames a second, not {rate:g}.")
    stretch = Stretch(first, last, rate)
    if stretch.frames > MOST_FRAMES[kind]:
        raise InputError(
            f"{stretch.frames:,} frames are too many for one {kind.upper()}: ask for at most {MOST_FRAMES[kind]:,} of "
            f"them by a start and an end{', or for an MP4' if kind == 'gif' else ''}."
        )
    return stretch


def panes(
    source: ClipSource, index: int, view: View = View.OVERLAY, size: tuple[int, int] | None = None
) -> list[tuple[str, Picture]]:
    """(title, picture) of every pane of a frame (index), at `size` (width, height; None: as stored).

    A run without a mask of the frame shows the bare picture and says so.
    """
    stem = source.video.stems[index]
    picture = _picture(source.video.frames[index], size)
    shape = (picture.shape[1], picture.shape[0])
    truth = None if source.truth is None else _mask(source.truth, stem, shape)
    shown = [(f"{source.video.name} {stem}", picture)]
    if source.truth is not None:
        shown.append(_pane(source.truth.title, picture, truth))
    for layer in source.runs:
        mask = _mask(layer, stem, shape)
        if view is View.ERROR and mask is not None and truth is not None:
            shown.append((layer.title, error_overlay(picture, truth, mask)))
        else:
            shown.append(_pane(layer.title, picture, mask))
    return shown


def sheet(
    source: ClipSource, index: int, view: View = View.OVERLAY, size: tuple[int, int] | None = None
) -> Image.Image:
    """The panes of a frame in rows, with what the error view's colours mean."""
    legend = ERROR_COLOURS if view is View.ERROR else {}
    return side_by_side(panes(source, index, view, size), source.columns, legend)


def write_clip(source: ClipSource, stretch: Stretch, path: Path, kind: str, view: View = View.OVERLAY) -> None:
    """Draw the stretch into `path` as `kind` (mp4 or gif). Raises InputError where a frame or a mask is damaged."""
    size = pane_size(source, kind)

    def drawn(indices: Sequence[int]) -> Iterator[Image.Image]:
        return (sheet(source, index, view, size) for index in indices)

    indices = range(stretch.start, stretch.end + 1)
    if kind == "mp4":
        _write_mp4(path, drawn(indices), stretch.fps)
    else:
        samples = sorted({int(at) for at in np.linspace(stretch.start, stretch.end, _SAMPLES)})
        _write_gif(path, drawn(indices), _palette(list(drawn(samples))), stretch.fps)


def pane_size(source: ClipSource, kind: str) -> tuple[int, int]:
    """(width, height) of a pane, even as H.264 asks for, so that the sheet is no wider than players take."""
    width, height = frame_size(source.video.frames[0])
    room = (_WIDEST[kind] + GAP) // source.columns - GAP
    share = min(1.0, room / width)
    return max(2, int(width * share) // 2 * 2), max(2, int(height * share) // 2 * 2)


def _write_mp4(path: Path, frames: Iterator[Image.Image], fps: float) -> None:
    import av  # brings ffmpeg: 0.1 s and 30 MB that only clips need
    from av.video.reformatter import ColorRange, Colorspace

    first = next(frames)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as file:
        rate = Fraction(fps).limit_denominator(1000)
        stream = file.add_stream("libx264", rate=rate, options={"preset": "veryfast", "crf": "20"})
        stream.width, stream.height = first.size
        stream.pix_fmt = "yuv420p"  # what every browser plays
        context = stream.codec_context
        context.thread_count = 1  # beside a server
        context.colorspace, context.color_primaries, context.color_trc = 1, 1, 1  # BT.709, said and not guessed
        context.color_range = ColorRange.MPEG
        for image in chain([first], frames):
            frame = av.VideoFrame.from_image(image)
            frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def _write_gif(path: Path, frames: Iterator[Image.Image], palette: Image.Image, fps: float) -> None:
    # One palette and no dithering: what stands still stays the same, and costs nothing.
    indexed = (image.quantize(palette=palette, dither=Image.Dither.NONE) for image in frames)
    first = next(indexed)
    delay = max(2, round(100 / fps)) * 10  # ms, in GIF's hundredths of a second; browsers slow down what is faster
    first.save(path, format="GIF", save_all=True, append_images=indexed, duration=delay, loop=0, optimize=False)


def _palette(samples: Sequence[Image.Image]) -> Image.Image:
    """128 colours for a whole clip, of some of its frames."""
    width, height = samples[0].size
    together = Image.new("RGB", (width, height * len(samples)))
    for at, image in enumerate(samples):
        together.paste(image, (0, at * height))
    return together.quantize(128, method=Image.Quantize.MEDIANCUT)


def _picture(path: Path, size: tuple[int, int] | None) -> Picture:
    """A frame as uint8 RGB (H, W, 3), at `size` (width, height) where given; by Pillow: a server needs no OpenCV."""
    try:
        with open_frame(path) as image:
            if size is not None and size != image.size:
                return np.asarray(image.convert("RGB").resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))
            return np.asarray(image.convert("RGB"))
    except UNREADABLE as error:
        raise InputError(f"Frame {path.name} cannot be read ({why_unreadable(error)}): replace the file.") from error


def _mask(layer: Layer, stem: str, size: tuple[int, int]) -> Mask | None:
    """A frame's label map at `size` (width, height); None where there is none."""
    try:
        return resized(layer.read(stem), size)
    except MissingMask:
        return None


def _pane(title: str, picture: Picture, mask: Mask | None) -> tuple[str, Picture]:
    return (title, overlay(picture, mask)) if mask is not None else (f"{title}: no mask here", picture)
