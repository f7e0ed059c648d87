"""MOSE's meta file (`meta_valid.json`): which videos a split has, checked against the folders; the list from it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vos_core.datasets.list_files import LISTS, leads_out, read_text, why_unreadable
from vos_core.errors import InputError
from vos_core.regular_files import LIST_BYTES, read_start

FRAMES, ANNOTATIONS = "JPEGImages", "Annotations"
_BEGINNING = 256  # bytes
_MOST_TOLD = 200  # characters


@dataclass(frozen=True)
class VideoMeta:
    """What the meta file says of a video; None where it says nothing."""

    length: int | None = None
    height: int | None = None
    width: int | None = None
    objects: tuple[int, ...] | None = None


def read_meta(path: Path | str, root: Path | None = None) -> dict[str, VideoMeta]:
    """Videos of a meta file `{"videos": {id: {"objects", "length", "height", "width", ...}}}`, in its order.

    `objects` may be a list of ids or an object keyed by id. Raises InputError when it is no such file; what it says is
    quoted where it does not lead out of the dataset (`vos_core.datasets.list_files.leads_out`, `root` being its root).
    """
    path = Path(path)
    try:
        videos = json.loads(read_text(path))["videos"]
        if not isinstance(videos, dict) or not videos:
            raise ValueError("it names no videos")
        return {_plain_name(name): _video(facts) for name, facts in videos.items()}
    except OSError as error:
        raise InputError(f"The meta file {path} cannot be read: {why_unreadable(error)}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        why = "" if leads_out(path, root) else f" ({_in_short(error)})"
        raise InputError(
            f'{path} is no meta file of MOSE{why}: expected {{"videos": {{"<id>": {{"length": ...}}, ...}}}}.'
        ) from error


def names_videos(path: Path) -> bool:
    """Whether a file begins as a meta file does; `meta.json` may be anybody's."""
    try:
        return b'"videos"' in read_start(path, _BEGINNING, LIST_BYTES)
    except OSError:
        return False


def check_meta(root: Path, videos: Mapping[str, VideoMeta]) -> None:
    """Hold a meta file against the folders of the dataset in `root`.

    Raises InputError with one line a problem: a video without frames or annotations, another number of frames than
    the meta file says.
    """
    problems = [problem for name, meta in videos.items() if (problem := _problem(root, name, meta))]
    if problems:
        raise InputError("\n".join(problems))


def video_order(root: Path, meta: Path | None = None) -> tuple[str, ...]:
    """Videos of the dataset in `root` as its list should name them: the meta file's, in its order, checked against
    the folders; all folders by name where there is no meta file.

    Raises InputError as `read_meta` and `check_meta`, or when there is no video.
    """
    if meta is not None:
        videos = read_meta(meta)
        check_meta(root, videos)
        return tuple(videos)
    try:
        names = sorted(entry.name for entry in (root / ANNOTATIONS).iterdir() if _is_video(entry))
    except OSError as error:
        raise InputError(f"{root / ANNOTATIONS} cannot be read: {error.strerror or error}.") from error
    if not names:
        raise InputError(f"{root / ANNOTATIONS} holds no video.")
    return tuple(names)


def write_list(root: Path, split: str, videos: Iterable[str]) -> Path:
    """Write `ImageSets/<split>.txt` of the dataset in `root`, one video a line; returns its path.

    An older list is replaced, whole or not at all. Raises InputError when it cannot be written.
    """
    path = root / LISTS / f"{split}.txt"
    draft = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(exist_ok=True)
        draft.write_text("".join(f"{name}\n" for name in videos), encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}.") from error
    return path


def _in_short(error: Exception) -> str:
    """An error may quote all of a file."""
    if isinstance(error, RecursionError):
        return "its brackets are nested too deep"
    text = str(error)
    return text if len(text) <= _MOST_TOLD else f"{text[:_MOST_TOLD]}..."


def _plain_name(name: Any) -> str:
    if not isinstance(name, str) or name != name.strip() or name in ("", ".", "..") or set(name) & set("/\\\0\n\r"):
        raise ValueError(f"{name!r} is no video's name")
    return name


def _video(facts: Mapping[str, Any]) -> VideoMeta:
    numbers = {}
    for key in ("length", "height", "width"):
        value = facts.get(key)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            raise ValueError(f"{key} {value!r} is no number of {'frames' if key == 'length' else 'pixels'}")
        numbers[key] = value
    objects = facts.get("objects")
    ids = tuple(int(key) for key in objects) if isinstance(objects, (list, dict)) else None
    return VideoMeta(**numbers, objects=ids)


def _problem(root: Path, name: str, meta: VideoMeta) -> str | None:
    for folder in (root / FRAMES / name, root / ANNOTATIONS / name):
        if not folder.is_dir():
            return f"The meta file names video {name}, but there is no folder {folder}: add the video."
    frames = sum(path.suffix.lower() in (".jpg", ".jpeg", ".png") for path in (root / FRAMES / name).glob("[!.]*"))
    if meta.length is not None and frames != meta.length:
        return (
            f"Video {name} has {frames} frames in {root / FRAMES / name} but {meta.length} by the meta file: "
            "unpack the dataset again."
        )
    return None


def _is_video(entry: Path) -> bool:
    return entry.is_dir() and not entry.name.startswith(".")
