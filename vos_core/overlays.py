"""Frame + mask -> picture, for thumbnails and exports. (The player composites in the browser.)"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

# Paul Tol's "vibrant" and "bright" schemes (personal.sron.nl/~pault), ordered so that neighbours differ most: told
# apart with any kind of colour vision, on light and dark. Masks and plots share it.
OBJECT_COLOURS = (
    "#33BBEE",
    "#EE7733",
    "#EE3377",
    "#CCBB44",
    "#009988",
    "#AA66CC",
    "#CC3311",
    "#4477DD",
    "#99DD55",
    "#BBBBBB",
)


def object_colour(object_id: int) -> tuple[int, int, int]:
    """RGB of an object, the same in masks and plots."""
    text = OBJECT_COLOURS[(object_id - 1) % len(OBJECT_COLOURS)].lstrip("#")
    return (int(text[0:2], 16), int(text[2:4], 16), int(text[4:6], 16))


def overlay(picture: npt.NDArray[np.uint8], mask: npt.NDArray[np.uint8], opacity: float = 0.5) -> npt.NDArray[np.uint8]:
    """`mask` (H, W) uint8 over `picture` (H, W, 3) uint8: tinted objects with an opaque outline; void (255) is left."""
    colours = np.zeros((256, 3), np.float32)
    for object_id in range(1, 255):
        colours[object_id] = object_colour(object_id)
    inside = (mask > 0) & (mask < 255)
    out = picture.astype(np.float32)
    out[inside] = (1 - opacity) * out[inside] + opacity * colours[mask[inside]]
    edge = _outline(mask) & inside
    out[edge] = colours[mask[edge]]
    return out.round().astype(np.uint8)


def side_by_side(panes: Sequence[tuple[str, npt.NDArray[np.uint8]]], gap: int = 8) -> Image.Image:
    """Titled pictures of one size in a row, on white."""
    height, width = panes[0][1].shape[:2]
    title = 22
    sheet = Image.new("RGB", (len(panes) * (width + gap) - gap, height + title), "white")
    draw = ImageDraw.Draw(sheet)
    for index, (text, picture) in enumerate(panes):
        left = index * (width + gap)
        draw.text((left + 2, 4), text, fill="black")
        sheet.paste(Image.fromarray(picture), (left, title))
    return sheet


def _outline(mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Pixels with a neighbour of another label, two pixels wide."""
    edge = np.zeros(mask.shape, bool)
    for axis in (0, 1):
        here = [slice(None), slice(None)]
        there = [slice(None), slice(None)]
        here[axis], there[axis] = slice(None, -1), slice(1, None)
        differs = mask[tuple(here)] != mask[tuple(there)]
        edge[tuple(here)] |= differs
        edge[tuple(there)] |= differs
    return edge
