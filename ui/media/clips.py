"""Clips of runs, made when they are asked for: which are allowed, how many at a time, and where they lie meanwhile."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from threading import BoundedSemaphore

from db import queries
from ui.media.footage import inside
from ui.media.pictures import prediction_layer, shown_run, truth_layer
from ui.wording import run_title
from vos_core.clips import KINDS, ClipSource, View, stretch_of, write_clip
from vos_core.clips import MOST_FRAMES as MOST_OF_KIND
from vos_core.errors import InputError, VosLabError
from vos_core.home import Home

MOST_FRAMES = 2000  # of any kind
MOST_BESIDE = 7
PATIENCE_S = 20.0
_making = BoundedSemaphore(1)  # encoding takes a core: pages and pictures need the others


class Busy(VosLabError):
    """Another clip is being made."""


def clip_file(home: Home, run_id: int, token: str, file: str, asked: Mapping[str, str]) -> Path:
    """A temporary file (the caller's to remove) with the clip `<video>.mp4` or `.gif` of a run's attempt.

    `asked` may hold with (ids of further runs, by commas), start, end, fps and view. Raises InputError for what
    cannot be made, Busy when others are waited for too long.
    """
    video, _, kind = file.rpartition(".")
    if kind not in KINDS:
        raise InputError("Clips are MP4 or GIF files: ask for .mp4 or .gif.")
    run, found = shown_run(home, run_id, token, video)
    beside = list(dict.fromkeys(_number(word, "with") for word in asked.get("with", "").split(",") if word))
    if len(beside) > MOST_BESIDE:
        raise InputError(f"At most {MOST_BESIDE} runs stand beside the first: {len(beside)} were asked for.")
    others = {other.id: other for other in queries.runs(home.database, beside)}
    for other_id in beside:
        other = others.get(other_id)
        if other is None or (other.dataset, other.dataset_path) != (run.dataset, run.dataset_path):
            raise InputError(f"Run {other_id} is not there, or of another dataset: its frames cannot stand beside.")
    stretch = stretch_of(found.video, kind, _optional(asked, "start"), _optional(asked, "end"), _rate(asked.get("fps")))
    if stretch.frames > MOST_FRAMES:
        raise InputError(
            f"{stretch.frames:,} frames are too many to be made on the server: ask for at most {MOST_FRAMES:,} by a "
            "start and an end, or use the command `clip`."
        )
    view = asked.get("view", View.OVERLAY.value)
    if view not in list(View):
        raise InputError(f"A clip's view is {' or '.join(View)}, not {view!r}.")
    for frame in found.video.frames:  # masks are checked as they are read
        inside(frame, found.roots)
    rows = (run, *(others[other_id] for other_id in beside))
    runs = tuple(prediction_layer(home, row, video, run_title(row)) for row in rows)
    source = ClipSource(found.video, truth_layer(home, run, found), runs)
    if not _making.acquire(timeout=PATIENCE_S):
        raise Busy("Another clip is being made: try again in a moment.")
    try:
        handle, name = tempfile.mkstemp(prefix="voslab-clip-", suffix=f".{kind}")
        os.close(handle)
        path = Path(name)
        try:
            write_clip(source, stretch, path, kind, View(view))
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path
    finally:
        _making.release()


def most_frames(kind: str) -> int:
    """How many frames a clip of this kind may have here."""
    return min(MOST_FRAMES, MOST_OF_KIND[kind])


def clip_name(run_name: str, file: str) -> str:
    """What the download is called."""
    return f"{run_name} {file}".replace("/", "-")


def _optional(asked: Mapping[str, str], name: str) -> int | None:
    return _number(asked[name], name) if asked.get(name) else None


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InputError(f"{name}={text[:20]} is no whole number.")
    return int(text)


def _rate(text: str | None) -> float | None:
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise InputError(f"fps={text[:20]} is no number.") from None
