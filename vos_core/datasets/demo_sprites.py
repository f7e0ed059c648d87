"""The demo set's cast: fish, koi, beetles, butterflies, jellyfish, balloons, snakes, and what they hide behind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vos_core.datasets.demo_render import DRAWN, Deform, Grid, Rng, Sprite, canvas, emboss, fbm, mix, smooth, sprite

Colour = tuple[float, float, float]


def fish(rng: Rng, length: float, base: Colour, mark: Colour, pattern: str = "bands", depth: float = 0.42) -> Sprite:
    """A fish seen from the side, heading right; `pattern` is bands, spots or patches."""
    half = length / 2
    u, v = canvas(half * 1.1, half * 0.8)
    x, y = u / half, v / half
    profile = depth * np.sqrt(np.clip(1 - ((x - 0.12) / 0.78) ** 2, 0, 1)) * (0.78 + 0.22 * smooth(-0.7, 0.3, x))
    body = np.abs(y) < profile
    tail = (x < -0.5) & (x > -0.98 + 0.22 * (1 - np.abs(y) / 0.36)) & (np.abs(y) < 0.05 + 0.75 * (-0.5 - x))
    fin = (y < 0) & (-y < depth + 0.2 * np.sin(np.clip((x + 0.35) / 0.75, 0, 1) * np.pi)) & (np.abs(x) < 0.4)
    belly = (y > 0) & (y < depth + 0.14) & (np.abs(x - 0.1 + 0.9 * (y - depth)) < 0.12)
    alpha = body | tail | fin | belly
    height, width = x.shape
    colour = mix(
        mix(base, (1, 1, 0.94), 0.6 * smooth(0.05, depth, y)), np.multiply(base, 0.55), smooth(0.05, -depth, y)
    )
    warp = fbm(rng, height, width, 4, 4)
    if pattern == "bands":
        weight = smooth(0.35, 0.6, np.sin(x * 9 + 3 * (warp - 0.5) + 0.6))
    elif pattern == "spots":
        weight = smooth(0.6, 0.68, fbm(rng, height, width, 11, 2))
    else:
        weight = smooth(0.5, 0.56, fbm(rng, height, width, 3.5, 4))
    colour = mix(colour, mark, weight * 0.92)
    scales = 0.5 + 0.5 * np.sin(x * 75 + 2 * np.sin(y * 60)) * np.sin(y * 60)
    colour *= (0.92 + 0.14 * scales)[..., None]
    fins = ~body
    rays = 0.75 + 0.25 * np.sin(np.arctan2(y, x + 0.3) * 70)
    colour = np.where(fins[..., None], mix(mark, base, 0.35 * np.ones_like(x)) * rays[..., None], colour)
    colour = colour * emboss(body | fins, half * 0.3)[..., None]
    colour *= (0.9 + 0.2 * warp)[..., None]
    gill = np.abs(np.hypot((x - 0.36) / 0.8, y) - 0.26) < 0.012
    colour[gill & (x > 0.45) & body] *= 0.6
    eye = np.hypot(x - 0.66, y + 0.1)
    colour[eye < 0.075] = (0.95, 0.9, 0.7)
    colour[eye < 0.05] = (0.03, 0.03, 0.04)
    colour[np.hypot(x - 0.675, y + 0.12) < 0.018] = 1.0
    return sprite(colour, alpha)


def koi(rng: Rng, length: float, base: Colour, mark: Colour, coverage: float = 0.5) -> Sprite:
    """A koi seen from above, heading right, with patches of `mark` over about `coverage` of it."""
    half = length / 2
    u, v = canvas(half * 1.08, half * 0.56)
    x, y = u / half, v / half
    profile = 0.235 * np.clip(1 - np.abs((x - 0.25) / 0.76) ** 2.4, 0, 1) ** 0.6 * (0.3 + 0.7 * smooth(-0.8, 0.25, x))
    body = np.abs(y) < profile
    tail = (x < -0.42) & (np.abs(y) < 0.03 + 0.42 * (-0.42 - x)) & (x > -1.0 + 0.25 * (1 - np.abs(y) / 0.25))
    side = np.abs(y)
    fins = (np.hypot((x - 0.33 + 0.75 * (side - 0.15)) / 0.15, (side - 0.26) / 0.19) < 1) & (side > 0.1)
    hind = (np.hypot((x + 0.12 + 0.8 * (side - 0.1)) / 0.09, (side - 0.17) / 0.11) < 1) & (side > 0.06)
    height, width = x.shape
    weight = smooth(1 - coverage - 0.04, 1 - coverage + 0.04, fbm(rng, height, width, 2.6, 5))
    colour = mix(base, mark, weight)
    scales = np.sin(x * 70 + np.sin(y * 90)) * np.sin(y * 90)
    colour = colour * (0.95 + 0.07 * scales)[..., None]
    shade = emboss(body, half * 0.2)
    thin = ~body
    rays = 0.82 + 0.18 * np.sin(np.arctan2(y, x - 0.2) * 60)
    colour = np.where(
        thin[..., None], mix(base, (0.95, 0.9, 0.85), 0.3 * np.ones_like(x)) * rays[..., None] * 0.85, colour
    )
    colour = np.where(body[..., None], colour * shade[..., None], colour)
    ridge = np.exp(-((y / 0.02) ** 2)) * smooth(-0.6, -0.2, x) * smooth(0.6, 0.2, x)
    colour = mix(colour, np.multiply(colour, 0.72), ridge)
    for sign in (-1, 1):
        colour[np.hypot(x - 0.8, y - sign * 0.12) < 0.03] = (0.04, 0.03, 0.03)
    return sprite(colour, body | tail | fins | hind)


def beetle(rng: Rng, length: float, base: Colour, mark: Colour, spots: int = 7) -> Sprite:
    """A beetle seen from above, heading right, with `spots` dots on its wing cases."""
    half = length / 2
    u, v = canvas(half * 1.15, half * 0.95)
    x, y = u / half, v / half
    shell = np.hypot((x + 0.16) / 0.68, y / 0.56) < 1
    chest = np.hypot((x - 0.5) / 0.2, y / 0.38) < 1
    head = np.hypot((x - 0.72) / 0.16, y / 0.22) < 1
    legs = np.zeros(x.shape, bool)
    for root, knee, foot in ((0.42, 0.62, 0.9), (0.1, 0.1, 0.0), (-0.25, -0.5, -0.8)):
        for sign in (-1, 1):
            legs |= _segment(x, y, (root, 0.3 * sign), (knee, 0.66 * sign), 0.055)
            legs |= _segment(x, y, (knee, 0.66 * sign), (foot, 0.86 * sign), 0.04)
    for sign in (-1, 1):
        legs |= _segment(x, y, (0.8, 0.1 * sign), (1.06, 0.3 * sign), 0.03)
    height, width = x.shape
    grain = fbm(rng, height, width, 6, 5)
    colour = np.ones((height, width, 3), np.float32) * np.array((0.09, 0.07, 0.06), np.float32)
    colour += (0.05 * grain)[..., None]
    colour[shell] = base
    angles = rng.random(spots) * 0.7 + np.linspace(0.2, 2.4, spots)
    for number, angle in enumerate(angles):
        radius = (0.24, 0.42)[number % 2]
        for sign in (-1, 1):
            spot = np.hypot(x + 0.16 - 1.15 * radius * np.cos(angle), y - sign * radius * np.sin(angle))
            colour[(spot < 0.095) & shell] = mark
    colour[(np.abs(y) < 0.018) & shell] *= 0.35
    colour *= (0.85 + 0.3 * grain)[..., None]
    colour = np.where(shell[..., None], colour * emboss(shell, half * 0.5)[..., None], colour)
    rest = (chest | head) & ~shell
    colour = np.where(rest[..., None], colour * 1.6 * emboss(chest | head, half * 0.2)[..., None], colour)
    gloss = np.exp(-(((x + 0.02) / 0.24) ** 2) - ((y + 0.22) / 0.13) ** 2) * 0.55
    colour = mix(colour, (1, 1, 1), gloss * shell)
    return sprite(colour, shell | chest | head | legs)


def butterfly(rng: Rng, span: float, base: Colour, mark: Colour, rim: Colour = (0.08, 0.06, 0.07)) -> Sprite:
    """A butterfly seen from above, heading right, wings spread along v."""
    half = span / 2
    u, v = canvas(half * 0.95, half * 1.05)
    x, y = u / half, np.abs(v / half)
    fore = _lobe(x, y, 0.22, 0.5, 0.34, 0.56, 0.55)
    hind = _lobe(x, y, -0.34, 0.36, 0.34, 0.4, -0.5)
    wings = (fore < 1) | (hind < 1)
    body = np.hypot((x - 0.02) / 0.52, y / 0.055) < 1
    feelers = _segment(x, y, (0.5, 0.02), (0.82, 0.2), 0.018)
    height, width = x.shape
    warp = fbm(rng, height, width, 4, 4)
    inside = np.minimum(fore, hind) + 0.18 * (warp - 0.5)
    angle = np.arctan2(y - 0.05, x - 0.02)
    colour = mix(base, np.multiply(base, 0.7), smooth(0.2, 0.9, inside))
    colour = mix(colour, mark, smooth(0.55, 0.7, np.sin(angle * 9) * smooth(0.75, 0.5, inside)))
    colour = mix(colour, rim, smooth(0.68, 0.76, inside))
    dots = smooth(0.75, 0.9, np.sin(angle * 26)) * smooth(0.78, 0.82, inside) * smooth(0.97, 0.92, inside)
    colour = mix(colour, (0.97, 0.95, 0.9), dots)
    veins = smooth(0.93, 0.99, np.cos(angle * 22)) * 0.45
    colour = mix(colour, rim, veins)
    for centre_x, centre_y, radius in ((0.34, 0.62, 0.09), (-0.42, 0.4, 0.11)):
        ring = np.hypot(x - centre_x, y - centre_y) / radius
        colour = mix(colour, mix(rim, mark, smooth(0.9, 0.4, ring)), smooth(1.05, 0.95, ring))
    colour = colour * (0.85 + 0.3 * warp)[..., None] * (0.35 + 0.65 * emboss(wings, half * 0.16))[..., None]
    furry = np.array((0.16, 0.12, 0.09), np.float32) * (0.7 + 0.8 * fbm(rng, height, width, 24, 2))[..., None]
    colour = np.where((body | feelers)[..., None], furry * emboss(body, half * 0.05)[..., None], colour)
    return sprite(colour, wings | body | feelers)


def jellyfish(rng: Rng, size: float, base: Colour, glow: Colour) -> Sprite:
    """A jellyfish, bell up, arms down."""
    half = size / 2
    u, v = canvas(half * 0.85, half * 1.35)
    x, y = u / half, v / half + 0.55
    dome = (np.hypot(x / 0.72, (y - 0.12) / 0.78) < 1) & (y < 0.12 + 0.07 * np.cos(x * 19))
    height, width = x.shape
    arms = np.zeros(x.shape, bool)
    shade_arms = np.zeros(x.shape, np.float32)
    for number, root in enumerate(np.linspace(-0.56, 0.56, 9)):
        phase, reach = rng.random() * 6, 0.95 + 0.75 * rng.random() + 0.3 * (number % 2)
        middle = root * (1 - 0.25 * y) + 0.05 * np.sin(y * 7 + phase)
        arm = (np.abs(x - middle) < 0.075 * (1 - 0.6 * y / reach)) & (y > 0) & (y < reach)
        arms |= arm
        shade_arms = np.maximum(shade_arms, arm * (1 - 0.45 * np.abs(x - middle) / 0.075))
    ribs = 0.5 + 0.5 * np.cos(np.arctan2(x, 0.45 - y) * 20)
    colour = mix(base, glow, np.exp(-((np.hypot(x, y + 0.1) / 0.45) ** 2)) * 0.9)
    colour = colour * (0.72 + 0.4 * ribs)[..., None]
    for sign in (-1, 1):
        ring = np.hypot(x - sign * 0.2, (y + 0.14) / 0.8)
        colour = mix(colour, np.multiply(glow, 0.65), smooth(0.05, 0.02, np.abs(ring - 0.14)))
    colour = colour * emboss(dome, half * 0.5)[..., None]
    colour = np.where(dome[..., None], colour, np.multiply(base, 0.95) * (0.35 + 0.75 * shade_arms)[..., None])
    colour = mix(colour, glow, 0.75 * smooth(0.06, 0.0, np.abs(y - 0.07 - 0.05 * np.cos(x * 19))) * dome)
    colour = colour * (0.8 + 0.4 * fbm(rng, height, width, 9, 4))[..., None]
    return sprite(colour, dome | arms)


def balloon(rng: Rng, size: float, colours: Sequence[Colour], gores: int = 12) -> Sprite:
    """A hot-air balloon whose skin of coloured gores turns (`Actor.spin`)."""
    half = size / 2
    u, v = canvas(half * 0.86, half * 1.25)
    x, y = u / half, v / half + 0.28
    taper = np.sqrt(np.clip(1 - y * y, 0, 1)) * (1 - 0.16 * smooth(0.0, 1.0, y))
    envelope = (np.abs(x) < np.maximum(0.82 * taper, 0.14)) & (y < 0.98) & (y > -0.97)
    basket = (np.abs(x) < 0.13) & (y > 1.22) & (y < 1.46)
    ropes = (np.abs(np.abs(x) - 0.12) < 0.014) & (y >= 0.95) & (y < 1.26)
    shade = emboss(envelope, half * 0.8)
    colour = np.ones(x.shape + (3,), np.float32) * shade[..., None]
    weave = 0.75 + 0.25 * np.sin(x * 90) * np.sin(y * 90)
    wood = np.array((0.42, 0.26, 0.12), np.float32) * (weave * (1.1 - 0.5 * smooth(-0.1, 0.13, x)))[..., None]
    colour = np.where(basket[..., None], wood, np.where(ropes[..., None], 0.18, colour))
    rows = round(2 * half * 1.25 * 1.5)
    wide = 384
    turn = np.linspace(0, 1, wide, endpoint=False, dtype=np.float32)[None, :]
    down = np.linspace(-1.25 + 0.28, 1.25 + 0.28, rows, dtype=np.float32)[:, None]
    gore = np.floor(turn * gores).astype(int) % len(colours) * np.ones((rows, 1), int)
    skin = np.array(colours, np.float32)[gore]
    band = smooth(0.05, 0.03, np.abs(down - 0.1 - 0.12 * np.abs((turn * gores) % 2 - 1))) * np.ones_like(turn)
    skin = mix(skin, colours[-1], band)
    crest = ((turn * 3) % 1 - 0.5) ** 2 * 10 + (down + 0.32) ** 2 * 14
    skin = mix(skin, colours[0], smooth(0.62, 0.5, crest))
    seams = smooth(0.07, 0.02, np.minimum((turn * gores) % 1, 1 - (turn * gores) % 1)) * np.ones_like(down)
    skin = skin * (1 - 0.3 * seams)[..., None] * (0.9 + 0.2 * fbm(rng, rows, wide, 6, 4))[..., None]
    skin[(down[:, 0] > 0.97)] = 1.0
    return sprite(colour, envelope | basket | ropes, skin.astype(np.float32))


def snake(rng: Rng, length: float, width: float, base: Colour, mark: Colour) -> Sprite:
    """A snake stretched straight, heading right; `slither` bends it along its path."""
    half, thick = length / 2, width / 2
    u, v = canvas(half, thick * 1.3)
    along = (u + half) / length
    girth = thick * np.sqrt(smooth(0, 0.5, along)) * (1 - 0.35 * np.exp(-(((along - 0.93) / 0.025) ** 2)))
    girth = np.where(along > 0.93, thick * 0.98 * np.sqrt(np.clip(1 - ((along - 0.955) / 0.044) ** 2, 0, 1)), girth)
    alpha = np.abs(v) < girth
    height, wide = u.shape
    grain = fbm(rng, height, wide, 3, 4)
    saddle = np.cos(along * 2 * np.pi * 13 + 1.5 * (grain - 0.5)) + 0.5 - 1.1 * np.abs(v / thick)
    colour = mix(base, mark, smooth(-0.15, 0.1, saddle))
    edge = np.exp(-((saddle / 0.12) ** 2))
    colour = mix(colour, np.multiply(mark, 0.4), edge * 0.7)
    scales = np.sin((u + v) * 2.4) * np.sin((u - v) * 2.4)
    colour = colour * (0.93 + 0.16 * scales)[..., None] * (0.85 + 0.3 * grain)[..., None]
    colour = colour * emboss(alpha, thick * 0.9)[..., None]
    for sign in (-1, 1):
        colour[np.hypot(u - half * 0.94, (v - sign * thick * 0.55)) < thick * 0.2] = (0.03, 0.03, 0.02)
    return sprite(colour, alpha)


# --- what they hide behind


def lily_pad(rng: Rng, size: float) -> Sprite:
    """A lily pad with its notch and veins."""
    half = size / 2
    u, v = canvas(half * 1.05, half * 1.05)
    x, y = u / half, v / half
    angle, radius = np.arctan2(y, x), np.hypot(x, y)
    alpha = (radius < 0.95 + 0.03 * np.sin(angle * 7 + 1)) & ~((np.abs(angle) < 0.2) & (radius > 0.08))
    height, width = x.shape
    grain = fbm(rng, height, width, 5, 5)
    colour = mix((0.20, 0.42, 0.13), (0.42, 0.60, 0.22), grain)
    colour = mix(colour, (0.55, 0.72, 0.38), 0.55 * smooth(0.95, 0.995, np.cos(angle * 14)) * smooth(0.95, 0.1, radius))
    colour = mix(colour, (0.50, 0.34, 0.16), smooth(0.86, 0.99, radius) * 0.7)
    return sprite(colour * emboss(alpha, half * 0.12)[..., None], alpha)


def leaf(rng: Rng, length: float, base: Colour) -> Sprite:
    """A pointed leaf with a midrib, along u."""
    half = length / 2
    u, v = canvas(half * 1.05, half * 0.5)
    x, y = u / half, v / half
    profile = 0.42 * np.clip(1 - x * x, 0, 1) ** 0.85 * (1 - 0.25 * x)
    alpha = (np.abs(y) < profile * (1 + 0.05 * np.sin(x * 34))) | ((np.abs(y) < 0.02) & (x < 0))
    grain = fbm(rng, x.shape[0], x.shape[1], 4, 5)
    colour = mix(np.multiply(base, 0.7), np.multiply(base, 1.25), grain)
    veins = smooth(0.9, 1.0, np.cos((x - np.abs(y) * 0.9) * 26)) * 0.35 + np.exp(-((y / 0.018) ** 2)) * 0.6
    colour = mix(colour, np.multiply(base, 1.5) + 0.08, veins)
    return sprite(colour * emboss(alpha, half * 0.14)[..., None], alpha)


def frond(rng: Rng, length: float, width: float, base: Colour) -> Sprite:
    """A blade of kelp standing upright, its root at the bottom."""
    half = length / 2
    u, v = canvas(width * 1.6, half)
    down = (v + half) / length
    middle = 0.35 * width * np.sin(down * 9 + rng.random() * 6)
    taper = np.clip(np.sin(np.pi * np.clip(down * 1.04, 0, 1) ** 0.55), 0, 1) ** 0.7
    alpha = np.abs(u - middle) < width * 0.5 * (0.06 + 0.94 * taper) * (1 + 0.3 * np.sin(down * 60))
    grain = fbm(rng, u.shape[0], u.shape[1], 14, 5)
    colour = mix(np.multiply(base, 0.6), np.multiply(base, 1.35), grain)
    colour = mix(colour, np.multiply(base, 1.7), 0.6 * np.exp(-(((u - middle) / (width * 0.05)) ** 2)))
    colour *= (1.15 - 0.5 * down)[..., None]
    return sprite(colour * emboss(alpha, width * 0.3)[..., None], alpha)


def rock(rng: Rng, width: float, height: float, base: Colour) -> Sprite:
    """A boulder with a rough outline."""
    half_u, half_v = width / 2, height / 2
    u, v = canvas(half_u * 1.1, half_v * 1.1)
    x, y = u / half_u, v / half_v
    grain = fbm(rng, x.shape[0], x.shape[1], 3.5, 6, 0.55)
    alpha = np.abs(x) ** 2.4 + np.abs(y) ** 2.4 < 0.72 + 0.35 * (grain - 0.5)
    colour = mix(np.multiply(base, 0.55), np.multiply(base, 1.35), grain)
    gy, gx = np.gradient(grain)
    relief = 1 + 9 * np.clip(-(gx + gy), -0.03, 0.03) * DRAWN
    return sprite(colour * relief[..., None] * emboss(alpha, min(half_u, half_v) * 0.8)[..., None], alpha)


def cloud(rng: Rng, width: float) -> Sprite:
    """A cumulus: white puffs, shaded below."""
    half = width / 2
    u, v = canvas(half * 1.05, half * 0.55)
    x, y = u / half, v / half
    puff: Grid = np.full(x.shape, -1.0, np.float32)
    for centre in np.linspace(-0.72, 0.72, 9):
        radius = 0.17 + 0.2 * (1 - centre * centre) * (0.7 + 0.5 * rng.random())
        puff = np.maximum(puff, 1 - np.hypot(x - centre, (y - 0.16 + radius * 0.45)) / radius)
    grain = fbm(rng, x.shape[0], x.shape[1], 5, 5)
    puff = np.where(y > 0.26, puff - (y - 0.26) * 9, puff) + 0.3 * (grain - 0.5)
    alpha = smooth(-0.02, 0.1, puff)
    light = emboss(puff > 0, half * 0.22) * (0.9 + 0.12 * grain)
    colour = mix((0.72, 0.76, 0.84), (1.0, 0.99, 0.97), np.clip((light - 0.55) / 0.55, 0, 1) * smooth(0.42, -0.1, y))
    return sprite(colour, alpha)


# --- how they move


def swim(length: float, amplitude: float, period: float, phase: float = 0.0) -> Deform:
    """The body's wave: still at the head (u > 0), widest at the tail."""

    def deform(u: Grid, v: Grid, t: float) -> tuple[Grid, Grid]:
        back = np.clip(0.6 - u / np.float32(length), 0, 1.2)
        wave = np.sin(np.float32(2 * np.pi * t / period + phase) + u * np.float32(5.2 / length))
        return u, v - np.float32(amplitude) * back * back * wave

    return deform


def slither(length: float, amplitude: float, wavelength: float, speed: float, phase: float = 0.0) -> Deform:
    """A body that follows one winding path: it slides along it and the path stays where it is."""

    def deform(u: Grid, v: Grid, t: float) -> tuple[Grid, Grid]:
        k = np.float32(2 * np.pi / wavelength)
        angle = (u + np.float32(speed * t)) * k + np.float32(phase)
        slope = np.float32(amplitude) * k * np.cos(angle)
        return u, (v - np.float32(amplitude) * np.sin(angle)) / np.sqrt(1 + slope * slope)

    return deform


def scuttle(length: float, period: float, phase: float = 0.0) -> Deform:
    """Legs that step in turn on both sides; the body does not bend."""

    def deform(u: Grid, v: Grid, t: float) -> tuple[Grid, Grid]:
        out = np.clip(np.abs(v) / np.float32(length) - 0.29, 0, 1)
        swing = np.sin(np.float32(2 * np.pi * t / period + phase) + np.where(v > 0, np.float32(np.pi), np.float32(0)))
        return u - np.float32(0.9 * length) * out * swing, v

    return deform


def flap(period: float, phase: float = 0.0, closed: float = 0.35) -> Deform:
    """Wings that beat: seen from above they narrow to `closed` of their spread."""

    def deform(u: Grid, v: Grid, t: float) -> tuple[Grid, Grid]:
        spread = closed + (1 - closed) * (0.5 + 0.5 * np.cos(2 * np.pi * t / period + phase))
        sweep = np.float32(0.25 * (1 - spread))
        return u + sweep * np.abs(v), v / np.float32(spread)

    return deform


def pulse(size: float, period: float, phase: float = 0.0) -> Deform:
    """A bell that contracts, and arms that trail and sway."""

    def deform(u: Grid, v: Grid, t: float) -> tuple[Grid, Grid]:
        beat = np.float32(2 * np.pi * t / period + phase)
        low = np.clip(v / np.float32(size) + 0.3, 0, 2)
        squeeze = 1 + 0.2 * np.sin(beat) * np.clip(low * 3, 0, 1)
        sway = np.float32(0.1 * size) * np.sin(beat * 0.5 - low * 4) * low * low
        return (u - sway) / squeeze, v * (1 - 0.07 * np.sin(beat))

    return deform


def wave(length: float, amplitude: float, period: float, phase: float = 0.0) -> Deform:
    """A plant that sways from its root (v = + length / 2)."""

    def deform(u: Grid, v: Grid, t: float) -> tuple[Grid, Grid]:
        up = np.clip(0.5 - v / np.float32(length), 0, 1)
        bend = np.sin(np.float32(2 * np.pi * t / period + phase) - up * np.float32(2.5))
        return u - np.float32(amplitude) * up * bend, v

    return deform


def wobble(size: float, amount: float, period: float, phase: float = 0.0) -> Deform:
    """A soft shape in the wind."""

    def deform(u: Grid, v: Grid, t: float) -> tuple[Grid, Grid]:
        beat = np.float32(2 * np.pi * t / period + phase)
        return u * (1 + np.float32(amount) * np.sin(beat)) + np.float32(amount) * v * np.sin(beat * 0.7), v * (
            1 - np.float32(amount) * np.sin(beat)
        )

    return deform


def _segment(x: Grid, y: Grid, start: tuple[float, float], end: tuple[float, float], radius: float) -> Grid:
    """Mask of the points within `radius` of a line segment."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    along = np.clip(((x - start[0]) * dx + (y - start[1]) * dy) / (dx * dx + dy * dy), 0, 1)
    near: Grid = np.hypot(x - start[0] - along * dx, y - start[1] - along * dy) < radius
    return near


def _lobe(x: Grid, y: Grid, centre_x: float, centre_y: float, half_x: float, half_y: float, lean: float) -> Grid:
    """Squared radius in a leaning ellipse; below 1 inside."""
    moved = x - centre_x - lean * (y - centre_y) * 0.6
    inside: Grid = (moved / half_x) ** 2 + ((y - centre_y) / half_y) ** 2
    return inside
