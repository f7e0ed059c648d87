"""Small datasets in the layouts that others publish."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from tests.clips import moving_squares
from vos_core.masks import write_mask

FRAMES = 6


def write_part(
    part: Path,
    videos: Iterable[str],
    annotated: Iterable[int] = range(FRAMES),
    *,
    step: int = 1,
    digits: int = 5,
    appears: int = 0,
) -> None:
    """`JPEGImages/<video>` and `Annotations/<video>`: frames numbered in `step`s, two objects, the second of which
    appears with frame `appears`."""
    for video in videos:
        images, annotations = part / "JPEGImages" / video, part / "Annotations" / video
        images.mkdir(parents=True)
        annotations.mkdir(parents=True)
        for index, mask in enumerate(moving_squares(FRAMES, 2)):
            if index < appears:
                mask[mask == 2] = 0
            stem = f"{index * step + (digits == 8):0{digits}d}"
            Image.fromarray(np.full((*mask.shape, 3), 40 * index, np.uint8)).save(images / f"{stem}.jpg")
            if index in annotated:
                write_mask(annotations / f"{stem}.png", mask)


def write_meta(path: Path, videos: Mapping[str, Mapping[str, object]]) -> None:
    """A meta file as all of them have it."""
    path.write_text(json.dumps({"videos": videos}))


def write_mose(root: Path) -> Path:
    """`train/` annotated throughout, without a list; `valid/` on first frames, with its meta file beside it."""
    write_part(root / "train", ["t1", "t2"])
    write_part(root / "valid", ["v1", "v2", "v3"], annotated=[0])
    write_meta(root / "meta_valid.json", {v: {"objects": ["1", "2"], "length": FRAMES} for v in ("v3", "v1", "v2")})
    return root


def write_lvos(root: Path) -> Path:
    """As LVOS is published (LingyiHongfd/LVOS-api, README): 8 digits from 1 on; objects appear later."""
    for part, videos in (("train", ["t1"]), ("valid", ["v1", "v2"])):
        write_part(root / part, videos, digits=8, step=5, appears=3)
        ranges = {"frame_range": {"start": "00000001", "end": "00000026", "frame_nums": FRAMES}}
        write_meta(root / part / f"{part}_meta.json", {v: {"objects": {"1": ranges, "2": ranges}} for v in videos})
    return root


def write_youtube_vos(root: Path) -> Path:
    """`train/` every fifth frame (of what is there, all); `valid/` annotated where objects appear; `meta.json`."""
    frames = [f"{index * 5:05d}" for index in range(FRAMES)]
    write_part(root / "train", ["t1"], step=5)
    write_part(root / "valid", ["v1", "v2"], annotated=[0, 3], step=5, appears=3)
    for part, videos in (("train", ["t1"]), ("valid", ["v2", "v1"])):
        objects = {label: {"category": "ape", "frames": frames} for label in ("1", "2")}
        write_meta(root / part / "meta.json", {video: {"objects": objects} for video in videos})
    return root
