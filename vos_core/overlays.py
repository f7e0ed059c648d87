"""Frame + mask -> picture, for thumbnails and exports. (The player composites in the browser.)

Pictures are uint8 RGB (H, W, 3), masks label maps uint8 (H, W): 0 background, 1..K objects, 255 void.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from vos_core.masks import VOID

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]  # left, top, right, bottom, in pixels; right and bottom are outside

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

# Of the same schemes; they differ in lightness too, for those who see no hues.
ERROR_COLOURS = {"hit": "#33BBEE", "miss": "#EECC33", "false alarm": "#EE3377", "wrong object": "#7744BB"}
_HIT, _MISS, _FALSE_ALARM, _WRONG_OBJECT = 1, 2, 3, 4

TITLE_HEIGHT = 22
GAP = 8


def object_colour(object_id: int) -> tuple[int, int, int]:
    """RGB of an object, the same in masks and plots."""
    return _rgb(OBJECT_COLOURS[(object_id - 1) % len(OBJECT_COLOURS)])


def _rgb(text: str) -> tuple[int, int, int]:
    value = int(text.lstrip("#"), 16)
    return (value >> 16, value >> 8 & 255, value & 255)


_OBJECTS = np.array([(0, 0, 0), *(object_colour(k) for k in range(1, VOID)), (0, 0, 0)], np.uint8)
_ERRORS = np.zeros((256, 3), np.uint8)
_ERRORS[_HIT : _WRONG_OBJECT + 1] = [_rgb(colour) for colour in ERROR_COLOURS.values()]


def overlay(picture: Picture, mask: Mask, opacity: float = 0.5) -> Picture:
    """`mask` over `picture`: tinted objects with an opaque outline; void (255) is left."""
    return _tinted(picture, mask, _OBJECTS, opacity)


def error_overlay(picture: Picture, annotation: Mask, prediction: Mask, opacity: float = 0.5) -> Picture:
    """Where the prediction is right and wrong, in `ERROR_COLOURS`.

    Hit: the annotated object is predicted. Miss: an annotated pixel is predicted as background. False alarm: an object
    is predicted where the background is annotated. Wrong object: one is predicted where another is annotated. Void is
    background, as it is in scoring.
    """
    return _tinted(picture, errors(annotation, prediction), _ERRORS, opacity)


def errors(annotation: Mask, prediction: Mask) -> Mask:
    """Label map of `error_overlay`: 0 rightly background, 1 hit, 2 miss, 3 false alarm, 4 wrong object."""
    annotated, predicted = ((mask > 0) & (mask != VOID) for mask in (annotation, prediction))
    found = np.zeros(annotation.shape, np.uint8)
    found[annotated & ~predicted] = _MISS
    found[predicted & ~annotated] = _FALSE_ALARM
    found[predicted & annotated] = _WRONG_OBJECT
    found[predicted & (annotation == prediction)] = _HIT
    return found


def _tinted(picture: Picture, labels: Mask, colours: npt.NDArray[np.uint8], opacity: float) -> Picture:
    inside = (labels > 0) & (labels < VOID)
    out = picture.copy()
    tint = opacity * colours[labels[inside]].astype(np.float32)
    out[inside] = ((1 - opacity) * picture[inside] + tint + 0.5).astype(np.uint8)
    edge = _outline(labels) & inside
    out[edge] = colours[labels[edge]]
    return out


def failure_thumbnail(
    picture: Image.Image,
    annotation: Mask | None,
    prediction: Mask | None,
    *,
    object_id: int | None = None,
    around: Mask | None = None,
    width: int = 240,
) -> Image.Image:
    """A small picture of a failure: the prediction filled in the objects' colours, the annotation as a white line.

    `picture` is an opened image, not decoded yet where that can be helped: a JPEG is then decoded no larger than
    needed. With `object_id` only that object is drawn, and the picture is cut out around it (`region`), and around
    it in the mask `around`, which is not drawn. At most `width` wide and high.
    """
    full = picture.size
    masks = (annotation, prediction)
    box: Box = (0, 0, *full)
    if object_id is not None:
        box = region([mask == object_id for mask in (*masks, around) if mask is not None], full) or box
    small = _size(full, width)  # a cut has the picture's shape
    share = max(small[0] / (box[2] - box[0]), small[1] / (box[3] - box[1]))
    picture.draft("RGB", (math.ceil(full[0] * share), math.ceil(full[1] * share)))
    across, down = picture.width / full[0], picture.height / full[1]
    cut = (box[0] * across, box[1] * down, box[2] * across, box[3] * down)
    reduced = picture.convert("RGB").resize(small, Image.Resampling.BILINEAR, box=cut, reducing_gap=2.0)
    truth, shown = (None if mask is None else _only(_sampled(mask, box, small), object_id) for mask in masks)
    out = np.array(reduced)
    if shown is not None:
        out = _tinted(out, shown, _OBJECTS, 0.5)
    if truth is not None:
        truth = np.where(truth == VOID, 0, truth)
        line = _outline(truth) & (truth > 0)
        halo = _grown(line) & ~line
        out[halo] //= 2  # the white line can be told from a light ground
        out[line] = 255
    return Image.fromarray(out)


def region(
    masks: Sequence[npt.NDArray[np.bool_]], size: tuple[int, int], margin: float = 0.35, least: float = 0.2
) -> Box | None:
    """The part of a picture of `size` (width, height) to look at: around all that is inside of any of the `masks`.

    It has the picture's shape, `margin` of that box more on every side, and at least `least` of the picture's width.
    None where nothing is inside.
    """
    width, height = size
    columns, rows = (
        np.flatnonzero(np.any([mask.any(axis) for mask in masks], axis=0)) if masks else np.array([]) for axis in (0, 1)
    )
    if not columns.size:
        return None
    left, right, top, bottom = columns[0], columns[-1] + 1, rows[0], rows[-1] + 1
    share = max((right - left) * (1 + 2 * margin) / width, (bottom - top) * (1 + 2 * margin) / height, least)
    if share >= 1:
        return (0, 0, width, height)
    wide, high = max(round(share * width), 1), max(round(share * height), 1)
    x = min(max(round((left + right - wide) / 2), 0), width - wide)
    y = min(max(round((top + bottom - high) / 2), 0), height - high)
    return (x, y, x + wide, y + high)


def side_by_side(
    panes: Sequence[tuple[str, Picture]], columns: int | None = None, legend: Mapping[str, str] | None = None
) -> Image.Image:
    """Titled pictures of one size in rows of `columns` (None: one row), on white; under them what colours mean."""
    columns = columns or len(panes)
    height, width = panes[0][1].shape[:2]
    rows = math.ceil(len(panes) / columns)
    foot = TITLE_HEIGHT if legend else 0
    size = columns * (width + GAP) - GAP, rows * (height + TITLE_HEIGHT + GAP) - GAP + foot
    picture_of_all = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture_of_all)
    for index, (text, picture) in enumerate(panes):
        row, column = divmod(index, columns)
        left, top = column * (width + GAP), row * (height + TITLE_HEIGHT + GAP)
        draw.text((left + 2, top + 4), fitted(text, width - 4), fill="black")
        picture_of_all.paste(Image.fromarray(picture), (left, top + TITLE_HEIGHT))
    left, top = 2, size[1] - foot
    for text, colour in (legend or {}).items():
        draw.rectangle((left, top + 6, left + 10, top + 16), fill=colour)
        draw.text((left + 16, top + 4), text, fill="black")
        left += 32 + int(draw.textlength(text))
    return picture_of_all


@lru_cache(maxsize=256)
def fitted(text: str, width: int) -> str:
    """`text`, cut with an ellipsis where the default font draws it wider than `width` pixels."""
    draw = ImageDraw.Draw(Image.new("1", (1, 1)))
    if draw.textlength(text) <= width:
        return text
    while text and draw.textlength(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"


def _only(mask: Mask, object_id: int | None) -> Mask:
    return mask if object_id is None else (mask == object_id) * np.uint8(object_id)


def _size(size: tuple[int, int], width: int) -> tuple[int, int]:
    """A picture's size (width, height) when its longer side is `width`, at least one pixel."""
    share = width / max(size)
    return max(round(share * size[0]), 1), max(round(share * size[1]), 1)


def _sampled(mask: Mask, box: Box, size: tuple[int, int]) -> Mask:
    """The labels in `box` at `size` (width, height), each pixel the nearest one's."""
    x = box[0] + ((np.arange(size[0]) + 0.5) * (box[2] - box[0]) / size[0]).astype(int)
    y = box[1] + ((np.arange(size[1]) + 0.5) * (box[3] - box[1]) / size[1]).astype(int)
    return np.ascontiguousarray(mask[y.clip(0, mask.shape[0] - 1)][:, x.clip(0, mask.shape[1] - 1)])


def resized(mask: Mask, size: tuple[int, int]) -> Mask:
    """A label map at `size` (width, height), each pixel the nearest one's."""
    return _sampled(mask, (0, 0, mask.shape[1], mask.shape[0]), size)


def _outline(mask: Mask) -> npt.NDArray[np.bool_]:
    """Pixels with a neighbour of another label, two pixels wide."""
    edge = np.zeros(mask.shape, bool)
    for axis in (0, 1):
        here, there = _neighbours(axis)
        differs = mask[here] != mask[there]
        edge[here] |= differs
        edge[there] |= differs
    return edge


def _grown(inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """With the four neighbours of each pixel."""
    out = inside.copy()
    for axis in (0, 1):
        here, there = _neighbours(axis)
        out[here] |= inside[there]
        out[there] |= inside[here]
    return out


def _neighbours(axis: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    every, first, last = slice(None), slice(None, -1), slice(1, None)
    return ((first, every), (last, every)) if axis == 0 else ((every, first), (every, last))
