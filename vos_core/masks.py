"""Masks as files: label maps in and out of indexed (palette) PNGs; knows nothing but arrays and paths.

A label map is a uint8 array (height, width): 0 is background, 1..K are objects, 255 in an annotation is void.
"""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from vos_core.errors import InputError
from vos_core.regular_files import PICTURE_BYTES, read_regular, read_start

VOID = 255

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _INDEXED = 0, 3
_COLOUR_NAMES = {2: "RGB", 4: "grey with alpha", 6: "RGBA"}
_MAX_PIXELS = 1 << 28  # a mask larger than 16384 x 16384 is a broken or hostile header
_MAX_DEFLATE_RATIO = 1032  # what deflate can shrink at best (zlib's technical notes)
_CHUNK_HEAD = struct.Struct(">I4s")
_IHDR = struct.Struct(">IIBBBBB")
_WINDOW_BITS_NO_CHECKSUM = -15


class MaskError(InputError):
    """A file that is not a readable label map; the text names the file."""


class MissingMask(MaskError):
    """There is no such file."""


def _davis_palette() -> bytes:
    """The colours of DAVIS and PASCAL VOC: the bits of the index, three at a time, become the high bits of R, G, B."""
    palette = bytearray()
    for index in range(256):
        rgb = [0, 0, 0]
        for bit in range(8):
            for channel in range(3):
                rgb[channel] |= (index >> (3 * bit + channel) & 1) << (7 - bit)
        palette += bytes(rgb)
    return bytes(palette)


DAVIS_PALETTE: bytes = _davis_palette()


def read_mask(path: Path | str) -> np.ndarray:
    """Label map of a palette or 8-bit grey PNG: uint8 (H, W), contiguous and writable.

    Raises MaskError, naming the file, when it cannot be read, is no PNG, is damaged, or holds no label map (RGB,
    16-bit, 1-bit grey).
    """
    return np.ascontiguousarray(view_mask(path))


def view_mask(path: Path | str) -> np.ndarray:
    """As `read_mask`, but possibly a read-only view with a row stride that is not its width (spares a copy)."""
    try:
        return _view(path)
    except MemoryError as error:
        raise MaskError(f"{path} does not fit into this machine's memory: it is no mask of a frame.") from error


def _view(path: Path | str) -> np.ndarray:
    data = _read(path)
    header = _Header(path, data)
    size = header.height * (header.width + 1)
    if header.depth == 8 and not header.interlaced and header.has_plain_stream():
        stream = header.stream
        if len(stream) * _MAX_DEFLATE_RATIO + 64 < size:
            raise MaskError(f"{path} is a truncated PNG: write the mask again.")
        # The chunk checksums cover the same bytes as zlib's own, which would cost a third of the time.
        if len(stream) <= size + size // 8 + 64:
            try:
                raw = zlib.decompress(stream[2:-4], wbits=_WINDOW_BITS_NO_CHECKSUM, bufsize=size)
            except zlib.error as error:
                raise MaskError(f"{path} is a damaged PNG ({error}): write the mask again.") from error
            if len(raw) != size:
                raise MaskError(f"{path} is a damaged PNG ({len(raw)} bytes of pixels, {size} expected).")
            rows = np.frombuffer(raw, np.uint8).reshape(header.height, header.width + 1)
            if not rows[:, 0].any():
                return rows[:, 1:]
    return _decode_with_pillow(path, data)


def mask_size(path: Path | str) -> tuple[int, int]:
    """(height, width) from the file's header, without decoding. Raises MaskError as `read_mask`."""
    try:
        start = read_start(path, 33, PICTURE_BYTES)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingMask(f"There is no mask {path}.") from error
    except OSError as error:
        raise MaskError(f"{path} cannot be read: {error.strerror or error}.") from error
    return _size_of(_ihdr(path, start))


def read_palette(path: Path | str) -> bytes | None:
    """The palette as stored: 3 bytes (R, G, B) an index, at most 768; None for a grey PNG. Raises MaskError."""
    return _Header(path, _read(path)).palette


def encode_mask(mask: np.ndarray, palette: bytes = DAVIS_PALETTE) -> bytes:
    """The label map (uint8, (H, W)) as an indexed 8-bit PNG; a short palette is filled up with DAVIS's colours.

    Rows are stored unfiltered, which is what `read_mask` reads fastest, and packed as runs: as small as zlib's best
    for label maps, at a fraction of its time. Raises MaskError for another shape or type.
    """
    if mask.ndim != 2 or mask.dtype != np.uint8 or 0 in mask.shape:
        raise MaskError(
            f"A mask to be written must be a uint8 array of shape (height, width), not {mask.dtype} {mask.shape}."
        )
    height, width = mask.shape
    rows = np.zeros((height, width + 1), np.uint8)
    rows[:, 1:] = mask
    packer = zlib.compressobj(3, zlib.DEFLATED, zlib.MAX_WBITS, 9, zlib.Z_RLE)
    stream = packer.compress(rows.data) + packer.flush()
    colours = (palette + DAVIS_PALETTE[len(palette) :])[:768]
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", _IHDR.pack(width, height, 8, _INDEXED, 0, 0, 0)),
            _chunk(b"PLTE", colours),
            _chunk(b"IDAT", stream),
            _chunk(b"IEND", b""),
        )
    )


def write_mask(path: Path | str, mask: np.ndarray, palette: bytes = DAVIS_PALETTE) -> None:
    """Write `encode_mask` to `path`. Neither atomic nor synced: write into a temporary folder and rename that."""
    Path(path).write_bytes(encode_mask(mask, palette))


class _Header:
    """What a PNG says of itself before its pixels are unpacked. Raises MaskError for what cannot be a label map."""

    def __init__(self, path: Path | str, data: bytes) -> None:
        ihdr = _ihdr(path, data)
        self.height, self.width = _size_of(ihdr)
        _, _, self.depth, colour, _, _, interlace = ihdr
        self.interlaced = bool(interlace)
        self.palette: bytes | None = None
        parts: list[bytes] = []
        position = len(_SIGNATURE)
        while True:
            if position + 12 > len(data):
                raise MaskError(f"{path} is a truncated PNG: write the mask again.")
            length, kind = _CHUNK_HEAD.unpack_from(data, position)
            end = position + 12 + length
            if end > len(data):
                raise MaskError(f"{path} is a truncated PNG: write the mask again.")
            if zlib.crc32(data[position + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
                raise MaskError(f"{path} is a damaged PNG (checksum of its {kind!r} chunk): write the mask again.")
            if kind == b"IDAT":
                parts.append(data[position + 8 : end - 4])
            elif kind == b"PLTE" and colour == _INDEXED:
                self.palette = data[position + 8 : end - 4]
            elif kind == b"IEND":
                break
            position = end
        self.stream = parts[0] if len(parts) == 1 else b"".join(parts)

    def has_plain_stream(self) -> bool:
        """Whether the pixels are a zlib stream without a preset dictionary."""
        return len(self.stream) > 6 and self.stream[0] & 15 == 8 and not self.stream[1] & 32


def _read(path: Path | str) -> bytes:
    try:
        return read_regular(path, PICTURE_BYTES)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingMask(f"There is no mask {path}.") from error
    except OSError as error:
        raise MaskError(f"{path} cannot be read: {error.strerror or error}.") from error


def _ihdr(path: Path | str, data: bytes) -> tuple[Any, ...]:
    """Fields of the header chunk: width, height, depth, colour, compression, filter, interlace."""
    if data[:8] != _SIGNATURE:
        what = "is empty" if not data else "is not a PNG"
        raise MaskError(f"{path} {what}: masks are indexed (palette) PNG files.")
    if len(data) < 33:
        raise MaskError(f"{path} is a truncated PNG: write the mask again.")
    fields = _IHDR.unpack_from(data, 16)
    width, height, depth, colour = fields[:4]
    if data[12:16] != b"IHDR" or zlib.crc32(data[12:29]) != int.from_bytes(data[29:33], "big"):
        raise MaskError(f"{path} is a damaged PNG (its header): write the mask again.")
    if not 0 < width * height <= _MAX_PIXELS:
        raise MaskError(f"{path} says it is {width}x{height}, which is no mask's size.")
    if depth == 16 or colour in _COLOUR_NAMES or (colour == _GREY and depth < 8):
        kind = _COLOUR_NAMES.get(colour, "grey")
        raise MaskError(
            f"{path} is {depth}-bit {kind}, which does not say which object a pixel belongs to: write it as an "
            "8-bit indexed (palette) PNG."
        )
    if colour not in (_GREY, _INDEXED) or depth not in (1, 2, 4, 8):
        raise MaskError(f"{path} is a damaged PNG (its header): write the mask again.")
    return fields


def _size_of(ihdr: tuple[Any, ...]) -> tuple[int, int]:
    return ihdr[1], ihdr[0]


def _decode_with_pillow(path: Path | str, data: bytes) -> np.ndarray:
    from PIL import Image  # costs 30 ms of a short command that usually needs no Pillow

    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            mask = np.array(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise MaskError(f"{path} is a damaged PNG ({error}): write the mask again.") from error
    if mask.ndim != 2 or mask.dtype != np.uint8:
        raise MaskError(f"{path} is no label map ({mask.dtype} {mask.shape}): write it as an 8-bit indexed PNG.")
    return mask


def _chunk(kind: bytes, body: bytes) -> bytes:
    checked = kind + body
    return len(body).to_bytes(4, "big") + checked + zlib.crc32(checked).to_bytes(4, "big")
