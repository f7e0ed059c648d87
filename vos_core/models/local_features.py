"""Hand-made local features of a picture on a grid of cells: colour and edge orientation, near and wide."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from vos_core.models.base import Picture
from vos_core.models.optical_flow import grey

Features = npt.NDArray[Any]  # float32 (h, w, CHANNELS); their squared distance says how unlike two cells look

CHANNELS = 16  # a multiple of 4: OpenCV looks up at most four channels at once
_BINS = 4
_NEAR, _FAR = 1.2, 2.6  # standard deviations of the blurs, in cells
_LIGHTNESS = 0.6  # against colour: light changes sooner than hue does
_TEXTURE_WEIGHT = 1.6
_CONTRAST_FLOOR = 0.06  # below it a gradient is noise


def local_features(picture: Picture, stride: int) -> Features:
    """Features (H / stride, W / stride, CHANNELS) of an RGB picture (H, W, 3) uint8; sides are multiples of `stride`.

    Colour is Lab in tens of units (about four just noticeable differences): of the cell, of its surroundings, and the
    hue of its wider ones. Texture is a histogram of gradient directions over half a turn, near and wide, divided by the
    contrast there, so that it does not change with the light.
    """
    import cv2

    height, width = picture.shape[0] // stride, picture.shape[1] // stride
    cells = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(cells.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB)
    lab *= np.array((_LIGHTNESS / 10, 1 / 10, 1 / 10), np.float32)
    votes = _orientations(grey(picture), width, height)
    return np.dstack(
        [
            lab,
            cv2.GaussianBlur(lab, (0, 0), _NEAR),
            cv2.GaussianBlur(lab[..., 1:], (0, 0), _FAR),
            _normalised(cv2.GaussianBlur(votes, (0, 0), _NEAR)),
            _normalised(cv2.GaussianBlur(votes, (0, 0), _FAR)),
        ]
    )


def _normalised(votes: npt.NDArray[Any]) -> npt.NDArray[Any]:
    contrast = np.sqrt(np.einsum("hwc,hwc->hw", votes, votes)) + np.float32(_CONTRAST_FLOOR)
    return votes * (np.float32(_TEXTURE_WEIGHT) / contrast)[..., None]


def _orientations(luma: npt.NDArray[np.uint8], width: int, height: int) -> npt.NDArray[Any]:
    """Gradient magnitude a cell and direction, (height, width, _BINS); a pixel votes for its two nearest bins."""
    import cv2

    scale = 6 / 255 / 16  # Scharr's gain is 16 a grey level a pixel; six tens of Lab lightness span the range
    gx, gy = cv2.Scharr(luma, cv2.CV_32F, 1, 0, scale=scale), cv2.Scharr(luma, cv2.CV_32F, 0, 1, scale=scale)
    # cos^2-shaped votes at 0, 45, 90 and 135 degrees, clipped at nought; they need no arctangent.
    size = cv2.magnitude(gx, gy) + np.float32(1e-6)
    along = (gx * gx - gy * gy) / size
    across = 2 * gx * gy / size
    votes = cv2.merge([np.maximum(side, 0) for side in (along, across, -along, -across)])
    return cv2.resize(votes, (width, height), interpolation=cv2.INTER_AREA)
