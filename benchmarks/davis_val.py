"""The videos of DAVIS 2017 val: what benchmarks make homes and queues of the real size from."""

from __future__ import annotations

from collections.abc import Mapping

Videos = Mapping[str, tuple[int, int]]  # name -> (frames, objects)

# DAVIS 2017 val in the order of val.txt: frames and objects of the public 480p set (1,999 frames, 61 objects). Held
# against the masks of all 30 videos in davis2017-evaluation (commit ac7c43f, results/semi-supervised/osvos): frames are
# the files of a video, objects the highest label of its first mask.
DAVIS_VAL: Videos = {
    "bike-packing": (69, 2),
    "blackswan": (50, 1),
    "bmx-trees": (80, 2),
    "breakdance": (84, 1),
    "camel": (90, 1),
    "car-roundabout": (75, 1),
    "car-shadow": (40, 1),
    "cows": (104, 1),
    "dance-twirl": (90, 1),
    "dog": (60, 1),
    "dogs-jump": (66, 3),
    "drift-chicane": (52, 1),
    "drift-straight": (50, 1),
    "goat": (90, 1),
    "gold-fish": (78, 5),
    "horsejump-high": (50, 2),
    "india": (81, 3),
    "judo": (34, 2),
    "kite-surf": (50, 3),
    "lab-coat": (47, 5),
    "libby": (49, 1),
    "loading": (50, 3),
    "mbike-trick": (79, 2),
    "motocross-jump": (40, 2),
    "paragliding-launch": (80, 3),
    "parkour": (100, 1),
    "pigs": (79, 3),
    "scooter-black": (43, 2),
    "shooting": (40, 3),
    "soapbox": (99, 3),
}
