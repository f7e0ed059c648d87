"""The player's PNG reader in a browser, against label maps written with every filter and bit depth."""

from __future__ import annotations

import base64
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page

from ui.navigation import ROOT

pytestmark = pytest.mark.e2e

READ = """async ([source, url]) => {
  const code = new Blob([source + "\\nexport {maskOf};"], {type: "text/javascript"});
  const module = await import(URL.createObjectURL(code));
  try {
    const mask = await module.maskOf(url);
    return [mask.height, mask.width, Array.from(mask.ids)];
  } catch (error) {
    return error.message;
  }
}"""


def random_labels(most: int) -> np.ndarray:
    """(11, 13) ids 0..most in patches, so that every filter has something to predict."""
    generator = np.random.default_rng(most)
    return np.kron(generator.integers(0, most + 1, (4, 5)), np.ones((3, 3)))[:11, :13].astype(np.uint8)


def filtered_png(mask: np.ndarray, filters: tuple[int, ...]) -> bytes:
    """An 8-bit palette PNG whose row y is stored with filter `filters[y % len(filters)]` (PNG specification, 9.2)."""
    rows = mask.astype(int)
    raw = bytearray()
    for y, row in enumerate(rows):
        kind = filters[y % len(filters)]
        raw.append(kind)
        for x, value in enumerate(row):
            a = rows[y, x - 1] if x else 0
            b = rows[y - 1, x] if y else 0
            c = rows[y - 1, x - 1] if x and y else 0
            nearest = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            raw.append(int(value - (0, a, b, (a + b) // 2, nearest)[kind]) % 256)
    parts = [b"\x89PNG\r\n\x1a\n"]
    header = struct.pack(">IIBBBBB", mask.shape[1], mask.shape[0], 8, 3, 0, 0, 0)
    for kind, body in ((b"IHDR", header), (b"PLTE", bytes(768)), (b"IDAT", zlib.compress(raw)), (b"IEND", b"")):
        parts.append(struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)))
    return b"".join(parts)


def palette_png(mask: np.ndarray, bits: int) -> bytes:
    image = Image.fromarray(mask, "L").convert("P")
    image.putdata(mask.ravel().tolist())
    image.putpalette([value for k in range(1 << bits) for value in (k, 255 - k, k)])
    file = io.BytesIO()
    image.save(file, "PNG", bits=bits)
    return file.getvalue()


def rgb_png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, "PNG")
    return file.getvalue()


def read(page: Page, png: bytes) -> object:
    page.goto("about:blank")
    source = (ROOT / "ui" / "player" / "masks.js").read_text(encoding="utf-8")
    return page.evaluate(READ, [source, "data:image/png;base64," + base64.b64encode(png).decode()])


@pytest.mark.parametrize("filters", [(0,), (1,), (2,), (3,), (4,), (0, 1, 2, 3, 4)])
def test_every_filter(page: Page, filters: tuple[int, ...]) -> None:
    mask = random_labels(200)
    png = filtered_png(mask, filters)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png))), mask)  # the file itself is right
    assert read(page, png) == [11, 13, mask.ravel().tolist()]


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_every_depth(page: Page, bits: int) -> None:
    mask = random_labels((1 << bits) - 1)
    assert read(page, palette_png(mask, bits)) == [11, 13, mask.ravel().tolist()]


def test_a_picture_is_no_mask(page: Page) -> None:
    assert read(page, rgb_png()) == "This mask is no indexed PNG."
