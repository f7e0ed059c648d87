"""Pillow's bicubic resize of a frame as products of matrices: the same bits in half of Pillow's time.

Pillow adds up, along one axis and then along the other, pixels times weights, which are integers over 2^22, and rounds
to uint8 after each axis (libImaging/Resample.c). Such sums fit into float64 without loss, so that neither the order of
adding nor a fused multiplication changes them, and BLAS does them several at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np
from PIL import Image

from vos_core.models.base import Picture

_WEIGHT_BITS = 22  # of a fraction, in Pillow
_UP_FROM_HALF = 2.0**-24  # Pillow rounds halves up, OpenCV to even; less than a weight's last bit
_ROWS = 8  # of the outcome in one product: narrow, so that it holds few zeros
_PRODUCTS = 4  # that share their converted pixels
_STRIP = 256  # of the pixels whose weights are asked for at once
_MOST_TERMS = 1 << 18  # of one product, beyond which OpenBLAS would start threads beside ours


def resize_frame(picture: Picture, side: int) -> Picture:
    """The frame (H, W, 3) as (side, side, 3): bit for bit Pillow's bicubic filter, as upstream."""
    resize = _way(*picture.shape[:2], side)
    return resize(np.ascontiguousarray(picture), side)


def resize_with_pillow(picture: Picture, side: int) -> Picture:
    """The same by Pillow itself: slower, but one call instead of hundreds that each take Python's lock."""
    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC))


def resizer(device: str) -> Callable[[Picture, int], Picture]:
    """The way to take beside a model on a `device` ("cuda", "cpu").

    On a GPU the thread that launches its kernels must get Python's lock at once: a small torch call takes 1.9 us alone,
    2.1 beside a thread that has Pillow resize, 6.4 beside one that does it our way.
    """
    return resize_with_pillow if device == "cuda" else resize_frame


def _across_first(picture: Picture, side: int) -> Picture:
    return _down(_across(picture, side), side)


def _down_first(picture: Picture, side: int) -> Picture:
    return _across(_down(picture, side), side)


@lru_cache(64)
def _way(height: int, width: int, side: int) -> Callable[[Picture, int], Picture]:
    """The quickest way to Pillow's bits for frames of this size.

    Which axis Pillow takes first depends on the sizes and on its version, so it is asked: noise of the frames' size
    comes out alike in one of the orders, or else Pillow does the work itself.
    """
    noise = np.random.default_rng(0).choice(np.array([0, 1, 90, 255], np.uint8), (height, width, 3))
    expected = resize_with_pillow(noise, side)
    for resize in (_across_first, _down_first):
        if np.array_equal(resize(noise, side), expected):
            return resize
    return resize_with_pillow


@dataclass(frozen=True)
class _Product:
    """Rows `top` to `bottom` of the outcome: `weights` times the rows `first` to `last` of the picture."""

    top: int
    bottom: int
    first: int
    last: int
    weights: np.ndarray


@lru_cache(64)
def _products(length: int, side: int, breadth: int) -> list[_Product]:
    """What leads from `length` rows of `breadth` values to `side` rows.

    The weights are Pillow's own: what it makes of single pixels in 32-bit integers, where it rounds as it does weights.
    """
    weights = np.empty((side, length))
    for start in range(0, length, _STRIP):
        single = np.eye(min(_STRIP, length - start), length, start, np.int32) << _WEIGHT_BITS
        blurred = Image.fromarray(single).resize((side, len(single)), Image.Resampling.BICUBIC)
        weights[:, start : start + _STRIP] = np.asarray(blurred).T / 2.0**_WEIGHT_BITS
    used = weights != 0
    first, last = used.argmax(1), length - used[:, ::-1].argmax(1)
    products = []
    top = 0
    while top < side:
        rows = min(_ROWS, side - top)
        while True:
            begin, end = int(first[top : top + rows].min()), int(last[top : top + rows].max())
            if rows == 1 or rows * (end - begin) * breadth <= _MOST_TERMS:
                break
            rows = (rows + 1) // 2
        products.append(
            _Product(top, top + rows, begin, end, np.ascontiguousarray(weights[top : top + rows, begin:end]))
        )
        top += rows
    return products


def _down(picture: Picture, side: int) -> Picture:
    """(H, W, 3) -> (side, W, 3)."""
    import cv2

    pixels = picture.reshape(len(picture), -1)
    breadth = pixels.shape[1]
    products = _products(len(pixels), side, breadth)
    resized = np.empty((side, breadth), np.uint8)
    sums = np.empty((_ROWS, breadth))
    for start in range(0, len(products), _PRODUCTS):
        group = products[start : start + _PRODUCTS]
        first = min(product.first for product in group)
        converted = pixels[first : max(product.last for product in group)].astype(np.float64)
        for product in group:
            some = sums[: product.bottom - product.top]
            np.matmul(product.weights, converted[product.first - first : product.last - first], out=some)
            rounded = resized[product.top : product.bottom]
            cv2.add(some, _UP_FROM_HALF, dst=rounded, dtype=cv2.CV_8U)  # type: ignore[call-overload]
    return resized.reshape(side, *picture.shape[1:])


def _across(picture: Picture, side: int) -> Picture:
    """(H, W, 3) -> (H, side, 3)."""
    import cv2

    turned = cast(Picture, cv2.transpose(picture))
    return cast(Picture, cv2.transpose(_down(turned, side)))
