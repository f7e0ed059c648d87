"""The archives of an item into its one folder: unpacked beside it, joined, noted, renamed when it is whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from vos_core.datasets.mose import ANNOTATIONS, FRAMES, LISTS, video_order, write_list
from vos_core.downloads.catalogue import File, Item, Kind
from vos_core.downloads.failures import DownloadError
from vos_core.downloads.presence import is_usable, unpacking
from vos_core.downloads.progress import Callback, Progress, Stage
from vos_core.downloads.records import (
    DIGESTS,
    RECORD,
    Records,
    now,
    record_of,
    write_digests,
    write_json,
)
from vos_core.downloads.transfer import require_space
from vos_core.downloads.unpack import Limits, unpack
from vos_core.errors import InputError
from vos_core.home import Home

BY_NAME = "list by name"  # in the record: the publisher's order could not be had
DEPTH = 3  # folders above the one looked for that an archive may bring


def join(item: Item, home: Home, progress: Callback, no_order: str = "") -> str:
    """Make `item`'s folder of its archives, which lie where `item.paths` says; returns what went otherwise than usual.

    `no_order` says why the file that names the videos in their order could not be had, where it could not.

    Raises DownloadError for an archive that is hostile, damaged, or holds something else; InputError for a disk that
    is too small. Nothing is left under the folder's name, nor beside it, unless it is whole.
    """
    destination = item.destination(home)
    temporary = unpacking(destination)
    shutil.rmtree(temporary, ignore_errors=True)
    destination.parent.mkdir(parents=True, exist_ok=True)
    paths = item.paths(home)
    require_space(
        destination.parent,
        sum(path.stat().st_size for path in paths),
        f"unpacking {' and '.join(path.name for path in paths)}",
    )
    try:
        temporary.mkdir()
        whole, digests = _whole(item, paths, temporary, progress)
        note = "" if (whole / LISTS).exists() else write_order(item, whole, home) or no_order
        write_digests(whole / DIGESTS, digests)
        record = {
            "item": item.name,
            "archives": {path.name: Records(item.name, home).sha256(path) for path in paths},
            "files": len(digests),
            BY_NAME: bool(note),
            "recorded": now(),
        }
        write_json(whole / RECORD, record)
        whole.replace(destination)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return note


def _whole(item: Item, paths: tuple[Path, ...], temporary: Path, progress: Callback) -> tuple[Path, dict[str, str]]:
    """The folder that the archives make, in `temporary`, and the SHA-256 of its files."""
    if len(item.files) == 1:
        return _one(item, item.files[0], paths[0], temporary / "0", progress, partial(_thing, item))
    whole = temporary / "whole"
    whole.mkdir()
    digests: dict[str, str] = {}
    for number, (file, path) in enumerate(zip(item.files, paths)):
        assert file.holds is not None
        wanted = file.holds
        found, of_part = _one(item, file, path, temporary / str(number), progress, partial(_part, wanted))
        found.replace(whole / wanted)
        digests.update({f"{wanted}/{name}": sha256 for name, sha256 in of_part.items()})
    if not is_usable(item.kind, whole):
        raise DownloadError(f"{' and '.join(map(str, paths))} make no dataset: delete them and fetch them again.")
    return whole, digests


def _one(
    item: Item,
    file: File,
    archive: Path,
    folder: Path,
    progress: Callback,
    find: Callable[[Path], Path | None],
) -> tuple[Path, dict[str, str]]:
    """Unpack one archive; returns what `find` finds in it, and the SHA-256 of the files in there."""
    digests: dict[str, str] = {}
    note = file.name if len(item.files) > 1 else ""
    unpack(
        archive,
        folder,
        Limits(),
        lambda done, total: progress(Progress(item.name, Stage.UNPACKING, done, total, note)),
        digests,
    )
    found = find(folder)
    if found is None:
        wanted = f"no folder {file.holds} with videos" if file.holds else _missing(item.kind)
        raise DownloadError(f"{archive} holds {wanted}. Delete it and fetch it again.")
    top = found.relative_to(folder).as_posix()
    start = "" if top == "." else f"{top}/"
    return found, {name.removeprefix(start): sha for name, sha in digests.items() if name.startswith(start)}


def _missing(kind: Kind) -> str:
    if kind is Kind.DATASET:
        return f"no dataset: no folder of it has videos in both {FRAMES} and {ANNOTATIONS}"
    return "no predictions: no folder of it has folders of PNG masks"


def _levels(folder: Path) -> list[Path]:
    """`folder` and the folders beneath, nearest to the top first."""
    level, found = [folder], [folder]
    for _ in range(DEPTH):
        level = sorted(child for parent in level for child in parent.iterdir() if child.is_dir())
        found += level
    return found


def _thing(item: Item, folder: Path) -> Path | None:
    return next((candidate for candidate in _levels(folder) if is_usable(item.kind, candidate)), None)


def _part(name: str, folder: Path) -> Path | None:
    """The folder `name` of an archive, or its top where the videos lie right there."""
    found = next((one for one in _levels(folder) if one.name == name and one != folder), None)
    if found is None and not any(one.name in (FRAMES, ANNOTATIONS) for one in _levels(folder)):
        found = folder
    return found if found is not None and any(child.is_dir() for child in found.iterdir()) else None


def write_order(item: Item, whole: Path, home: Home) -> str:
    """Write the list of a dataset that comes without; returns what to say where it is not in the publisher's order."""
    if item.split is None:
        return ""
    videos, note = video_order(whole), ""
    path = None if item.order is None else item.path(item.order, home)
    if path is not None and path.exists():
        try:
            named = _named(path, whole)
        except InputError as error:
            named, note = (), f"The list is by name, as {path.name} cannot be used: {error}"
        if sorted(named) == sorted(videos):
            videos = named
        elif not note:
            note = f"The list is by name, as {path} names other videos than there are."
    write_list(whole, item.split, videos)
    return note


def order_again(item: Item, folder: Path, home: Home) -> str:
    """Put a list that `join` had to make by name into the publisher's order, which can be had now; returns what to say
    where it cannot be used. A list that somebody has changed is left alone."""
    path = folder / LISTS / f"{item.split}.txt"
    try:
        as_made = tuple(path.read_text(encoding="utf-8").splitlines()) == video_order(folder)
    except (OSError, UnicodeDecodeError, InputError):
        as_made = False
    note = write_order(item, folder, home) if as_made else ""
    if not note:
        write_json(record_of(folder), {**Records(item.name, home).read(folder), BY_NAME: False})
    return note


def _named(path: Path, whole: Path) -> tuple[str, ...]:
    if path.suffix == ".json":
        return video_order(whole, path)
    try:
        return tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}).") from error
