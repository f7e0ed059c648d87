"""What makes objects hard: attributes measured from annotations, and runs' means over the objects that have each.

Attributes follow "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation" (Perazzi et al., CVPR
2016, table 1) where they can be measured from masks alone, with its thresholds: scale variation (the smallest bounding
box is less than half of the largest), fast motion (more than 20 pixels a frame; here of the box's centre, and in frames
of any size as that part of the diagonal of 854 x 480), out of view (touches the picture's edge). An object's size is
small, medium or large as in COCO's evaluation, whose limits of 32 x 32 and 96 x 96 pixels in pictures of about
640 x 480 are taken as parts of the picture. That an object goes away, and comes back, is MOSEv2's disappearance and
reappearance (`vos_core.metrics.dot`), here over all annotated frames from the object's first.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from vos_core.analysis.lineup import Lineup, ObjectLine
from vos_core.datasets import Dataset, Video
from vos_core.masks import view_mask
from vos_core.metrics.dot import disappearances, reappearances
from vos_core.per_object import labels_of, object_folders, read_per_object

SMALL = 32 * 32 / (640 * 480)  # fraction of the picture
LARGE = 96 * 96 / (640 * 480)
FAST = 20 / math.hypot(854, 480)  # fraction of the diagonal, a frame
SCALE = 0.5  # smallest bounding box over largest
SHORT, LONG = 50, 100  # frames of a video
_FORMAT = 1


@dataclass(frozen=True)
class ObjectShape:
    """One object over a video's annotated frames. `area`: mean part of the picture where it is seen; `scale`: its
    smallest bounding box over its largest (by area); `motion`: mean way of the box's centre from a frame to the next,
    in diagonals; `edge`: part of its frames in which it touches the picture's edge; whether it ever `disappears` and
    `returns`."""

    object_id: int
    area: float
    scale: float
    motion: float
    edge: float
    disappears: bool
    returns: bool


@dataclass(frozen=True)
class VideoShape:
    """A video as annotated: its number of frames and its objects that are seen at all."""

    frames: int
    objects: tuple[ObjectShape, ...]


@dataclass(frozen=True)
class AttributeLine:
    """The objects that have one value of an attribute: how many, in how many videos, and each run's mean J&F."""

    attribute: str
    value: str
    objects: int
    videos: int
    means: tuple[float, ...]


_LABELS: tuple[tuple[str, Callable[[VideoShape, ObjectShape], str], tuple[str, ...]], ...] = (
    (
        "Objects in the video",
        lambda video, _: ("1 object", "2 objects", "3 or more")[min(len(video.objects), 3) - 1],
        ("1 object", "2 objects", "3 or more"),
    ),
    (
        "Object's size",
        lambda _, shape: "small" if shape.area < SMALL else "large" if shape.area >= LARGE else "medium",
        ("small", "medium", "large"),
    ),
    (
        "Video's length",
        lambda video, _: "short" if video.frames <= SHORT else "long" if video.frames > LONG else "medium",
        ("short", "medium", "long"),
    ),
    (
        "Visibility",
        lambda _, shape: "comes back" if shape.returns else "disappears" if shape.disappears else "always seen",
        ("always seen", "disappears", "comes back"),
    ),
    (
        "Scale",
        lambda _, shape: "varies" if shape.scale < SCALE else "steady",
        ("steady", "varies"),
    ),
    ("Motion", lambda _, shape: "fast" if shape.motion > FAST else "slow", ("slow", "fast")),
    (
        "Picture's edge",
        lambda _, shape: "touched" if shape.edge else "clear of it",
        ("clear of it", "touched"),
    ),
)

MEANINGS = {
    "small": f"on average less than {100 * SMALL:.2f}% of the picture (COCO's 32 x 32 of 640 x 480 pixels)",
    "medium": "in between",
    "large": f"on average at least {100 * LARGE:.0f}% of the picture (COCO's 96 x 96 of 640 x 480 pixels)",
    "short": f"at most {SHORT} frames",
    "long": f"more than {LONG} frames",
    "always seen": "in every annotated frame from its first on",
    "disappears": "goes away and does not come back",
    "comes back": "goes away and comes back at least once",
    "varies": "its smallest bounding box is less than half of its largest (DAVIS: scale variation)",
    "steady": "its bounding boxes are within a factor of two",
    "fast": f"moves more than {100 * FAST:.0f}% of the diagonal a frame on average (DAVIS: fast motion, 20 pixels)",
    "slow": "anything less than fast",
    "touched": "touches the picture's edge in some frame (DAVIS: out of view)",
    "clear of it": "never touches the picture's edge",
}


def measure(video: Video) -> VideoShape:
    """The shapes of a video's objects, from all of its annotations. Raises InputError when one cannot be read."""
    tracks: dict[int, _Track] = {}
    for index, masks in enumerate(_object_masks(video)):
        for object_id, mask in masks.items():
            tracks.setdefault(object_id, _Track()).add(index, mask)
    count = len(video.annotated_stems)
    return VideoShape(video.length, tuple(tracks[key].shape(key, count) for key in sorted(tracks)))


def _object_masks(video: Video) -> Iterable[Mapping[int, np.ndarray]]:
    """Per annotated frame in time order: label -> bool (H, W), only objects that are seen there."""
    if video.per_object is not None:
        labels = labels_of(object_folders(video.per_object))
        for stem in (stem for stem in video.stems if stem in video.annotated_stems):
            masks = read_per_object(video.per_object, stem)
            yield {labels[key]: mask for key, mask in masks.items() if mask.any()}
        return
    objects: range | None = None
    for path in video.annotations.values():
        mask = view_mask(path)
        if objects is None:
            # As in scores: objects are those of the first annotation; 255 is void.
            objects = range(1, int(np.where(mask == 255, 0, mask).max()) + 1)
        seen = ((label, mask == label) for label in objects)
        yield {label: inside for label, inside in seen if inside.any()}


class _Track:
    """One object's boxes, as they come."""

    def __init__(self) -> None:
        self.frames: list[int] = []
        self.areas: list[float] = []
        self.boxes: list[tuple[int, int, int, int]] = []  # top, bottom, left, right; inclusive
        self.size = (0, 0)

    def add(self, frame: int, mask: np.ndarray) -> None:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        self.size = (mask.shape[0], mask.shape[1])
        self.frames.append(frame)
        self.areas.append(float(np.count_nonzero(mask)) / mask.size)
        self.boxes.append((int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])))

    def shape(self, object_id: int, frames: int) -> ObjectShape:
        """`frames`: annotated frames of the video."""
        top, bottom, left, right = np.array(self.boxes).T
        height, width = self.size
        boxes = (bottom - top + 1) * (right - left + 1)
        present = np.zeros(frames, np.bool_)
        present[self.frames] = True
        present = present[self.frames[0] :]  # an object that appears later has not come back
        return ObjectShape(
            object_id,
            area=float(np.mean(self.areas)),
            scale=float(boxes.min() / boxes.max()),
            motion=self._motion(np.stack([(top + bottom) / 2, (left + right) / 2], axis=1)),
            edge=float(np.mean((top == 0) | (left == 0) | (bottom == height - 1) | (right == width - 1))),
            disappears=bool(disappearances(present)),
            returns=bool(reappearances(present)),
        )

    def _motion(self, centres: np.ndarray) -> float:
        """Over steps between annotated frames that follow each other; 0 where there is none."""
        following = np.diff(self.frames) == 1
        steps = np.linalg.norm(np.diff(centres, axis=0), axis=1)[following]
        return float(steps.mean()) / math.hypot(*self.size) if len(steps) else 0.0


class ShapeStore:
    """Shapes of a dataset's videos, kept in one JSON file; a video is measured anew when its annotations changed.

    Changed is what the folder's time of modification says: a file that was overwritten in place goes unnoticed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept = self._read()

    def known(self, video: str, stamp: int) -> VideoShape | None:
        """The shapes of a video whose annotations are of `stamp`; None when they were not measured."""
        entry = self._kept.get(video)
        if entry is None or entry["stamp"] != stamp:
            return None
        return VideoShape(entry["frames"], tuple(ObjectShape(**values) for values in entry["objects"]))

    def keep(self, video: str, stamp: int, shape: VideoShape) -> None:
        """Remember a video's shapes; `save` writes them."""
        self._kept[video] = {"stamp": stamp, **asdict(shape)}

    def save(self) -> None:
        """Write what is known, whole or not at all."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}.tmp")
        beside.write_text(json.dumps({"format": _FORMAT, "videos": self._kept}), encoding="utf-8")
        beside.replace(self._path)

    def _read(self) -> dict[str, dict]:
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            return dict(content["videos"]) if content["format"] == _FORMAT else {}
        except (OSError, ValueError, KeyError, TypeError):
            return {}  # not measured yet, or by another version: it is measured anew


def collect(dataset: Dataset, videos: Iterable[str], path: Path, seconds: float = math.inf) -> dict[str, VideoShape]:
    """Shapes of the named videos by name; those not known in the file `path` are measured and kept there.

    After `seconds` no further video is begun: what is missing in the answer is left for the next call. Raises
    InputError when a video or an annotation cannot be read.
    """
    store = ShapeStore(path)
    found: dict[str, VideoShape] = {}
    missing: list[tuple[str, int]] = []
    for name in videos:
        stamp = _stamp(dataset.folders_of(name)[1])
        shape = store.known(name, stamp)
        if shape is not None:
            found[name] = shape
        else:
            missing.append((name, stamp))
    until = time.monotonic() + seconds
    for done, (name, stamp) in enumerate(missing):
        if done and time.monotonic() > until:
            break
        found[name] = measure(dataset.video(name))
        store.keep(name, stamp, found[name])
    if missing:
        store.save()
    return found


def shapes_file(state: Path, dataset_path: str) -> Path:
    """Where the shapes of the dataset of that stored path are kept in the folder `state`."""
    return state / "attributes" / f"{hashlib.sha256(dataset_path.encode()).hexdigest()[:12]}.json"


def _stamp(folder: Path) -> int:
    """When a video's folder of annotations was changed last, or one of its objects' folders; 0 where there is none."""
    try:
        return max(path.stat().st_mtime_ns for path in (folder, *object_folders(folder).values()))
    except OSError:
        return 0


def attribute_lines(lineup: Lineup, shapes: Mapping[str, VideoShape]) -> list[AttributeLine]:
    """Each run's mean over the objects of every value of every attribute that some common object has.

    Objects of videos that `shapes` lacks, and objects that are annotated in no frame, are in no line.
    """
    found: dict[tuple[str, str], list[ObjectLine]] = {}
    for line in lineup.objects:
        video = shapes.get(line.video)
        shape = next((one for one in video.objects if one.object_id == line.object_id), None) if video else None
        if video is None or shape is None:
            continue
        for attribute, label, _ in _LABELS:
            found.setdefault((attribute, label(video, shape)), []).append(line)
    return [
        AttributeLine(attribute, value, len(lines), len({line.video for line in lines}), _means(lines))
        for attribute, _, values in _LABELS
        for value in values
        if (lines := found.get((attribute, value)))
    ]


def _means(lines: Sequence[ObjectLine]) -> tuple[float, ...]:
    return tuple(math.fsum(values) / len(values) for values in zip(*(line.values for line in lines)))
