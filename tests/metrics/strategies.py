"""Random label maps: blobs, noise, single pixels, empty and full frames, at tiny and odd sizes."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st


@st.composite
def label_maps(draw: st.DrawFn, height: int, width: int, labels: tuple[int, ...]) -> np.ndarray:
    """A label map uint8 (height, width) painted over with up to five rectangles, discs, or pixels, or noise."""
    mask = np.full((height, width), draw(st.sampled_from((0, 0, 0, *labels))), np.uint8)
    rows, columns = np.mgrid[:height, :width]
    for _ in range(draw(st.integers(0, 5))):
        label = draw(st.sampled_from((0, *labels)))
        y, x = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
        shape = draw(st.sampled_from(("pixel", "rectangle", "disc", "noise")))
        if shape == "pixel":
            mask[y, x] = label
        elif shape == "rectangle":
            mask[y : y + draw(st.integers(1, height)), x : x + draw(st.integers(1, width))] = label
        elif shape == "disc":
            mask[(rows - y) ** 2 + (columns - x) ** 2 <= draw(st.integers(1, 40))] = label
        else:
            seed = draw(st.integers(0, 2**32 - 1))
            mask[np.random.default_rng(seed).random((height, width)) < 0.2] = label
    return mask


@st.composite
def pairs(draw: st.DrawFn, labels: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Two label maps of one size; often the second is the first, moved."""
    height, width = draw(st.integers(1, 21)), draw(st.integers(1, 27))
    first = draw(label_maps(height, width, labels))
    if draw(st.booleans()):
        return first, draw(label_maps(height, width, labels))
    moved = np.roll(first, (draw(st.integers(-2, 2)), draw(st.integers(-2, 2))), axis=(0, 1))
    return first, moved
