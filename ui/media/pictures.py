"""What is drawn of a run on the server: thumbnails of frames, the masks that clips are made of, and their addresses.

Addresses are relative (the app may sit under a path prefix); they carry the attempt, so browsers may keep thumbnails
for ever. Files are found as the player's are (ui/media/footage.py): nothing outside registered folders is read.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import lru_cache
from threading import BoundedSemaphore
from urllib.parse import quote, urlencode

import numpy as np
from PIL import Image

from db import queries
from db.models import Run
from ui.media.footage import (
    Footage,
    annotation_mask,
    footage,
    inside,
    mask_png,
    prediction_token,
    reference_folder,
)
from ui.wording import folder_name
from vos_core.clips import Layer
from vos_core.errors import InputError
from vos_core.frame_files import open_frame
from vos_core.home import Home
from vos_core.masks import MaskError, MissingMask
from vos_core.overlays import Mask, failure_thumbnail

THUMBNAILS, CLIPS = "thumbnails", "clips"
WIDTH = 240
_KEPT = 1024  # thumbnails in memory, 10 KB each
_drawing = BoundedSemaphore(2)  # a gallery asks for many at once; pages must be answered meanwhile


def thumbnail_address(
    run_id: int,
    edition: str,
    attempt: int,
    video: str,
    frame: int,
    object_id: int | None = None,
    *,
    beside: tuple[int, str, int] | None = None,
) -> str:
    """A small JPEG of a frame (index) with the prediction filled and the annotation outlined; with `object_id` of
    that object alone, cut out around where it is annotated or predicted.

    `beside` is another run (id, edition, attempt) whose picture of the object stands next to this one: the cut is
    then around its prediction too, so that both show the same part.
    """
    place = f"{THUMBNAILS}/{run_id}/{prediction_token(edition, attempt)}/{quote(video, safe='')}/{frame}.jpg"
    if object_id is None:
        return place
    other = "" if beside is None else f"&beside={beside[0]},{prediction_token(*beside[1:])}"
    return f"{place}?object={object_id}{other}"


def clip_address(
    run_id: int,
    edition: str,
    attempt: int,
    video: str,
    *,
    kind: str = "mp4",
    beside: Sequence[int] = (),
    start: int | None = None,
    end: int | None = None,
    fps: float | None = None,
    view: str = "overlay",
) -> str:
    """A download: picture, annotation and the masks of the run and of the runs `beside` it, next to each other.

    `kind` is mp4 or gif, `start` and `end` are frame indices (inclusive; None: the video's own), `view` is overlay or
    error (hit, miss, false alarm).
    """
    place = f"{CLIPS}/{run_id}/{prediction_token(edition, attempt)}/{quote(video, safe='')}.{kind}"
    given = {
        "with": ",".join(map(str, beside)) or None,
        "start": start,
        "end": end,
        "fps": None if fps is None else f"{fps:g}",
        "view": None if view == "overlay" else view,
    }
    asked = urlencode({name: value for name, value in given.items() if value is not None}, safe=",")
    return f"{place}?{asked}" if asked else place


@lru_cache(maxsize=_KEPT)
def thumbnail(
    home: Home,
    run_id: int,
    token: str,
    video: str,
    frame: int,
    object_id: int | None,
    beside: tuple[int, str] | None = None,
) -> bytes:
    """The JPEG of `thumbnail_address`; `beside` is (run, token). Raises InputError when there is no such frame of that
    attempt."""
    run, found = shown_run(home, run_id, token, video)
    if not 0 <= frame < found.video.length:
        raise InputError("There is no such frame.")
    stem = found.video.stems[frame]
    truth, prediction = truth_layer(home, run, found), prediction_layer(home, run, video)
    other = None if beside is None else prediction_layer(home, shown_run(home, *beside, video)[0], video)
    with _drawing:
        mask = prediction.read(stem)
        annotation = None if truth is None else _mask_or_none(truth, stem)
        around = None if other is None else _mask_or_none(other, stem)
        with open_frame(inside(found.video.frames[frame], found.roots)) as image:
            small = failure_thumbnail(image, annotation, mask, object_id=object_id, around=around, width=WIDTH)
        file = io.BytesIO()
        small.save(file, "JPEG", quality=80)
    return file.getvalue()


def shown_run(home: Home, run_id: int, token: str | None, video: str) -> tuple[Run, Footage]:
    """A run and its video's files. Raises InputError when there is no such run, or none of that attempt (`token`)."""
    run, place = queries.run_by_id(home.database, run_id), queries.prediction_folder(home.database, run_id, video)
    if run is None or place is None:
        raise InputError("There is no such run or video.")
    if token is not None and token != prediction_token(place[1], place[2]):
        raise InputError("That attempt was superseded: reload the page.")
    return run, footage(home, run.dataset, run.dataset_path, video)


def truth_layer(home: Home, run: Run, found: Footage) -> Layer | None:
    """What a run is held against: its reference, or the video's annotations; None where there are none."""
    if run.reference:
        folder = reference_folder(home, run, found.video.name)
        roots = (folder.parent.resolve(),)
        return Layer(
            f"reference {folder_name(run.reference)} (no truth)", _reader(lambda file: mask_png(folder, file, roots))
        )
    if not found.video.annotated_stems:
        return None
    return Layer("annotation", _reader(lambda file: annotation_mask(found, file)))


def prediction_layer(home: Home, run: Run, video: str, title: str = "") -> Layer:
    """A run's masks of a video."""
    base = home.locate(run.predictions)
    roots = (base.resolve(),)
    return Layer(title, _reader(lambda file: mask_png(base / video, file, roots)))


def _reader(find: Callable[[str], bytes]) -> Callable[[str], Mask]:
    """A frame's label map by its stem, from what serves its PNG; MissingMask where that finds none."""

    def read(stem: str) -> Mask:
        try:
            data = find(f"{stem}.png")
        except MaskError:
            raise
        except InputError as error:
            raise MissingMask(str(error)) from error
        try:
            with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
                mask = np.array(image)
        except (OSError, SyntaxError, ValueError) as error:
            raise MaskError(f"The mask of frame {stem} is damaged: write it again.") from error
        if mask.ndim != 2 or mask.dtype != np.uint8:
            raise MaskError(f"The mask of frame {stem} is no label map: write it as an indexed PNG.")
        return mask

    return read


def _mask_or_none(layer: Layer, stem: str) -> Mask | None:
    try:
        return layer.read(stem)
    except MissingMask:
        return None
