"""How the demo set's pictures are drawn: sprites that bend, laid over a panorama, with the exact mask of each pixel.

Lengths are frame pixels, times are frames (fractional between frames), colours are linear-ish RGB in 0..1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Grid = npt.NDArray[Any]  # float32
Deform = Callable[[Grid, Grid, float], tuple[Grid, Grid]]  # frame-side local (u, v) -> sprite-side (u, v)
Rng = np.random.Generator

WIDTH, HEIGHT = 480, 270
MARGIN = 120  # panorama pixels beyond the frame on each side: how far the camera may pan
DRAWN = 4.0  # sprites are drawn at this many pixels a unit ...
KEPT = 1.5  # ... and kept at this many


@dataclass(frozen=True)
class Sprite:
    """A drawn thing: premultiplied RGBA (h, w, 4), `KEPT` raster pixels a local unit, origin in its centre.

    `skin` (h, w', 3), if any, is wrapped round the shape as on a turning ball and multiplies its colour.
    """

    rgba: Grid
    skin: Grid | None = None

    @property
    def half(self) -> tuple[float, float]:
        """Half width and half height in local units."""
        height, width = self.rgba.shape[:2]
        return width / 2 / KEPT, height / 2 / KEPT


@dataclass(frozen=True)
class Track:
    """Where a thing is: a cubic spline through (frame, x, y[, scale[, angle in degrees[, yaw in degrees]]])."""

    keys: Sequence[tuple[float, ...]]
    heading: bool = False  # the angle follows the direction of travel

    def __post_init__(self) -> None:
        from scipy.interpolate import CubicSpline

        rows = np.array([tuple(key) + (0, 0, 1, 0, 0)[len(key) - 1 :] for key in self.keys], np.float64)
        if len(rows) == 1:
            rows = np.vstack([rows, rows + np.array([1, 0, 0, 0, 0, 0])])
        spline = CubicSpline(rows[:, 0], rows[:, 1:], bc_type="natural")
        object.__setattr__(self, "_spline", spline)
        object.__setattr__(self, "_slope", spline.derivative())

    def at(self, t: float) -> tuple[float, float, float, float, float]:
        """x, y, scale, angle and yaw (radians) at time `t`."""
        x, y, scale, angle, yaw = (float(value) for value in self._spline(t))  # type: ignore[attr-defined]
        turn = np.deg2rad(angle)
        if self.heading:
            dx, dy = self._slope(t)[:2]  # type: ignore[attr-defined]
            turn += np.arctan2(dy, dx)
        return x, y, scale, float(turn), float(np.deg2rad(yaw))


@dataclass(frozen=True)
class Actor:
    """One thing of a scene. `label` is its object id; 0 for what is not annotated (look-alikes, occluders)."""

    sprite: Sprite
    track: Track
    label: int = 0
    deform: Deform | None = None
    parallax: float = 1.0  # how far it moves against the camera; > 1 is nearer than the ground
    shadow: float = 0.0  # darkness of the shadow that it throws on what is below
    shadow_offset: tuple[float, float] = (5.0, 7.0)
    spin: float = 0.0  # turns of the skin a frame


@dataclass(frozen=True)
class Scene:
    """A video to be drawn. `actors` are listed from back to front."""

    name: str
    panorama: Grid  # (HEIGHT + 2 MARGIN, WIDTH + 2 MARGIN, 3)
    actors: tuple[Actor, ...]
    camera: Callable[[float], tuple[float, float]]
    frames: int
    ripple: float = 0.0  # amplitude of the refraction that waves over the ground
    overlay: Callable[[Grid, float], Grid] | None = None  # light over the finished picture
    noise: float = 0.008
    shutter: tuple[float, ...] = field(default=(0.0,))  # sub-frame times averaged into one picture


class Grain:
    """Sensor noise of unit strength, mostly in brightness: another cut of one large field for each frame."""

    _ROOM = 96

    def __init__(self, rng: Rng) -> None:
        shape = (HEIGHT + self._ROOM, WIDTH + self._ROOM)
        self._rng = rng
        self._field = rng.standard_normal((*shape, 1), np.float32) + np.float32(0.5) * rng.standard_normal(
            (*shape, 3), np.float32
        )

    def frame(self) -> Grid:
        """Noise (HEIGHT, WIDTH, 3) of the next frame."""
        top, left = self._rng.integers(0, self._ROOM, 2)
        return self._field[top : top + HEIGHT, left : left + WIDTH]


def render(scene: Scene, index: int, grain: Grain) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Frame `index` of `scene`: picture (HEIGHT, WIDTH, 3) uint8 RGB and label map (HEIGHT, WIDTH) uint8.

    A pixel belongs to the front-most thing that covers at least half of it, at the middle of the exposure.
    """
    total = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    for offset in scene.shutter:
        picture, mask = _compose(scene, index + offset)
        total += picture
        if offset == 0.0:
            labels = mask
    picture = total / np.float32(len(scene.shutter))
    if scene.overlay:
        picture = scene.overlay(picture, float(index))
    picture = picture + grain.frame() * np.float32(scene.noise)
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8), labels


def _compose(scene: Scene, t: float) -> tuple[Grid, npt.NDArray[np.uint8]]:
    pan_x, pan_y = scene.camera(t)
    picture = _ground(scene, t, pan_x, pan_y)
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    for actor in scene.actors:
        placed = _place(actor, t, pan_x, pan_y)
        if placed is None:
            continue
        rows, columns, rgba = placed
        if actor.shadow:
            _throw_shadow(picture, rgba[..., 3], rows, columns, actor)
        region = picture[rows, columns]
        region *= 1 - rgba[..., 3:]
        region += rgba[..., :3]
        labels[rows, columns][rgba[..., 3] >= 0.5] = actor.label
    return picture, labels


def _ground(scene: Scene, t: float, pan_x: float, pan_y: float) -> Grid:
    import cv2

    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    x += np.float32(MARGIN + pan_x)
    y += np.float32(MARGIN + pan_y)
    if scene.ripple:
        wave = np.float32(scene.ripple)
        x, y = (
            x + wave * np.sin(y / 17 + np.float32(t * 0.31)) * np.cos(x / 41 - np.float32(t * 0.17)),
            y + wave * np.sin(x / 23 - np.float32(t * 0.27)),
        )
    return cv2.remap(scene.panorama, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def _place(actor: Actor, t: float, pan_x: float, pan_y: float) -> tuple[slice, slice, Grid] | None:
    """The actor's premultiplied RGBA over the part of the frame that it can touch; None when it is out of sight."""
    import cv2

    x, y, scale, angle, yaw = actor.track.at(t)
    x, y = x - pan_x * actor.parallax, y - pan_y * actor.parallax
    half_u, half_v = actor.sprite.half
    reach = 1.15 * scale * float(np.hypot(half_u, half_v)) + 2
    left, right = int(max(0, np.floor(x - reach))), int(min(WIDTH, np.ceil(x + reach)))
    top, bottom = int(max(0, np.floor(y - reach))), int(min(HEIGHT, np.ceil(y + reach)))
    if left >= right or top >= bottom:
        return None
    py, px = np.mgrid[top:bottom, left:right].astype(np.float32)
    px, py = (px - np.float32(x)) / np.float32(scale), (py - np.float32(y)) / np.float32(scale)
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    u, v = c * px + s * py, c * py - s * px
    if yaw:
        squeeze = float(np.cos(yaw))
        u = u / np.float32(np.copysign(max(abs(squeeze), 0.15), squeeze))
    if actor.deform:
        u, v = actor.deform(u, v, t)
    map_u = (u + np.float32(half_u)) * np.float32(KEPT) - np.float32(0.5)
    map_v = (v + np.float32(half_v)) * np.float32(KEPT) - np.float32(0.5)
    rows, columns = _reached(map_u, map_v, actor.sprite.rgba.shape[1], actor.sprite.rgba.shape[0])
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return None
    u, map_u, map_v = u[rows, columns], map_u[rows, columns], map_v[rows, columns]
    rgba = cv2.remap(actor.sprite.rgba, map_u, map_v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    if actor.sprite.skin is not None:
        rgba[..., :3] *= _wrapped_skin(actor.sprite.skin, u / np.float32(half_u), map_v, actor.spin * t)
    return slice(top + rows.start, top + rows.stop), slice(left + columns.start, left + columns.stop), rgba


def _reached(map_u: Grid, map_v: Grid, width: int, height: int) -> tuple[slice, slice]:
    """The rows and columns whose pixels look at the sprite at all: the rest need not be drawn."""
    seen = (map_u > -1) & (map_u < width) & (map_v > -1) & (map_v < height)
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _wrapped_skin(skin: Grid, across: Grid, map_v: Grid, turns: float) -> Grid:
    import cv2

    width = skin.shape[1]
    longitude = np.arcsin(np.clip(across, -1, 1)) / np.float32(2 * np.pi) + np.float32(turns)
    return cv2.remap(skin, (longitude % 1) * np.float32(width), map_v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def _throw_shadow(picture: Grid, alpha: Grid, rows: slice, columns: slice, actor: Actor) -> None:
    import cv2

    dx, dy = (round(value) for value in actor.shadow_offset)
    blurred = cv2.GaussianBlur(alpha, (0, 0), 3.0)
    top, left = max(0, rows.start + dy), max(0, columns.start + dx)
    bottom, right = min(HEIGHT, rows.stop + dy), min(WIDTH, columns.stop + dx)
    if top >= bottom or left >= right:
        return
    part = blurred[
        top - rows.start - dy : bottom - rows.start - dy, left - columns.start - dx : right - columns.start - dx
    ]
    picture[top:bottom, left:right] *= 1 - np.float32(actor.shadow) * part[..., None]


# --- what textures and sprites are made of


def fbm(rng: Rng, height: int, width: int, cells: float = 4, octaves: int = 5, gain: float = 0.5) -> Grid:
    """Fractal noise (height, width) in 0..1; `cells` is the number of bumps of the coarsest octave over the height."""
    import cv2

    total = np.zeros((height, width), np.float32)
    weight = 1.0
    for _ in range(octaves):
        rows, columns = max(2, round(cells) + 1), max(2, round(cells * width / height) + 1)
        coarse = rng.random((rows, columns), np.float32)
        total += np.float32(weight) * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        cells, weight = cells * 2, weight * gain
        if cells > height:
            break
    total -= total.min()
    return total / max(float(total.max()), 1e-6)


def smooth(low: float, high: float, value: Any) -> Grid:
    """Smooth step from 0 at `low` to 1 at `high`."""
    x = np.clip((value - low) / (high - low), 0, 1).astype(np.float32)
    return x * x * (3 - 2 * x)


def mix(first: Any, second: Any, weight: Any) -> Grid:
    """Colours (or pictures) blended: 0 gives `first`, 1 `second`; `weight` is (h, w)."""
    a, b = np.asarray(first, np.float32), np.asarray(second, np.float32)
    return a + (b - a) * np.asarray(weight, np.float32)[..., None]


def canvas(half_u: float, half_v: float) -> tuple[Grid, Grid]:
    """Local coordinates (u, v) of a drawing of the given half extents, at `DRAWN` pixels a unit."""
    width, height = round(2 * half_u * KEPT), round(2 * half_v * KEPT)
    ratio = DRAWN / KEPT
    columns = (np.arange(round(width * ratio)) + 0.5) / DRAWN - half_u
    rows = (np.arange(round(height * ratio)) + 0.5) / DRAWN - half_v
    u, v = np.meshgrid(columns.astype(np.float32), rows.astype(np.float32))
    return u, v


def emboss(mask: npt.NDArray[np.bool_], radius: float, light: tuple[float, float, float] = (-0.4, -0.65, 0.65)) -> Grid:
    """Shading (about 0.5..1.25) that makes a flat shape look round; `radius` in units: how far in it still curves."""
    import cv2

    reach = radius * DRAWN
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    edge = 1 - np.clip(depth / reach, 0, 1)
    height = cv2.GaussianBlur((reach * np.sqrt(1 - edge * edge)).astype(np.float32), (0, 0), max(1.0, reach * 0.12))
    gy, gx = np.gradient(height * np.float32(0.8))
    lx, ly, lz = np.array(light) / np.linalg.norm(light)
    lambert = (-gx * lx - gy * ly + lz) / np.sqrt(gx * gx + gy * gy + 1)
    return np.asarray(0.42 + 0.85 * np.clip(lambert, 0, 1), np.float32)


def sprite(colour: Grid, alpha: Any, skin: Grid | None = None) -> Sprite:
    """A sprite of a drawing: colour (h, w, 3) and coverage (h, w) on a `canvas`."""
    import cv2

    cover = np.asarray(alpha, np.float32)
    rgba = np.dstack([np.clip(colour, 0, 1.2) * cover[..., None], cover]).astype(np.float32)
    height, width = cover.shape
    size = (round(width * KEPT / DRAWN), round(height * KEPT / DRAWN))
    return Sprite(cv2.resize(rgba, size, interpolation=cv2.INTER_AREA), skin)
