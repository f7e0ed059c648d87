"""The zip that a challenge's server scores (MOSE, MOSEv2): checked wholly before it is written, and after."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vos_core.datasets.layout import Video
from vos_core.errors import InputError, PredictionError, VosLabError
from vos_core.frame_files import frame_size
from vos_core.masks import VOID, MaskError, MissingMask, mask_size, view_mask
from vos_core.per_object import is_per_object, object_folders, read_binary

Progress = Callable[[int, int], None]

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same predictions give the same zip
_RUN_FILE = "run.json"  # what every run's folder holds beside its masks
_DEPTH_AND_COLOUR = slice(24, 26)
_INDEXED_8_BIT = bytes((8, 3))


@dataclass(frozen=True)
class Report:
    """What a submission holds: `size` in bytes; `left_out`: folders and files of the predictions that are not of
    the split (hidden ones are not told)."""

    path: Path
    videos: int
    frames: int
    objects: int
    size: int
    left_out: tuple[str, ...] = ()


def write_submission(
    predictions: Path | str, videos: Iterable[Video], out: Path | str, progress: Progress | None = None
) -> Report:
    """Write the zip `out` with `<video>/<frame>.png` at its root from `predictions/<video>/<frame>.png`.

    A dataset that is annotated one folder an object (SA-V) is submitted so: `<video>/<object>/<frame>.png`.

    Checked first: every frame of every video (the whole split, frames and first annotations) is there, is an 8-bit
    palette PNG, has its frame's size, and no object that the video's first annotation has not. All problems are told
    in one PredictionError, one a line; nothing is written then. The files go in as they are, stored: a PNG does not
    deflate further. The finished zip is read back, held against what was checked, and only then gets its name; an
    older file of that name is replaced.

    `progress(done, total)` counts videos checked. Raises InputError for a bad path or a video that cannot be read,
    VosLabError when the disk fails or the predictions change meanwhile.
    """
    predictions, out = Path(predictions).expanduser().absolute(), Path(out).expanduser().absolute()
    split = tuple(videos)
    _check_paths(predictions, split, out)
    checked: list[_Checked] = []
    problems: list[str] = []
    for done, result in enumerate(_check_all(predictions, split), start=1):
        if isinstance(result, _Checked):
            checked.append(result)
        else:
            problems += result
        if progress is not None:
            progress(done, len(split))
    if problems:
        raise PredictionError("\n".join(problems))
    members = {name: facts for video in checked for name, facts in video.members.items()}
    draft = out.with_name(f".{out.name}.tmp-{os.getpid()}")
    try:
        _write_zip(draft, predictions, members)
        _check_zip(draft, members)
        size = draft.stat().st_size
        draft.replace(out)
    except (OSError, zipfile.BadZipFile) as error:
        raise VosLabError(f"The submission {out} cannot be written: {error}.") from error
    finally:
        draft.unlink(missing_ok=True)
    left_out = _left_out(predictions, split, members)
    frames = sum(video.length for video in split)
    return Report(out, len(split), frames, sum(video.objects for video in checked), size, left_out)


@dataclass(frozen=True)
class _Checked:
    """A video without problems: its members of the zip as name -> (size, CRC-32)."""

    objects: int
    members: dict[str, tuple[int, int]]


def _check_paths(predictions: Path, split: tuple[Video, ...], out: Path) -> None:
    if not split:
        raise InputError("There is no video to submit.")
    if not predictions.is_dir():
        raise InputError(f"There is no folder of predictions {predictions}: check the path.")
    if out.suffix.lower() != ".zip" or out.is_dir():
        raise InputError(f"The submission {out} must be a file whose name ends in .zip.")
    if not out.parent.is_dir():
        raise InputError(f"There is no folder {out.parent} to write the submission to: make it first.")


def _check_all(predictions: Path, split: tuple[Video, ...]) -> Iterator[_Checked | list[str]]:
    """Videos in order; inflating and checksums let other threads run."""
    threads = min(len(os.sched_getaffinity(0)), 8, len(split))
    with ThreadPoolExecutor(threads, thread_name_prefix="submission") as pool:
        yield from pool.map(lambda video: _check_video(predictions / video.name, video), split)


def _check_video(folder: Path, video: Video) -> _Checked | list[str]:
    """The video's members, or its problems."""
    if video.per_object is not None:
        return _check_apart(folder, video, video.per_object)
    if is_per_object(folder):
        return [
            f"Video {video.name}: the predictions in {folder} are one folder an object, but this dataset is submitted "
            "as label maps, which cannot hold objects that overlap."
        ]
    allowed = _object_ids(video)
    if not folder.is_dir():
        return [f"Video {video.name} has no predictions: there is no folder {folder}."]
    problems: list[str] = []
    missing: list[str] = []
    members: dict[str, tuple[int, int]] = {}
    for frame in video.frames:
        path = folder / f"{frame.stem}.png"
        try:
            problem = _problem(path, frame, allowed)
            if problem is None:
                data = path.read_bytes()
                members[f"{video.name}/{path.name}"] = len(data), zlib.crc32(data)
            else:
                problems.append(f"Video {video.name}, frame {frame.stem}: {problem}")
        except MissingMask:
            missing.append(frame.stem)
        except MaskError as error:
            problems.append(f"Video {video.name}, frame {frame.stem}: {error}")
        except OSError as error:
            problems.append(f"Video {video.name}, frame {frame.stem}: {path} cannot be read: {error.strerror}.")
    if missing:
        some = ", ".join(missing[:10]) + (f" and {len(missing) - 10} more" if len(missing) > 10 else "")
        what = f"frame {some} has" if len(missing) == 1 else f"{len(missing)} frames have"
        problems.insert(0, f"Video {video.name}: {what} no prediction{f': {some}' * (len(missing) > 1)} in {folder}.")
    return problems or _Checked(int(np.count_nonzero(allowed)) - 1, members)


def _check_apart(folder: Path, video: Video, annotations: Path) -> _Checked | list[str]:
    """As `_check_video` where objects are kept apart (SA-V): `<video>/<object>/<frame>.png`, folders named as the
    annotations' (facebookresearch/sam2, `sav_dataset/README.md`: both have the same structure)."""
    if not folder.is_dir():
        return [f"Video {video.name} has no predictions: there is no folder {folder}."]
    if not is_per_object(folder):
        return [
            f"Video {video.name}: the predictions in {folder} are label maps, but this dataset is submitted one folder "
            "an object, which may overlap: segment it with a SAM 2 model and its option per_obj_png_file."
        ]
    known = {path.name for path in object_folders(annotations).values()}
    found = {path.name for path in object_folders(folder).values()}
    problems = [f"Video {video.name}: object {name} has no folder in {folder}." for name in sorted(known - found)]
    problems += [f"Video {video.name} has no object {name}: remove {folder / name}." for name in sorted(found - known)]
    members: dict[str, tuple[int, int]] = {}
    for name in sorted(known & found):
        for frame in video.frames:
            path = folder / name / f"{frame.stem}.png"
            where = f"Video {video.name}, object {name}, frame {frame.stem}"
            try:
                height, width = read_binary(path).shape
                size = frame_size(frame)
                if size != (width, height):
                    problems.append(f"{where}: {path} is {width}x{height} but the frame is {size[0]}x{size[1]}.")
                data = path.read_bytes()
                members[f"{video.name}/{name}/{path.name}"] = len(data), zlib.crc32(data)
            except MissingMask:
                problems.append(f"{where} has no prediction {path}.")
            except (InputError, OSError) as error:
                problems.append(f"{where}: {error}")
    return problems or _Checked(len(known), members)


def _object_ids(video: Video) -> np.ndarray:
    """Which labels a prediction may have: bool (256,); background, and the objects of the first annotation."""
    if not video.frames:
        raise InputError(f"Video {video.name} has no frames: a submission needs to know them all.")
    first = next(iter(video.annotations.values()), None)
    if first is None:
        raise InputError(f"Video {video.name} has no annotation: its original ids are not known.")
    allowed = np.zeros(256, np.bool_)
    allowed[view_mask(first)] = True
    allowed[VOID] = False
    if not allowed[1:].any():
        raise InputError(f"Video {video.name}: its first annotation {first} holds no object.")
    allowed[0] = True
    return allowed


def _problem(path: Path, frame: Path, allowed: np.ndarray) -> str | None:
    """What is wrong with one prediction. Raises MaskError when it cannot be read as one."""
    height, width = mask_size(path)
    with path.open("rb") as file:
        if file.read(26)[_DEPTH_AND_COLOUR] != _INDEXED_8_BIT:
            return f"the prediction {path} is no 8-bit palette PNG: write it as one."
    size = frame_size(frame)
    if size != (width, height):
        return f"the prediction {path} is {width}x{height} but the frame is {size[0]}x{size[1]}."
    mask = view_mask(path)
    # Nearly all masks of nearly all videos pass by their highest label, which is quick to find.
    highest = int(mask.max())
    if allowed[: highest + 1].all() or allowed[mask].all():
        return None
    labels = np.unique(mask)
    known = ", ".join(map(str, np.flatnonzero(allowed)[1:]))
    return (
        f"the prediction {path} has object {', '.join(map(str, labels[~allowed[labels]]))}, but the video has {known}."
    )


def _write_zip(path: Path, predictions: Path, members: dict[str, tuple[int, int]]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name in members:
            info = zipfile.ZipInfo(name, _EPOCH)
            info.external_attr = 0o644 << 16
            archive.writestr(info, (predictions / name).read_bytes())


def _check_zip(path: Path, members: dict[str, tuple[int, int]]) -> None:
    """Hold the zip's directory, which has the checksums of what was written, against what was checked."""
    with zipfile.ZipFile(path) as archive:
        held = {info.filename: (info.file_size, info.CRC) for info in archive.infolist()}
    if held != members:
        changed = next(name for name in (*members, *held) if held.get(name) != members.get(name))
        raise VosLabError(
            f"The prediction {changed} changed while the submission was written: wait until nothing writes to the "
            "run's folder, then try again."
        )


def _left_out(predictions: Path, split: tuple[Video, ...], members: dict[str, tuple[int, int]]) -> tuple[str, ...]:
    """Visible things beside the members: other videos, files that are no prediction of a frame."""
    names = {video.name for video in split}
    folders = {member.rpartition("/")[0] for member in members}
    others = [f"{entry.name}/" if entry.is_dir() else entry.name for entry in _visible(predictions)]
    beside = [name for name in others if name.rstrip("/") not in names and name != _RUN_FILE]
    for name in sorted(names):
        entries = (f"{name}/{entry.name}" for entry in _visible(predictions / name))
        beside += [entry for entry in entries if entry not in members and entry not in folders]
    return tuple(beside)


def _visible(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
