"""The demo set's grounds: the painted panoramas that lie behind everything, and the light over the picture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vos_core.datasets.demo_render import HEIGHT, MARGIN, WIDTH, Grid, Rng, fbm, mix, smooth

ROWS, COLUMNS = HEIGHT + 2 * MARGIN, WIDTH + 2 * MARGIN


def reef(rng: Rng) -> Grid:
    """Open water above, coral heads and sand below."""
    y = _axes()[0]
    water = mix((0.10, 0.42, 0.58), (0.02, 0.16, 0.32), smooth(0.1, 0.8, y))
    picture = water * (0.9 + 0.2 * fbm(rng, ROWS, COLUMNS, 3, 4))[..., None]
    for depth, (level, tint) in enumerate(
        ((0.50, (0.10, 0.28, 0.36)), (0.60, (0.30, 0.24, 0.34)), (0.70, (0.48, 0.30, 0.28)))
    ):
        ridge = level + 0.16 * (_ridge(rng, 7 + 3 * depth) - 0.5)
        grain = fbm(rng, ROWS, COLUMNS, 14, 6, 0.62)
        cover = smooth(-0.004, 0.004, y - ridge + 0.05 * (grain - 0.5))
        coral = mix(np.multiply(tint, 0.45), np.multiply(tint, 1.7), grain) * _relief(grain, 5)[..., None]
        growth = smooth(0.6, 0.66, fbm(rng, ROWS, COLUMNS, 9, 3))
        coral = mix(coral, coral * np.array((1.5, 0.75, 0.85), np.float32), growth * depth / 2)
        picture = mix(picture, mix(coral, water, 0.55 - 0.22 * depth + 0 * y), cover)
    grain = fbm(rng, ROWS, COLUMNS, 20, 5, 0.6)
    sand = mix((0.50, 0.46, 0.36), (0.72, 0.66, 0.50), grain)
    sand *= (1 + 0.07 * np.sin(y * 150 + 5 * fbm(rng, ROWS, COLUMNS, 5, 3)))[..., None]
    return mix(picture, sand * 0.8, smooth(-0.01, 0.03, y - 0.80 - 0.04 * _ridge(rng, 5))).astype(np.float32)


def pond(rng: Rng) -> Grid:
    """A pebbled bed seen through dark green water."""
    near, gap, tone = _cells(rng, 1500)
    grain = fbm(rng, ROWS, COLUMNS, 20, 5)
    stone = mix((0.16, 0.21, 0.18), (0.40, 0.40, 0.32), tone) * (0.75 + 0.5 * grain)[..., None]
    stone *= (0.45 + 0.75 * smooth(0.0, 7.0, gap) - 0.012 * near)[..., None]
    murk = fbm(rng, ROWS, COLUMNS, 3, 4)
    return mix(stone, (0.05, 0.17, 0.16), 0.35 + 0.4 * smooth(0.35, 0.75, murk)).astype(np.float32)


def hills(rng: Rng) -> Grid:
    """A morning sky over hazy ridges and fields."""
    y = _axes()[0]
    picture = mix((0.36, 0.58, 0.86), (0.96, 0.84, 0.72), smooth(0.15, 0.66, y))
    haze = fbm(rng, ROWS, COLUMNS, 4, 6) * smooth(0.75, 0.2, y)
    picture = mix(picture, (1.0, 0.97, 0.94), smooth(0.45, 0.85, haze) * 0.75)
    for depth in range(5):
        level = 0.58 + 0.075 * depth
        ridge = level + (0.13 - 0.012 * depth) * (_ridge(rng, 3 + 2 * depth) - 0.5)
        grain = fbm(rng, ROWS, COLUMNS, 16 + 8 * depth, 6, 0.6)
        tint = mix((0.58, 0.62, 0.74), (0.16, 0.30, 0.12), np.full((1, 1), depth / 4, np.float32))[0, 0]
        land = mix(tint * 0.75, tint * 1.25, grain) * _relief(grain, 1.5 + 0.8 * depth)[..., None]
        field = smooth(0.52, 0.55, fbm(rng, ROWS, COLUMNS, 7, 2)) * (depth >= 2)
        land = mix(land, land * np.array((1.7, 1.35, 0.8), np.float32), field * 0.8)
        picture = mix(picture, land, smooth(-0.002, 0.002, y - ridge + 0.01 * grain))
    return picture.astype(np.float32)


def abyss(rng: Rng) -> Grid:
    """Deep water with drifting specks and a far wall of rock."""
    y = _axes()[0]
    picture = mix((0.05, 0.17, 0.34), (0.01, 0.03, 0.09), smooth(0.1, 0.95, y))
    grain = fbm(rng, ROWS, COLUMNS, 7, 7, 0.6)
    wall = mix((0.02, 0.07, 0.13), (0.13, 0.25, 0.34), grain) * _relief(grain, 5)[..., None]
    picture = mix(picture, wall, smooth(0.42, 0.6, fbm(rng, ROWS, COLUMNS, 2.5, 4) + 0.25 * (y - 0.5)) * 0.75)
    for radius, count in ((1.1, 500), (1.8, 150), (3.5, 30)):
        picture += _specks(rng, count, radius)[..., None] * np.array((0.30, 0.42, 0.5), np.float32)
    return picture.astype(np.float32)


def forest_floor(rng: Rng) -> Grid:
    """Dark soil with moss, pebbles and twigs."""
    import cv2

    grain = fbm(rng, ROWS, COLUMNS, 30, 6, 0.65)
    picture = mix((0.20, 0.14, 0.09), (0.46, 0.35, 0.24), grain) * _relief(grain, 4)[..., None]
    moss = fbm(rng, ROWS, COLUMNS, 4, 6, 0.6)
    green = mix((0.14, 0.22, 0.06), (0.34, 0.44, 0.14), fbm(rng, ROWS, COLUMNS, 60, 3))
    picture = mix(picture, green, smooth(0.5, 0.62, moss))
    near, gap, tone = _cells(rng, 900)
    pebble = smooth(1.5, 4.0, gap) * (tone > 0.8)
    stone = mix((0.34, 0.31, 0.28), (0.62, 0.58, 0.52), grain) * (1.1 - 0.03 * near)[..., None]
    picture = mix(picture, stone, pebble)
    picture = np.ascontiguousarray(picture, np.float32)
    for _ in range(240):
        x, y, angle, size = rng.random() * COLUMNS, rng.random() * ROWS, rng.random() * np.pi, 6 + 22 * rng.random()
        tip = (round(x + size * np.cos(angle)), round(y + size * np.sin(angle)))
        colour = np.array((0.42, 0.30, 0.16)) * (0.5 + 0.9 * rng.random())
        cv2.line(picture, (round(x) + 1, round(y) + 2), (tip[0] + 1, tip[1] + 2), (0.08, 0.06, 0.04), 1, cv2.LINE_AA)
        cv2.line(picture, (round(x), round(y)), tip, colour.tolist(), 1 + (rng.random() < 0.25), cv2.LINE_AA)
    return picture


def desert(rng: Rng) -> Grid:
    """Wind ripples on sand, with gravel and dry scrub."""
    y, x = _axes()
    bend = fbm(rng, ROWS, COLUMNS, 3, 4)
    ripple = np.sin(y * 62 + x * 14 + bend * 22) * smooth(0.25, 0.6, fbm(rng, ROWS, COLUMNS, 3, 3))
    grain = fbm(rng, ROWS, COLUMNS, 60, 4, 0.7)
    picture = mix((0.62, 0.46, 0.28), (0.84, 0.68, 0.45), 0.35 + 0.35 * bend + 0.3 * grain)
    picture *= (0.92 + 0.10 * ripple + 0.18 * (grain - 0.5))[..., None]
    near, gap, tone = _cells(rng, 1700)
    gravel = smooth(1.2, 3.0, gap) * (tone > 0.82)
    stone = mix((0.38, 0.28, 0.19), (0.70, 0.55, 0.38), tone * 3 - 2 + 0 * near) * (1.15 - 0.035 * near)[..., None]
    picture = mix(picture, stone, gravel * 0.9)
    scrub = smooth(0.68, 0.78, fbm(rng, ROWS, COLUMNS, 9, 6, 0.75))
    return mix(picture, (0.40, 0.36, 0.18), scrub * 0.7).astype(np.float32)


def meadow(rng: Rng) -> Grid:
    """Grass and flowers seen from above."""
    import cv2

    light = fbm(rng, ROWS, COLUMNS, 4, 5)
    picture = np.ascontiguousarray(mix((0.10, 0.22, 0.05), (0.24, 0.40, 0.10), light), np.float32)
    for step in range(5200):
        x, y = rng.random() * COLUMNS, rng.random() * ROWS
        angle, size = -np.pi / 2 + 1.1 * rng.standard_normal(), 6 + 16 * rng.random()
        tip = (round(x + size * np.cos(angle)), round(y + size * np.sin(angle)))
        shade = 0.35 + 0.95 * step / 5200 * (0.6 + 0.6 * rng.random())
        colour = np.array((0.26, 0.46, 0.12)) * shade + np.array((0.1, 0.05, 0.0)) * rng.random()
        cv2.line(picture, (round(x), round(y)), tip, colour.tolist(), 1 + (rng.random() < 0.3), cv2.LINE_AA)
    petals = ((0.96, 0.94, 0.90), (0.92, 0.74, 0.16), (0.62, 0.40, 0.80), (0.90, 0.36, 0.42))
    for _ in range(150):
        x, y, size = rng.random() * COLUMNS, rng.random() * ROWS, 2.2 + 3.2 * rng.random()
        petal = np.array(petals[int(rng.integers(4))]) * (0.75 + 0.3 * rng.random())
        turn = rng.random() * 6
        for k in range(6):
            centre = (round(x + size * np.cos(turn + k * 1.047)), round(y + size * np.sin(turn + k * 1.047)))
            cv2.circle(
                picture, centre, max(1, round(size * 0.62)), (petal * (0.86 + 0.05 * (k % 3))).tolist(), -1, cv2.LINE_AA
            )
        cv2.circle(picture, (round(x), round(y)), max(1, round(size * 0.5)), (0.80, 0.58, 0.10), -1, cv2.LINE_AA)
    return picture


# --- light over the finished picture


def caustics(rng: Rng, strength: float) -> Callable[[Grid, float], Grid]:
    """The net of light that a rippled surface throws on the ground."""
    import cv2

    first, second = (np.abs(fbm(rng, ROWS, COLUMNS, 12, 2) - 0.5) for _ in range(2))
    net = np.dstack([np.clip(1 - 9 * first, 0, 1), np.clip(1 - 9 * second, 0, 1)])
    net = cv2.GaussianBlur(net, (0, 0), 1.2)
    edge = _vignette(0.30)

    def overlay(picture: Grid, t: float) -> Grid:
        a, b = round(30 + 0.9 * t) % (2 * MARGIN), round(40 + 0.6 * t) % (2 * MARGIN)
        light = net[b : b + HEIGHT, a : a + WIDTH, 0] * net[a : a + HEIGHT, b : b + WIDTH, 1]
        return picture * ((1 + np.float32(strength) * (light * 2.2 - 0.25)) * edge)[..., None]

    return overlay


def rays(strength: float) -> Callable[[Grid, float], Grid]:
    """Slanting shafts of light from above."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    fall = smooth(HEIGHT * 1.1, 0, y)
    edge = _vignette(0.28)

    def overlay(picture: Grid, t: float) -> Grid:
        lean = x + 0.45 * y
        shafts = np.sin(lean / 31 + 0.05 * t) + np.sin(lean / 17 - 0.033 * t) + np.sin(lean / 53 + 0.02 * t)
        light = smooth(0.3, 2.4, shafts) * fall * np.float32(strength)
        return mix(picture, (0.75, 0.95, 1.0), light) * edge[..., None]

    return overlay


def daylight(
    low: float, high: float, period: float, tint: tuple[float, float, float] = (1, 1, 1)
) -> Callable[[Grid, float], Grid]:
    """Brightness that swings between `low` and `high`, its dark end tinted."""
    edge = _vignette(0.22)

    def overlay(picture: Grid, t: float) -> Grid:
        bright = 0.5 + 0.5 * np.cos(2 * np.pi * t / period)
        gain = low + (high - low) * bright
        colour = np.array(tint, np.float32) * np.float32(1 - bright) + np.float32(bright)
        return picture * np.float32(gain) * colour * edge[..., None]

    return overlay


def cloud_shadow(rng: Rng, strength: float, speed: float) -> Callable[[Grid, float], Grid]:
    """Soft shadows of clouds that drift over the ground."""
    field = smooth(0.40, 0.62, fbm(rng, HEIGHT, 3 * WIDTH, 2, 3))
    edge = _vignette(0.22)

    def overlay(picture: Grid, t: float) -> Grid:
        start = round(speed * t) % (2 * WIDTH)
        return picture * ((1 - np.float32(strength) * field[:, start : start + WIDTH]) * edge)[..., None]

    return overlay


def _axes() -> tuple[Grid, Grid]:
    """Panorama coordinates as fractions of the *frame*: 0 at its top left, 1 at its bottom right, without a pan."""
    y, x = np.mgrid[0:ROWS, 0:COLUMNS].astype(np.float32)
    return (y - MARGIN) / HEIGHT, (x - MARGIN) / WIDTH


def _ridge(rng: Rng, cells: float) -> Grid:
    return fbm(rng, 64, COLUMNS, cells * 64 / COLUMNS * 2, 6, 0.5)[32][None, :]


def _relief(height: Grid, strength: float) -> Grid:
    gy, gx = np.gradient(height)
    shade: Grid = 1 + strength * np.clip(-(0.6 * gx + gy), -0.08, 0.08)
    return shade


def _cells(rng: Rng, count: int) -> tuple[Grid, Grid, Grid]:
    """Voronoi cells over the panorama: distance to the centre, gap to the next cell, and each cell's tone in 0..1."""
    from scipy.spatial import cKDTree

    centres = rng.random((count, 2)) * (ROWS, COLUMNS)
    tones = rng.random(count).astype(np.float32)
    points = np.mgrid[0:ROWS:2, 0:COLUMNS:2].reshape(2, -1).T
    distance, index = cKDTree(centres).query(points, k=2)
    shape = (ROWS // 2, COLUMNS // 2)
    near, gap = distance[:, 0].reshape(shape), (distance[:, 1] - distance[:, 0]).reshape(shape)
    return _double(near), _double(gap), np.kron(tones[index[:, 0]].reshape(shape), np.ones((2, 2), np.float32))


def _double(values: Grid) -> Grid:
    import cv2

    return cv2.resize(values.astype(np.float32), (COLUMNS, ROWS), interpolation=cv2.INTER_LINEAR)


def _specks(rng: Rng, count: int, radius: float) -> Grid:
    import cv2

    dots = np.zeros((ROWS, COLUMNS), np.float32)
    rows, columns = rng.integers(0, ROWS, count), rng.integers(0, COLUMNS, count)
    dots[rows, columns] = rng.random(count).astype(np.float32)
    return cv2.GaussianBlur(dots, (0, 0), radius) * np.float32(2 * np.pi * radius * radius)


def _vignette(strength: float) -> Grid:
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j].astype(np.float32)
    return 1 - np.float32(strength) * smooth(0.5, 1.5, np.hypot(x, y))
