"""Small DAVIS-layout datasets that tests write for themselves."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from vos_core.masks import read_mask, write_mask

HEIGHT, WIDTH = 48, 64


def moving_squares(frames: int, objects: int, height: int = HEIGHT, width: int = WIDTH) -> list[np.ndarray]:
    """Label maps in which object k is a square that moves k pixels a frame."""
    masks = []
    for index in range(frames):
        mask = np.zeros((height, width), np.uint8)
        for label in range(1, objects + 1):
            top = 4 + 14 * (label - 1)
            left = (4 + index * label) % (width - 12)
            mask[top : top + 10, left : left + 12] = label
        masks.append(mask)
    return masks


def write_video(root: Path, name: str, masks: list[np.ndarray], annotated: int | None = None) -> None:
    """A video in DAVIS layout: textured frames, and annotations of its first `annotated` frames (default: all)."""
    images, annotations = root / "JPEGImages" / "480p" / name, root / "Annotations" / "480p" / name
    images.mkdir(parents=True)
    annotations.mkdir(parents=True)
    height, width = masks[0].shape
    ground = np.random.default_rng(len(name)).integers(0, 90, (height, width, 3)).astype(np.uint8)
    for index, mask in enumerate(masks):
        picture = ground.copy()
        for label in range(1, int(mask.max()) + 1):
            picture[mask == label] = (250, 40 * label, 255 - 60 * label)
        Image.fromarray(picture).save(images / f"{index:05d}.jpg", quality=95)
        if annotated is None or index < annotated:
            write_mask(annotations / f"{index:05d}.png", mask)


def write_dataset(root: Path, videos: dict[str, int], objects: int = 2, annotated: int | None = None) -> Path:
    """A dataset of `videos` (name -> number of frames), with `ImageSets/2017/val.txt`; returns `root`."""
    for name, frames in videos.items():
        write_video(root, name, moving_squares(frames, objects), annotated)
    lists = root / "ImageSets" / "2017"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("".join(f"{name}\n" for name in videos))
    return root


def write_sav(root: Path, videos: dict[str, int], objects: int = 2) -> Path:
    """As SA-V's `sav_val` is published: objects from `000` on, every fourth frame annotated; returns `root`.

    Each object is larger than its square by a border, so that annotations overlap where squares lie close.
    """
    write_dataset(root, videos, objects)
    for name in videos:
        images, annotations = root / "JPEGImages_24fps" / name, root / "Annotations_6fps" / name
        images.parent.mkdir(exist_ok=True)
        annotations.parent.mkdir(exist_ok=True)
        (root / "JPEGImages/480p" / name).rename(images)
        (root / "Annotations/480p" / name).rename(annotations)
        split_objects(annotations, first_id=0)
        for path in annotations.glob("*/*.png"):
            if int(path.stem) % 4:
                path.unlink()
            else:
                inside = read_mask(path)
                write_mask(path, np.maximum.reduce([np.roll(inside, step, 0) for step in range(-3, 4)]))
    for left in ("JPEGImages", "Annotations", "ImageSets"):
        shutil.rmtree(root / left)
    (root / "sav_val.txt").write_text("".join(f"{name}\n" for name in videos))
    return root


def split_objects(annotations: Path, first_id: int = 1) -> None:
    """Label maps `<video>/<frame>.png` of a video become object folders; label 1 is called `first_id`."""
    paths = sorted(annotations.glob("*.png"))
    count = max(int(read_mask(path).max()) for path in paths)
    for path in paths:
        mask = read_mask(path)
        for label in range(1, count + 1):
            target = annotations / f"{label - 1 + first_id:03d}" / path.name
            target.parent.mkdir(exist_ok=True)
            write_mask(target, (mask == label).astype(np.uint8))
        path.unlink()
