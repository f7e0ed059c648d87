"""Hand-made local features of a picture on a grid of cells: colour at three scales and edge orientation at two."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from vos_core.models.base import Picture

Features = npt.NDArray[Any]  # float32 (h, w, CHANNELS); their squared distance says how unlike two cells look

CHANNELS = 28  # a multiple of 4: OpenCV looks up at most four channels at once
_BINS = 8
_COLOUR_SCALES = (0.0, 1.2, 2.6)  # standard deviations of the blurs, in cells
_COLOUR_WEIGHTS = (1.0, 1.0, 0.8)
_LIGHTNESS = 0.6  # against colour: light changes sooner than hue does
_TEXTURE_SCALES = (1.2, 2.6)
_TEXTURE_WEIGHT = 1.6


def local_features(picture: Picture, stride: int) -> Features:
    """Features (H / stride, W / stride, CHANNELS) of an RGB picture (H, W, 3) uint8; sides are multiples of `stride`.

    Colour is Lab in tens of units (about four just noticeable differences). Texture is a histogram of gradient
    directions over half a turn, divided by the local contrast, so that it does not change with the light.
    """
    import cv2

    height, width = picture.shape[0] // stride, picture.shape[1] // stride
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32)  # OpenCV's uint8 Lab: L over 0..255
    lab *= np.array((_LIGHTNESS * 100 / 255, 1, 1), np.float32) / np.float32(10)
    cells = cv2.resize(lab, (width, height), interpolation=cv2.INTER_AREA)
    features = np.zeros((height, width, CHANNELS), np.float32)
    for number, (sigma, weight) in enumerate(zip(_COLOUR_SCALES, _COLOUR_WEIGHTS)):
        blurred = cv2.GaussianBlur(cells, (0, 0), sigma) if sigma else cells
        features[..., 3 * number : 3 * number + 3] = blurred * np.float32(weight)
    votes = _orientations(lab[..., 0], width, height)
    energy = cells[..., 0] * 0
    first = 3 * len(_COLOUR_SCALES)
    for number, sigma in enumerate(_TEXTURE_SCALES):
        blurred = np.dstack([cv2.GaussianBlur(votes[..., k : k + 4], (0, 0), sigma) for k in range(0, _BINS, 4)])
        energy = np.sqrt((blurred * blurred).sum(axis=2)) + np.float32(0.06)
        start = first + number * _BINS
        features[..., start : start + _BINS] = blurred * (np.float32(_TEXTURE_WEIGHT) / energy)[..., None]
    return features


def _orientations(lightness: npt.NDArray[Any], width: int, height: int) -> npt.NDArray[Any]:
    """Gradient magnitude a cell and direction bin, (height, width, _BINS); a pixel votes for its two nearest bins."""
    import cv2

    gx, gy = cv2.Scharr(lightness, cv2.CV_32F, 1, 0), cv2.Scharr(lightness, cv2.CV_32F, 0, 1)
    magnitude, angle = cv2.cartToPolar(gx / 16, gy / 16)
    place = (angle * np.float32(_BINS / np.pi)) % _BINS
    lower = np.floor(place)
    share = place - lower
    votes = np.empty((height, width, _BINS), np.float32)
    for k in range(_BINS):
        part = magnitude * ((lower == k) * (1 - share) + (lower == (k - 1) % _BINS) * share)
        votes[..., k] = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
    return votes
