"""The demo set's seven videos: who is in them, where they go, and what makes each one hard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from vos_core.datasets import demo_grounds as grounds
from vos_core.datasets import demo_sprites as cast
from vos_core.datasets.demo_render import Actor, Rng, Scene, Track


def _pan(
    rng: Rng, speed: tuple[float, float], sway: float, period: float, shake: float = 0.0
) -> Callable[[float], tuple[float, float]]:
    """A camera that drifts at `speed` pixels a frame and sways; `shake` adds a hand's tremor (pixels)."""
    phases = rng.random(6) * 2 * np.pi

    def camera(t: float) -> tuple[float, float]:
        turn = 2 * np.pi * t / period
        x = speed[0] * t + sway * np.sin(turn)
        y = speed[1] * t + 0.5 * sway * np.sin(1.3 * turn + phases[0])
        for k, rate in enumerate((0.9, 1.7)):
            x += shake * np.sin(rate * t + phases[1 + k]) / (k + 1)
            y += shake * np.sin(1.23 * rate * t + phases[3 + k]) / (k + 1)
        return float(x), float(y)

    return camera


def reef_crossing(rng: Rng) -> Scene:
    """Fish that cross and turn round behind kelp, with an unlabelled fish of the same kind in the shoal."""
    tang = cast.fish(rng, 104, (0.95, 0.72, 0.10), (0.10, 0.16, 0.42), "bands")
    wrasse = cast.fish(rng, 92, (0.16, 0.52, 0.78), (0.95, 0.45, 0.25), "patches", 0.34)
    angel = cast.fish(rng, 80, (0.88, 0.86, 0.80), (0.45, 0.12, 0.16), "bands", 0.5)
    twin = cast.fish(rng, 84, (0.95, 0.72, 0.10), (0.10, 0.16, 0.42), "bands")
    kelp = [cast.frond(rng, 300, 26 + 10 * rng.random(), (0.28, 0.34, 0.10)) for _ in range(4)]
    far = [cast.frond(rng, 210, 17, (0.12, 0.30, 0.26)) for _ in range(3)]
    actors = [
        *(
            Actor(far[k], Track([(0, x, 190)]), deform=cast.wave(210, 12, 46, k), parallax=0.8)
            for k, x in enumerate((70, 250, 470))
        ),
        Actor(twin, Track([(0, 420, 70, 0.75), (22, 300, 96, 0.78), (50, 150, 66, 0.8)]), 0, cast.swim(84, 9, 9, 2)),
        Actor(
            angel,
            Track([(0, 330, 185), (20, 225, 150, 1.05), (34, 150, 118), (50, 70, 130)]),
            3,
            cast.swim(80, 9, 11, 1),
        ),
        Actor(
            wrasse, Track([(0, 390, 120), (18, 285, 132), (36, 160, 170), (50, 60, 150)]), 2, cast.swim(92, 11, 8, 3)
        ),
        Actor(
            tang,
            Track(
                [
                    (0, 95, 125, 1, 4, 0),
                    (20, 255, 130, 1.12, -4, 0),
                    (30, 322, 150, 1.15, 0, 50),
                    (36, 318, 158, 1.15, 0, 150),
                    (50, 215, 176, 1.1, 4, 180),
                ]
            ),
            1,
            cast.swim(104, 12, 10),
        ),
        *(
            Actor(kelp[k], Track([(0, x, y)]), deform=cast.wave(300, 20, 40, 1.7 * k), parallax=1.25)
            for k, (x, y) in enumerate(((30, 190), (205, 215), (372, 185), (455, 230)))
        ),
    ]
    actors[3:6] = map(_mirrored, actors[3:6])
    return Scene(
        "reef-crossing",
        grounds.reef(rng),
        tuple(actors),
        _pan(rng, (0.25, 0), 9, 60),
        50,
        ripple=1.2,
        overlay=grounds.rays(0.34),
    )


def koi_hide_and_seek(rng: Rng) -> Scene:
    """Koi that vanish beneath lily pads and come out again; two of them, and a stranger, look alike."""
    red, white = (0.86, 0.26, 0.08), (0.93, 0.90, 0.84)
    fish = [
        cast.koi(rng, 118, white, red, 0.5),
        cast.koi(rng, 112, white, red, 0.42),
        cast.koi(rng, 104, (0.95, 0.66, 0.14), (0.90, 0.52, 0.08), 0.4),
        cast.koi(rng, 100, (0.20, 0.21, 0.25), (0.85, 0.84, 0.80), 0.42),
    ]
    stranger = cast.koi(rng, 96, white, red, 0.5)
    pads = [cast.lily_pad(rng, size) for size in (104, 118, 92, 84, 74)]
    tracks = [
        [(0, 90, 70), (14, 190, 84), (26, 262, 130), (38, 330, 190), (52, 420, 216)],
        [(0, 400, 80), (14, 318, 116), (26, 240, 140), (38, 170, 176), (52, 84, 200)],
        [(0, 240, 235), (14, 250, 176), (27, 236, 116), (40, 280, 60), (52, 372, 50)],
        [(0, 60, 180), (16, 150, 205), (28, 248, 212), (40, 350, 150), (52, 430, 110)],
    ]
    swimmers = [
        Actor(
            fish[k],
            Track(tracks[k], heading=True),
            k + 1,
            cast.swim(110, 12, 11 + k, 1.3 * k),
            shadow=0.4,
            shadow_offset=(7, 10),
        )
        for k in (3, 2, 1, 0)
    ]
    swimmers.insert(
        1,
        Actor(
            stranger,
            Track([(0, 470, 240), (20, 400, 190), (38, 300, 60), (52, 180, 40)], heading=True),
            0,
            cast.swim(96, 10, 12, 4),
            shadow=0.4,
            shadow_offset=(7, 10),
        ),
    )
    places = ((262, 128), (140, 176), (352, 196), (330, 62), (52, 30))
    cover = [
        Actor(
            pad,
            Track([(0, x, y, 1, 40 * k), (26, x + 5, y + 2, 1, 40 * k + 4), (52, x, y + 4, 1, 40 * k - 3)]),
            shadow=0.45,
            shadow_offset=(6, 9),
            deform=cast.wobble(100, 0.015, 25, k),
        )
        for k, (pad, (x, y)) in enumerate(zip(pads, places))
    ]
    return Scene(
        "koi-hide-and-seek",
        grounds.pond(rng),
        (*swimmers, *cover),
        _pan(rng, (0, 0), 6, 55),
        52,
        ripple=1.8,
        overlay=grounds.caustics(rng, 0.28),
    )


def balloons_turning(rng: Rng) -> Scene:
    """Balloons that turn and grow while the camera pans away from them and back, with clouds in between."""
    sets = (
        ((0.82, 0.14, 0.12), (0.97, 0.80, 0.22), (0.95, 0.93, 0.88)),
        ((0.10, 0.32, 0.62), (0.95, 0.94, 0.90), (0.92, 0.48, 0.12)),
        ((0.16, 0.46, 0.28), (0.88, 0.82, 0.30), (0.60, 0.16, 0.36)),
    )
    made = [cast.balloon(rng, size, sets[k]) for k, size in enumerate((112, 92, 78))]
    other = cast.balloon(rng, 46, sets[0])
    clouds = [cast.cloud(rng, width) for width in (190, 150, 220)]
    tree = [cast.rock(rng, 150, 110, (0.12, 0.22, 0.07)) for _ in range(2)]
    actors = [
        Actor(clouds[0], Track([(0, 60, 60), (50, 120, 58)]), parallax=0.5),
        Actor(other, Track([(0, 420, 110), (50, 360, 80)]), 0, spin=0.01, parallax=0.8),
        Actor(
            made[2],
            Track([(0, 340, 150, 0.9), (25, 300, 128), (50, 270, 92, 1.15)]),
            3,
            cast.wobble(70, 0.02, 17, 2),
            spin=-0.014,
        ),
        Actor(clouds[1], Track([(0, 480, 110), (50, 160, 120)]), parallax=1.0),
        Actor(
            made[1],
            Track([(0, 210, 120), (25, 255, 112, 1.05), (50, 330, 128, 1.1)]),
            2,
            cast.wobble(80, 0.02, 21, 1),
            spin=0.018,
        ),
        Actor(
            made[0],
            Track([(0, 110, 150, 0.85, -3), (25, 180, 120, 1.0, 3), (50, 290, 138, 1.2, -2)]),
            1,
            cast.wobble(90, 0.02, 19),
            spin=0.012,
        ),
        Actor(clouds[2], Track([(0, -150, 185), (25, 60, 178), (50, 330, 190)]), parallax=1.2),
        Actor(tree[0], Track([(0, 30, 285)]), parallax=1.5),
        Actor(tree[1], Track([(0, 520, 290)]), parallax=1.5),
    ]

    def camera(t: float) -> tuple[float, float]:
        return float(108 * np.sin(np.pi * t / 50) ** 2 + 0.8 * np.sin(t)), float(5 * np.sin(t / 9))

    return Scene(
        "balloons-turning",
        grounds.hills(rng),
        tuple(actors),
        camera,
        50,
        noise=0.006,
        overlay=grounds.daylight(0.8, 1.02, 70, (1.0, 0.9, 0.8)),
    )


def jellyfish_dusk(rng: Rng) -> Scene:
    """Jellyfish that pulse while the light goes and comes, in noise, behind a ledge of rock."""
    made = [
        cast.jellyfish(rng, 96, (0.80, 0.36, 0.52), (1.0, 0.80, 0.78)),
        cast.jellyfish(rng, 78, (0.36, 0.48, 0.85), (0.82, 0.92, 1.0)),
        cast.jellyfish(rng, 66, (0.80, 0.36, 0.52), (1.0, 0.80, 0.78)),
    ]
    twin = cast.jellyfish(rng, 50, (0.36, 0.48, 0.85), (0.82, 0.92, 1.0))
    ledge = cast.rock(rng, 190, 150, (0.10, 0.15, 0.20))
    actors = (
        Actor(twin, Track([(0, 70, 70, 1, 10), (48, 130, 40, 1, -5)]), 0, cast.pulse(50, 13, 2)),
        Actor(
            made[2],
            Track([(0, 390, 190, 1, -8), (20, 300, 140, 1, 0), (34, 235, 110), (48, 170, 70, 1, 8)]),
            3,
            cast.pulse(66, 12, 1),
        ),
        Actor(
            made[1],
            Track([(0, 240, 90, 1, -14), (16, 290, 140, 1, 10), (30, 372, 196, 1.05, 20), (48, 250, 150, 1.1, -16)]),
            2,
            cast.pulse(78, 14, 4),
        ),
        Actor(
            made[0],
            Track([(0, 130, 150, 1, 12), (24, 215, 110, 1.1, -6), (48, 330, 95, 1.2, 12)]),
            1,
            cast.pulse(96, 16),
        ),
        Actor(ledge, Track([(0, 400, 245)]), parallax=1.2),
    )
    return Scene(
        "jellyfish-dusk",
        grounds.abyss(rng),
        actors,
        _pan(rng, (0.4, 0.1), 6, 50),
        48,
        ripple=1.5,
        noise=0.03,
        overlay=grounds.daylight(0.42, 1.15, 46, (0.7, 0.85, 1.0)),
    )


def beetles_lookalike(rng: Rng) -> Scene:
    """Beetles that cross their doubles under fallen leaves; the camera is held by hand and blurs."""
    red, dark = (0.78, 0.12, 0.07), (0.06, 0.05, 0.05)
    made = [
        cast.beetle(rng, 74, red, dark),
        cast.beetle(rng, 70, red, dark, 9),
        cast.beetle(rng, 84, (0.10, 0.36, 0.26), (0.70, 0.62, 0.20), 5),
        cast.beetle(rng, 66, (0.80, 0.55, 0.10), dark, 7),
    ]
    double = cast.beetle(rng, 72, red, dark)
    fallen = [cast.leaf(rng, 130, colour) for colour in ((0.60, 0.30, 0.08), (0.66, 0.46, 0.12), (0.46, 0.20, 0.10))]
    tracks = [
        [(0, 80, 90), (16, 180, 110), (28, 245, 150), (46, 350, 210)],
        [(0, 385, 185), (16, 300, 165), (28, 230, 128), (46, 120, 80)],
        [(0, 230, 70), (16, 240, 130), (30, 180, 190), (46, 90, 220)],
        [(0, 390, 70), (18, 350, 120), (30, 330, 180), (46, 240, 230)],
    ]
    actors = [
        Actor(
            made[k],
            Track(tracks[k], heading=True),
            k + 1,
            cast.scuttle(70, 5 + k, k),
            shadow=0.55,
            shadow_offset=(3, 4),
        )
        for k in (3, 2, 1, 0)
    ]
    actors.insert(
        2,
        Actor(
            double,
            Track([(0, 60, 215), (20, 170, 170), (46, 330, 90)], heading=True),
            0,
            cast.scuttle(70, 6, 5),
            shadow=0.55,
            shadow_offset=(3, 4),
        ),
    )
    places = ((160, 200, 30), (338, 128, -35), (240, 30, 5))
    actors += [
        Actor(piece, Track([(0, x, y, 1.05, angle)]), shadow=0.6, shadow_offset=(4, 6))
        for piece, (x, y, angle) in zip(fallen, places)
    ]
    return Scene(
        "beetles-lookalike",
        grounds.forest_floor(rng),
        tuple(actors),
        _pan(rng, (0.3, -0.2), 4, 40, 3.0),
        46,
        noise=0.014,
        overlay=grounds.cloud_shadow(rng, 0.35, 9),
        shutter=(-0.25, 0.0, 0.25),
    )


def snakes_camouflage(rng: Rng) -> Scene:
    """Two snakes the colour of the sand that wind past each other, beneath a boulder and out of the frame."""
    made = [
        cast.snake(rng, 250, 24, (0.76, 0.60, 0.38), (0.42, 0.27, 0.14)),
        cast.snake(rng, 220, 21, (0.66, 0.55, 0.40), (0.34, 0.33, 0.30)),
    ]
    boulder = cast.rock(rng, 112, 92, (0.52, 0.40, 0.28))
    pebble = cast.rock(rng, 60, 46, (0.46, 0.36, 0.26))
    scrub = [cast.leaf(rng, 90, (0.36, 0.36, 0.16)) for _ in range(6)]
    actors = [
        Actor(
            made[1],
            Track([(0, 330, 205, 1, 186), (25, 190, 176, 1, 176), (50, 40, 150, 1, 184)]),
            2,
            cast.slither(220, 16, 96, 6.0, 1.0),
            shadow=0.5,
            shadow_offset=(3, 4),
        ),
        Actor(
            made[0],
            Track([(0, 120, 90, 1, 14), (22, 262, 130, 1, 22), (36, 340, 172, 1, 16), (50, 430, 190, 1, 8)]),
            1,
            cast.slither(250, 19, 116, 6.6),
            shadow=0.5,
            shadow_offset=(3, 4),
        ),
        Actor(boulder, Track([(0, 318, 150)]), shadow=0.5, shadow_offset=(6, 8)),
        Actor(pebble, Track([(0, 110, 178)]), shadow=0.5, shadow_offset=(4, 6)),
        *(
            Actor(
                scrub[k],
                Track([(0, 214 + 6 * (k % 2), 232, 1, -150 + 24 * k)]),
                deform=cast.wave(60, 4, 20, k),
                shadow=0.4,
                shadow_offset=(3, 4),
            )
            for k in range(6)
        ),
    ]
    return Scene(
        "snakes-camouflage",
        grounds.desert(rng),
        tuple(actors),
        _pan(rng, (0.5, 0.25), 5, 50),
        50,
        noise=0.012,
        overlay=grounds.cloud_shadow(rng, 0.4, 7),
    )


def butterflies_return(rng: Rng) -> Scene:
    """Butterflies that beat their wings, leave the frame and come back; one flies with a double."""
    made = [
        cast.butterfly(rng, 104, (0.93, 0.48, 0.08), (0.98, 0.74, 0.26)),
        cast.butterfly(rng, 88, (0.20, 0.42, 0.86), (0.62, 0.80, 0.98)),
        cast.butterfly(rng, 80, (0.94, 0.90, 0.62), (0.98, 0.97, 0.88), (0.30, 0.26, 0.16)),
    ]
    double = cast.butterfly(rng, 84, (0.93, 0.48, 0.08), (0.98, 0.74, 0.26))
    blades = [cast.leaf(rng, 190, (0.20, 0.40, 0.10)) for _ in range(4)]
    actors = [
        Actor(
            double,
            Track([(0, 300, 225), (20, 250, 150), (48, 60, 60)], heading=True),
            0,
            cast.flap(9, 1),
            shadow=0.35,
            shadow_offset=(9, 14),
        ),
        Actor(
            made[2],
            Track([(0, 390, 190), (14, 330, 120), (28, 215, 96), (48, 110, 190)], heading=True),
            3,
            cast.flap(8, 2),
            shadow=0.35,
            shadow_offset=(10, 16),
        ),
        Actor(
            made[1],
            Track(
                [
                    (0, 330, 70),
                    (10, 420, 60),
                    (16, 520, 90),
                    (23, 590, 150),
                    (30, 520, 200),
                    (36, 425, 200),
                    (48, 280, 170),
                ],
                heading=True,
            ),
            2,
            cast.flap(7, 0),
            shadow=0.35,
            shadow_offset=(10, 16),
        ),
        Actor(
            made[0],
            Track([(0, 110, 170), (14, 180, 110), (28, 290, 130), (48, 370, 90)], heading=True),
            1,
            cast.flap(10, 3),
            shadow=0.35,
            shadow_offset=(10, 16),
        ),
        *(
            Actor(
                blades[k],
                Track([(0, x, y, 1, angle)]),
                deform=cast.wobble(150, 0.02, 30, k),
                parallax=1.35,
                shadow=0.4,
                shadow_offset=(8, 12),
            )
            for k, (x, y, angle) in enumerate(((232, 60, -70), (250, 255, 60), (20, 40, 40), (470, 262, -50)))
        ),
    ]
    return Scene(
        "butterflies-return",
        grounds.meadow(rng),
        tuple(actors),
        _pan(rng, (0.6, 0.1), 8, 48, 0.8),
        48,
        noise=0.01,
        overlay=grounds.daylight(0.78, 1.05, 33, (0.95, 0.97, 1.0)),
        shutter=(-0.2, 0.0, 0.2),
    )


def _mirrored(actor: Actor) -> Actor:
    """The same actor facing left."""
    keys = [tuple(key) + (0, 0, 1, 0, 0)[len(key) - 1 :] for key in actor.track.keys]
    return replace(actor, track=Track([(*key[:5], 180) for key in keys]))


SCENES: tuple[Callable[[Rng], Scene], ...] = (
    balloons_turning,
    beetles_lookalike,
    butterflies_return,
    jellyfish_dusk,
    koi_hide_and_seek,
    reef_crossing,
    snakes_camouflage,
)
