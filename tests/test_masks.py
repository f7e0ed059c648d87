"""Label maps in and out of PNG files: every legal kind read exactly, every other kind refused with a sentence."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vos_core.errors import InputError
from vos_core.masks import (
    DAVIS_PALETTE,
    MaskError,
    MissingMask,
    encode_mask,
    mask_size,
    read_mask,
    read_palette,
    view_mask,
    write_mask,
)

MASK = np.random.default_rng(5).integers(0, 4, (37, 53), dtype=np.uint8)


def indexed(mask: np.ndarray, palette: bytes = DAVIS_PALETTE, **options: object) -> bytes:
    """As Pillow writes it."""
    image = Image.fromarray(mask).convert("P") if mask.dtype == bool else Image.fromarray(mask, "L")
    image = Image.frombytes("P", image.size, mask.astype(np.uint8).tobytes())
    image.putpalette(palette)
    return saved(image, **options)


def saved(image: Image.Image, **options: object) -> bytes:
    """PNG bytes of an image."""
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


def assemble(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of these chunks with right checksums."""
    parts = [b"\x89PNG\r\n\x1a\n"]
    for kind, body in chunks:
        parts.append(struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)))
    return b"".join(parts)


def header(width: int, height: int, depth: int = 8, colour: int = 3, interlace: int = 0) -> tuple[bytes, bytes]:
    """The first chunk."""
    return b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)


def up_filtered(mask: np.ndarray) -> bytes:
    """A PNG whose rows hold differences to the row above (filter 2), which Pillow must undo."""
    difference = np.diff(mask, axis=0, prepend=np.zeros((1, mask.shape[1]), np.uint8))
    rows = np.hstack([np.full((mask.shape[0], 1), 2, np.uint8), difference])
    stream = zlib.compress(rows.tobytes())
    return assemble(header(*mask.shape[::-1]), (b"PLTE", DAVIS_PALETTE), (b"IDAT", stream), (b"IEND", b""))


def split_stream(mask: np.ndarray) -> bytes:
    """A PNG with its pixels in three chunks, one of them empty."""
    rows = np.hstack([np.zeros((mask.shape[0], 1), np.uint8), mask])
    stream = zlib.compress(rows.tobytes())
    return assemble(
        header(*mask.shape[::-1]),
        (b"PLTE", DAVIS_PALETTE),
        (b"IDAT", stream[:9]),
        (b"IDAT", b""),
        (b"IDAT", stream[9:]),
        (b"IEND", b""),
    )


@pytest.mark.parametrize(
    "write",
    [
        encode_mask,
        indexed,
        lambda mask: indexed(mask, DAVIS_PALETTE[:12]),  # Pillow then stores two bits a pixel
        lambda mask: indexed(mask, optimize=True),
        lambda mask: saved(Image.fromarray(mask)),  # 8-bit grey
        up_filtered,
        split_stream,
    ],
    ids=["ours", "palette", "2-bit palette", "optimised", "grey", "filtered rows", "several chunks"],
)
def test_reads_exactly_what_was_written(tmp_path: Path, write: Callable[[np.ndarray], bytes]) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(write(MASK))
    mask = read_mask(path)
    assert mask.dtype == np.uint8
    assert mask.flags.c_contiguous
    assert mask.flags.writeable
    np.testing.assert_array_equal(mask, MASK)
    np.testing.assert_array_equal(view_mask(path), MASK)
    assert mask_size(path) == MASK.shape


@settings(max_examples=100, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    seed=st.integers(0, 2**32 - 1),
    labels=st.integers(1, 256),
)
def test_round_trip_ours_and_pillow(
    tmp_path_factory: pytest.TempPathFactory, shape: tuple[int, int], seed: int, labels: int
) -> None:
    mask = np.random.default_rng(seed).integers(0, labels, shape).astype(np.uint8)
    path = tmp_path_factory.mktemp("masks") / "mask.png"
    write_mask(path, mask)
    np.testing.assert_array_equal(read_mask(path), mask)
    with Image.open(path) as image:
        assert image.mode == "P"
        assert bytes(image.getpalette() or ()) == DAVIS_PALETTE
        np.testing.assert_array_equal(np.array(image), mask)
    path.write_bytes(indexed(mask))
    np.testing.assert_array_equal(read_mask(path), mask)


def test_real_masks_equal_pillows(shared_data: Path) -> None:
    files = sorted(shared_data.glob("*/DAVIS/Annotations/480p/*/00010.png"))
    files += sorted(shared_data.glob("*/predictions/*/*/00010.png"))
    assert len(files) == 14
    for file in files:
        with Image.open(file) as image:
            np.testing.assert_array_equal(read_mask(file), np.array(image))


def test_davis_palette() -> None:
    colours = [tuple(DAVIS_PALETTE[3 * k : 3 * k + 3]) for k in range(256)]
    assert colours[:5] == [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128)]
    assert colours[8] == (64, 0, 0)
    assert colours[255] == (224, 224, 192)


@pytest.mark.parametrize(
    ("palette", "expected"),
    [
        (DAVIS_PALETTE, DAVIS_PALETTE),
        (bytes(range(9)), bytes(range(9)) + DAVIS_PALETTE[9:]),
        (bytes(768), bytes(768)),
    ],
)
def test_palette_is_kept_and_filled_up(tmp_path: Path, palette: bytes, expected: bytes) -> None:
    write_mask(tmp_path / "mask.png", MASK, palette)
    assert read_palette(tmp_path / "mask.png") == expected


def test_grey_has_no_palette(tmp_path: Path) -> None:
    (tmp_path / "mask.png").write_bytes(saved(Image.fromarray(MASK)))
    assert read_palette(tmp_path / "mask.png") is None


GOOD = encode_mask(MASK)
DAMAGED = bytearray(GOOD)
DAMAGED[-40] ^= 0xFF
ROWS = zlib.compress(bytes(38 * 37))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"GIF89a and so on, not at all what was asked for", "is not a PNG"),
        (saved(Image.fromarray(np.zeros((4, 4, 3), np.uint8))), "8-bit RGB"),
        (saved(Image.fromarray(np.zeros((4, 4, 4), np.uint8))), "8-bit RGBA"),
        (saved(Image.fromarray(np.zeros((4, 4), np.uint16))), "16-bit grey"),
        (saved(Image.fromarray(np.zeros((4, 4), bool))), "1-bit grey"),
        (saved(Image.fromarray(np.zeros((4, 4), np.uint8)).convert("LA")), "8-bit grey with alpha"),
        (GOOD[:20], "truncated"),
        (GOOD[:60], "truncated"),
        (GOOD[:-20], "truncated"),
        (GOOD[:-12], "truncated"),
        (bytes(DAMAGED), "damaged"),
        (assemble(header(37, 38), (b"IDAT", ROWS), (b"IEND", b"")), "damaged"),  # a row of pixels is not there
        (assemble(header(37, 36), (b"IDAT", ROWS), (b"IEND", b"")), "damaged"),  # a row too many
        (assemble(header(37, 37), (b"IDAT", ROWS[:-9]), (b"IEND", b"")), "damaged"),
        (assemble(header(37, 37), (b"IDAT", b"not a stream"), (b"IEND", b"")), "damaged"),
        (assemble(header(37, 37), (b"IEND", b"")), "damaged"),
        (assemble(header(8000, 8000), (b"IDAT", ROWS), (b"IEND", b"")), "truncated"),
        (assemble(header(1 << 20, 1 << 20), (b"IDAT", ROWS), (b"IEND", b"")), "no mask's size"),
        (assemble(header(0, 5), (b"IDAT", ROWS), (b"IEND", b"")), "no mask's size"),
        (assemble(header(37, 37, depth=3), (b"IDAT", ROWS), (b"IEND", b"")), "damaged"),
    ],
)
def test_what_is_no_label_map_is_refused_by_name(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "00007.png"
    path.write_bytes(content)
    with pytest.raises(MaskError, match=told) as caught:
        read_mask(path)
    assert str(path) in str(caught.value)
    assert isinstance(caught.value, InputError)


@pytest.mark.parametrize("end", range(0, len(GOOD), 17))
def test_no_truncation_goes_unnoticed(tmp_path: Path, end: int) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(GOOD[:end])
    with pytest.raises(MaskError):
        read_mask(path)


@pytest.mark.parametrize("position", range(8, len(GOOD) - 4, 29))
def test_no_flipped_bit_goes_unnoticed(tmp_path: Path, position: int) -> None:
    damaged = bytearray(GOOD)
    damaged[position] ^= 4
    path = tmp_path / "mask.png"
    path.write_bytes(bytes(damaged))
    with pytest.raises(MaskError):
        read_mask(path)


@pytest.mark.parametrize("read", [read_mask, mask_size, read_palette])
def test_a_missing_file_is_told_apart(tmp_path: Path, read: Callable[[Path], object]) -> None:
    with pytest.raises(MissingMask, match=r"no mask .*00003\.png"):
        read(tmp_path / "00003.png")
    with pytest.raises(MaskError, match="cannot be read"):
        read(tmp_path)


@pytest.mark.parametrize("mask", [MASK.astype(np.int64), MASK[None], MASK[:0], MASK > 0])
def test_only_label_maps_are_written(mask: np.ndarray) -> None:
    with pytest.raises(MaskError, match="uint8 array"):
        encode_mask(mask)


def test_importing_it_is_light() -> None:
    heavy = "pandas torch cv2 scipy PIL skimage"
    code = f"import sys, vos_core.masks, vos_core.evaluation; print([m for m in {heavy.split()} if m in sys.modules])"
    root = Path(__file__).resolve().parents[1]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True).stdout == "[]\n"
