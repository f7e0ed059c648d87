"""The demo dataset: generated videos with exact masks, so that a bare machine has a real job to run."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from vos_core.datasets.layout import Dataset, open_dataset
from vos_core.errors import InputError
from vos_core.masks import write_mask

VERSION = 1  # raise it when the pictures change: an older demo set is then generated anew
MARKER = "demo.json"
SPLIT = "val"
_JPEG_QUALITY = 93

Progress = Callable[[int, int], None]  # (frames done, frames in all); called from one thread at a time


def generate_demo(root: Path, *, seed: int = 0, progress: Progress | None = None) -> Dataset:
    """The demo dataset in folder `root`, drawn now unless it is there whole, of this version and `seed`.

    Layout: `JPEGImages/480p/<video>/00000.jpg`, `Annotations/480p/<video>/00000.png` (every frame, palette PNG,
    objects 1..K all visible in frame 0), `ImageSets/2017/val.txt`. Equal seeds give equal files under the same
    versions of numpy, OpenCV and Pillow. It is written beside `root` and renamed when whole. A demo set that is
    damaged, or of another version or seed, is replaced.

    Raises InputError when `root` holds something that is not a demo set.
    """
    root = root.absolute()
    if _is_whole(root, seed):
        return open_dataset(root)
    if root.exists() and not _is_ours(root):
        raise InputError(
            f"{root} holds something that is not the demo dataset, so it is left as it is: move it away, or generate "
            "the demo set elsewhere."
        )
    root.parent.mkdir(parents=True, exist_ok=True)
    with _workplace(root) as work:
        drawn = work / "new"
        _draw(drawn, seed, progress)
        _put_in_place(drawn, root, work / "old", seed)
    return open_dataset(root)


@contextmanager
def _workplace(root: Path) -> Iterator[Path]:
    """A folder beside `root`, gone afterwards; those of processes that were killed go too: nobody locks them."""
    prefix = f".{root.name}-"
    for left in root.parent.glob(f"{prefix}*"):
        with contextlib.suppress(OSError), _locked(left):
            shutil.rmtree(left)
    work = Path(tempfile.mkdtemp(prefix=prefix, dir=root.parent))
    try:
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):  # a file system without locks: nothing is swept there
                stack.enter_context(_locked(work))
            yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder. Raises OSError where another process does, or there are no locks."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _draw(root: Path, seed: int, progress: Progress | None) -> None:
    from vos_core.datasets.demo_render import Grain, Scene, render
    from vos_core.datasets.demo_scenes import SCENES

    count = _Count(progress)

    def draw(number: int) -> Scene:
        # A generator of its own for each video and purpose: a change in one video leaves the others as they were.
        scene = SCENES[number](np.random.default_rng([seed, number]))
        count.expect(number, scene.frames)
        grain = Grain(np.random.default_rng([seed, number, 1]))
        images, annotations = root / "JPEGImages" / "480p" / scene.name, root / "Annotations" / "480p" / scene.name
        images.mkdir(parents=True)
        annotations.mkdir(parents=True)
        for index in range(scene.frames):
            picture, labels = render(scene, index, grain)
            Image.fromarray(picture).save(images / f"{index:05d}.jpg", quality=_JPEG_QUALITY, subsampling=0)
            write_mask(annotations / f"{index:05d}.png", labels)
            count.add()
        return scene

    count.expect_of(len(SCENES))
    with ThreadPoolExecutor(max_workers=min(len(SCENES), os.cpu_count() or 1), thread_name_prefix="demo") as pool:
        scenes = list(pool.map(draw, range(len(SCENES))))
    lists = root / "ImageSets" / "2017"
    lists.mkdir(parents=True)
    (lists / f"{SPLIT}.txt").write_text("".join(f"{scene.name}\n" for scene in scenes), encoding="utf-8")
    facts = {"version": VERSION, "seed": seed, "videos": {scene.name: scene.frames for scene in scenes}}
    (root / MARKER).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def _put_in_place(drawn: Path, root: Path, aside: Path, seed: int) -> None:
    """Rename the finished set to `root`. Another process may have been first: then its set, being equal, stays."""
    if _is_whole(root, seed):
        return
    if root.exists():
        root.rename(aside)
    try:
        drawn.rename(root)
    except OSError:
        if not _is_whole(root, seed):
            raise


def _is_ours(root: Path) -> bool:
    return root.is_dir() and ((root / MARKER).is_file() or not any(root.iterdir()))


def _is_whole(root: Path, seed: int) -> bool:
    try:
        facts = json.loads((root / MARKER).read_text(encoding="utf-8"))
        if (facts["version"], facts["seed"]) != (VERSION, seed):
            return False
        listed = (root / "ImageSets" / "2017" / f"{SPLIT}.txt").read_text(encoding="utf-8").split()
        return sorted(listed) == sorted(facts["videos"]) and all(
            _count_of(root / kind / "480p" / video, suffix) == frames
            for video, frames in facts["videos"].items()
            for kind, suffix in (("JPEGImages", ".jpg"), ("Annotations", ".png"))
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _count_of(folder: Path, suffix: str) -> int:
    return sum(path.suffix == suffix for path in folder.iterdir())


class _Count:
    """Frames done of frames expected, told to the caller by one thread at a time."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._frames: dict[int, int] = {}
        self._videos = 1
        self._done = 0

    def expect_of(self, videos: int) -> None:
        self._videos = videos

    def expect(self, number: int, frames: int) -> None:
        with self._lock:
            self._frames[number] = frames

    def add(self) -> None:
        with self._lock:
            self._done += 1
            if self._progress:
                # A video that is not set up yet counts as long as the mean of those that are.
                known = self._frames.values()
                self._progress(self._done, round(sum(known) / len(known) * self._videos))
