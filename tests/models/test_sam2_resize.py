"""A resized frame is Pillow's to the last bit, for any size, whichever axis Pillow takes first."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from vos_core.models import sam2_resize
from vos_core.models.sam2_resize import resize_frame, resize_with_pillow, resizer

SIZES = [  # height, width, side
    (480, 854, 1024),
    (854, 480, 1024),
    (720, 1280, 1024),
    (1280, 720, 1024),
    (1080, 1920, 1024),
    (480, 854, 512),
    (301, 77, 256),
    (77, 301, 256),
    (1000, 3, 256),
    (64, 64, 64),
    (64, 300, 64),
    (1, 1, 8),
    (2, 5, 1),
    (3, 300, 4),
    (100, 2000, 64),
]


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    sam2_resize._way.cache_clear()
    sam2_resize._products.cache_clear()
    yield
    sam2_resize._way.cache_clear()
    sam2_resize._products.cache_clear()


def pillows(picture: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC))


def pictures(height: int, width: int) -> list[np.ndarray]:
    """Every value; only the extremes, where sums leave 0 to 255; runs of one colour beside another."""
    random = np.random.default_rng(height + width)
    values = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return [values, np.where(values > 127, 255, 0).astype(np.uint8), np.sort(values, axis=1)]


@pytest.mark.parametrize(("height", "width", "side"), SIZES)
def test_bits_are_pillows(height: int, width: int, side: int) -> None:
    assert sam2_resize._way(height, width, side) is not resize_with_pillow
    for picture in pictures(height, width):
        assert np.array_equal(resize_frame(picture, side), pillows(picture, side))
        assert np.array_equal(resize_with_pillow(picture, side), pillows(picture, side))


def test_beside_a_gpu_pillow_does_it() -> None:
    assert resizer("cuda") is resize_with_pillow
    assert resizer("cpu") is resize_frame


def test_views_are_resized_too() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    for view in (picture[::-1], picture[:, ::2], np.broadcast_to(picture[:1], picture.shape), picture[..., ::-1]):
        expected = pillows(np.ascontiguousarray(view), 64)
        assert np.array_equal(resize_frame(view, 64), expected)
        assert np.array_equal(resize_with_pillow(view, 64), expected)


def test_halves_go_up() -> None:
    """Enlarged fourfold, weights are whole 1024ths: sums are often exact halves, which OpenCV alone rounds to even."""
    picture = np.random.default_rng(0).integers(0, 256, (256, 64, 3), dtype=np.uint8)
    expected = pillows(picture, 256)
    assert np.array_equal(sam2_resize._across_first(picture, 256), expected)
    assert np.array_equal(resize_frame(picture, 256), expected)


@pytest.mark.parametrize(("name", "value"), [("_WEIGHT_BITS", 21), ("_UP_FROM_HALF", 2.0**-12)])
def test_other_sums_than_pillows_are_noticed(name: str, value: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should Pillow or the machine ever add up otherwise, in a last bit even, Pillow does the work."""
    monkeypatch.setattr(sam2_resize, name, value)
    assert sam2_resize._way(480, 854, 1024) is resize_with_pillow
    picture = pictures(480, 854)[0]
    assert np.array_equal(resize_frame(picture, 1024), pillows(picture, 1024))
