"""One frame's or annotation's file, read whole: what it is, or why it is of no use."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from vos_core.datasets.checks import check_end
from vos_core.errors import InputError
from vos_core.frame_files import UNREADABLE, frame_in, why_unreadable
from vos_core.masks import VOID, read_palette, view_mask
from vos_core.regular_files import PICTURE_BYTES, read_regular

_JPEG = b"\xff\xd8\xff"
# Padding before a marker, as some encoders write it; many bytes are left over where the data before is not its own.
_PADDING = re.compile(r"([0-9]+) extraneous bytes")
_MOST_PADDING = 16
_MOST_PIXELS = 2 * (Image.MAX_IMAGE_PIXELS or 1 << 27)  # where Pillow refuses a picture
_REDUCED = 8  # a JPEG unpacked to an eighth: all of its data is read, and most of the arithmetic is spared


@dataclass(frozen=True)
class AnnotationFacts:
    """What a label map holds: `size` is (width, height); `ids` are its objects, without background and void."""

    size: tuple[int, int]
    ids: frozenset[int]
    void: bool
    colours: int | None  # entries of its palette; None: it is grey


def read_frame(video: str, path: Path) -> tuple[int, int]:
    """(width, height) of a frame, all of which was decoded. Raises InputError, naming the file, when it cannot be."""
    check_end(video, path)
    try:
        data = read_regular(path, PICTURE_BYTES)
        return _read_jpeg(data) if data.startswith(_JPEG) else _read_other(data)
    except Image.DecompressionBombError as error:
        raise InputError(f"Video {video}: frame {path} says that it is too large to be a frame ({error}).") from error
    except UNREADABLE as error:
        why = why_unreadable(error)
        raise InputError(f"Video {video}: frame {path} is damaged ({why}): replace the file.") from error


def _read_jpeg(data: bytes) -> tuple[int, int]:
    import simplejpeg

    height, width, _, _ = simplejpeg.decode_jpeg_header(data, strict=False)
    if height * width > _MOST_PIXELS:  # of a progressive one, all coefficients would be held at once
        raise Image.DecompressionBombError(f"{width}x{height}")
    try:
        # Strict: Pillow and OpenCV fill up with grey what a damaged file lacks, and say nothing that can be caught.
        simplejpeg.decode_jpeg(data, "GRAY", min_height=1, min_width=1, min_factor=_REDUCED, strict=True)
    except ValueError as error:
        padding = _PADDING.search(str(error))
        if padding is None or int(padding[1]) > _MOST_PADDING:
            raise
        simplejpeg.decode_jpeg(data, "GRAY", min_height=1, min_width=1, min_factor=_REDUCED, strict=False)
    return width, height


def _read_other(data: bytes) -> tuple[int, int]:
    with frame_in(io.BytesIO(data)) as image:
        image.load()
        size: tuple[int, int] = image.size
    return size


def read_annotation(path: Path) -> AnnotationFacts:
    """What a label map's file holds. Raises MaskError, naming the file, when it is none."""
    mask = view_mask(path)
    values = _values(mask.tobytes())
    palette = read_palette(path)
    return AnnotationFacts(
        (mask.shape[1], mask.shape[0]),
        frozenset(values - {0, VOID}),
        VOID in values,
        None if palette is None else len(palette) // 3,
    )


def _values(pixels: bytes) -> set[int]:
    # Deleting one value after the other is several times faster than counting all: label maps have few.
    found = set()
    while pixels:
        found.add(pixels[0])
        pixels = pixels.translate(None, pixels[:1])
    return found
