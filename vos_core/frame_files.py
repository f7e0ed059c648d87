"""A frame's file as Pillow opens it: a JPEG or a PNG, whatever its name, and no other of the formats that Pillow knows
(EPS, for one, starts Ghostscript)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from vos_core.errors import InputError
from vos_core.regular_files import PICTURE_BYTES, open_regular

FORMATS = ("JPEG", "PNG")  # MPO, as some cameras write it, is a JPEG to begin with

# What Pillow raises of a file that is no picture, damaged, or says that it is huge.
UNREADABLE = (OSError, SyntaxError, ValueError, MemoryError, Image.DecompressionBombError)


@contextmanager
def open_frame(path: Path) -> Iterator[Image.Image]:
    """A frame, its header read and its pixels not yet. Raises one of `UNREADABLE`."""
    with open_regular(path, PICTURE_BYTES) as file, frame_in(file) as image:
        yield image


def frame_size(path: Path) -> tuple[int, int]:
    """(width, height) in pixels, by the file's header. Raises InputError, naming the file."""
    try:
        with open_frame(path) as image:
            size: tuple[int, int] = image.size
            return size
    except UNREADABLE as error:
        raise InputError(f"Frame {path} cannot be read ({why_unreadable(error)}): replace the file.") from error


def frame_in(file: BinaryIO) -> Image.Image:
    """As `open_frame`, of bytes that were read already; the caller closes it."""
    try:
        return Image.open(file, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise UnidentifiedImageError("it is neither a JPEG nor a PNG") from error


def why_unreadable(error: BaseException) -> str:
    """One of `UNREADABLE`, in words that go into a sentence about a file."""
    if isinstance(error, MemoryError):
        return "it does not fit into this machine's memory"
    return str(getattr(error, "strerror", None) or error)
