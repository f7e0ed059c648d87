"""What can be wrong with a split before it is run: prompts, sizes, gaps, files cut off; told by heads and tails."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from vos_core.datasets.layout import Dataset, Video
from vos_core.errors import InputError
from vos_core.evaluation.late_objects import first_shown
from vos_core.frame_files import UNREADABLE, open_frame
from vos_core.masks import MaskError, MissingMask, mask_size, read_mask
from vos_core.models.sam2_options import LATER
from vos_core.per_object import frames_of, labels_of, object_folders, read_joined
from vos_core.regular_files import PICTURE_BYTES, open_regular

VOID = 255
THREADS = 8  # on a network disk, looking into many files is waiting
# What a whole file ends with. Cameras and tools append to it: it need only be near the end.
ENDS = {".jpg": b"\xff\xd9", ".jpeg": b"\xff\xd9", ".png": b"IEND\xae\x42\x60\x82"}
TAIL = 4096


@dataclass(frozen=True)
class VideoFacts:
    """What scheduling and forms need to know of a video."""

    name: str
    frames: int
    objects: int
    height: int
    width: int
    annotated: int


def is_text(name: str) -> bool:
    """Whether a name from the disk can be written down: one in another encoding than UTF-8 comes with surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_video(video: Video, later: bool = False) -> VideoFacts:
    """Facts of a video that can be run. Raises InputError (naming file and frame) when it cannot.

    No frame's file may have been cut off, which its end tells (no picture is decoded for that). The first frame must
    carry an annotation with at least one object; every annotation must have its frame's size; annotations must cover
    all frames, the first only, or every n-th (YouTube-VOS): a single gap is a damaged copy. In object folders (SA-V,
    SeCVOS) each object must have a mask of the first frame; it may be annotated less often.

    With `later`, objects may first be annotated on any frame (LVOS, YouTube-VOS): then some annotation must show one,
    gaps are no damage, and `annotated` is that of a first frame only where they are (see `is_evenly_annotated`).
    """
    if not is_text(video.name):
        raise InputError(f"Video {video.name!r} has a name that is no UTF-8 text: rename its folders.")
    if not video.frames:
        raise InputError(f"Video {video.name} has no frames; SAM 2 and the other models need JPEGImages.")
    for frame in video.frames:
        check_end(video.name, frame)
    if video.per_object is not None:
        return _check_per_object(video, video.per_object, later)
    first = video.stems[0]
    if first not in video.annotations and not later:
        raise InputError(
            f"Video {video.name}: its first frame {first} has no annotation, so there is nothing to prompt with; "
            f"add Annotations/.../{video.name}/{first}.png{_later_way(video)}."
        )
    if not later:
        _check_gaps(video)
    frames = dict(zip(video.stems, video.frames))
    height = width = 0
    for stem, annotation in video.annotations.items():
        width, height = _picture_size(video.name, frames[stem])
        size = mask_size(annotation)
        if size != (height, width):
            raise InputError(
                f"Video {video.name}, frame {stem}: annotation {annotation} is {size[1]}x{size[0]} but the frame is "
                f"{width}x{height}; they must be the same size."
            )
    if later:
        objects = max(first_shown(video.name, video.annotations))
        annotated = len(video.annotations) if is_evenly_annotated(video) else 1
        return VideoFacts(video.name, video.length, objects, height, width, annotated)
    prompt = read_mask(video.annotations[first])
    ids = [int(value) for value in set(prompt.ravel().tolist()) if 0 < value < VOID]
    if not ids:
        raise InputError(
            f"Video {video.name}: the annotation of its first frame {first} holds no object, "
            "so there is nothing to segment."
        )
    return VideoFacts(video.name, video.length, max(ids), height, width, len(video.annotations))


def is_evenly_annotated(video: Video) -> bool:
    """Whether annotations cover every n-th frame from the first one on: then they can be scored against. Where they
    are only there to prompt objects that appear (YouTube-VOS valid), they lie where these happen to."""
    annotated = [index for index, stem in enumerate(video.stems) if stem in video.annotations]
    return video.per_object is not None or len(annotated) < 2 or not first_gap(annotated, annotated[0], video.length)


def check_videos(dataset: Dataset, names: Iterable[str], later: bool = False) -> tuple[VideoFacts, ...]:
    """`check_video` over many. All problems are told in one InputError, one a line."""
    facts, problems = [], []
    with ThreadPoolExecutor(THREADS, thread_name_prefix="check") as pool:
        for found in pool.map(lambda name: _facts_or_problem(dataset, name, later), names):
            if isinstance(found, VideoFacts):
                facts.append(found)
            else:
                problems.append(found)
    if problems:
        raise InputError("\n".join(problems))
    return tuple(facts)


def _facts_or_problem(dataset: Dataset, name: str, later: bool) -> VideoFacts | str:
    try:
        return check_video(dataset.video(name), later)
    except (InputError, OSError) as error:
        return str(error)


def _check_per_object(video: Video, folder: Path, later: bool) -> VideoFacts:
    first = video.stems[0]
    try:
        prompt = None if later else read_joined(folder, first)
        width, height = _picture_size(video.name, video.frames[0])
        for masks in object_folders(folder).values():
            for stem in frames_of(masks):
                size = mask_size(masks / f"{stem}.png")
                if size != (height, width):
                    raise InputError(
                        f"Video {video.name}, frame {stem}: annotation {masks / stem}.png is {size[1]}x{size[0]} but "
                        f"the frame is {width}x{height}; they must be the same size."
                    )
    except MissingMask as error:
        raise InputError(
            f"Video {video.name}: an object has no mask of the first frame {first}, so there is nothing to prompt it "
            f"with ({error}). Leave the video out, or add the mask."
        ) from error
    except MaskError as error:
        raise InputError(f"Video {video.name}: {error}") from error
    if prompt is not None and not prompt.any():
        raise InputError(
            f"Video {video.name}: the annotations of its first frame {first} hold no object, "
            "so there is nothing to segment."
        )
    # Not the prompt's highest label: an object that others cover is one all the same.
    objects = max(labels_of(object_folders(folder)).values())
    return VideoFacts(video.name, video.length, objects, height, width, video.annotated)


def _check_gaps(video: Video) -> None:
    annotated = [index for index, stem in enumerate(video.stems) if stem in video.annotations]
    if len(annotated) < 2:
        return
    gap = first_gap(annotated, 0, video.length)
    if gap is not None:
        stem = video.stems[gap]
        raise InputError(
            f"Video {video.name}: frame {stem} has no annotation while its neighbours have; add "
            f"Annotations/.../{video.name}/{stem}.png, or keep the first frame's annotation only"
            f"{_later_way(video)}."
        )


def _later_way(video: Video) -> str:
    """The other way out, where the annotations may be there to prompt objects that appear later."""
    return f", or run SAM 2 with --option {LATER}=true if its objects appear later" if video.annotations else ""


def first_gap(annotated: Sequence[int], start: int, length: int) -> int | None:
    """The first frame from `start` on (of `length`) that the rhythm of the `annotated` frames leaves out."""
    stride = min(b - a for a, b in itertools.pairwise(annotated))
    known = set(annotated)
    return next((index for index in range(start, length, stride) if index not in known), None)


def _picture_size(video: str, path: Path) -> tuple[int, int]:
    """(width, height) from a frame's header. Raises InputError when the file is no picture."""
    try:
        with open_frame(path) as image:
            size: tuple[int, int] = image.size
            return size
    except UNREADABLE as error:
        raise InputError(f"Video {video}: frame {path} is no picture that can be read: replace the file.") from error


def check_end(video: str, path: Path) -> None:
    """Raises InputError when a frame's file does not end as its kind does (an interrupted copy or download)."""
    try:
        with open_regular(path, PICTURE_BYTES) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL))
            tail = file.read(TAIL) or b""
    except OSError as error:
        raise InputError(f"Video {video}: frame {path} cannot be read ({error.strerror or error}).") from error
    if ENDS[path.suffix.lower()] not in tail:
        what = "is empty" if not size else "was cut off, or is no picture"
        raise InputError(f"Video {video}: frame {path} {what} ({size} bytes); replace the file.")
