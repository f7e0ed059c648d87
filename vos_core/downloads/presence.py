"""How much of an item is there: a look at names, sizes and records; nothing is read through."""

from __future__ import annotations

import os
from collections.abc import Iterator
from enum import StrEnum
from itertools import islice
from pathlib import Path

from vos_core.datasets.mose import ANNOTATIONS, FRAMES
from vos_core.downloads.catalogue import Item, Kind
from vos_core.downloads.records import Records
from vos_core.home import Home


class State(StrEnum):
    """How much of an item is there."""

    MISSING = "missing"
    PARTIAL = "partial"
    READY = "ready"
    DAMAGED = "damaged"


def state(item: Item, home: Home) -> State:
    """How much of `item` is there. Finished names are only ever given to whole things by `fetch`; DAMAGED is what a
    check found wrong, or what somebody else left: a file of another size than published, a folder without frames."""
    if damage(item, home):
        return State.DAMAGED
    if place(item, home) is not None:
        return State.READY
    paths = item.paths(home)
    begun = any(path.is_file() or any(path.parent.glob(f"{path.name}.part*")) for path in paths)
    return State.PARTIAL if begun or unpacking(item.destination(home)).exists() else State.MISSING


def place(item: Item, home: Home) -> Path | None:
    """Where a usable `item` lies, None where there is none: its destination, or the folder above where somebody has
    unpacked a dataset there."""
    destination = item.destination(home)
    if item.kind is Kind.CHECKPOINT:
        return destination if destination.is_file() else None
    places = [destination]
    if item.kind is Kind.DATASET and destination.parent != home.data:
        places.append(destination.parent)
    return next((folder for folder in places if is_usable(item.kind, folder)), None)


def damage(item: Item, home: Home) -> str:
    """What is wrong with what is there, in a sentence; "" where nothing is, or nothing is there."""
    destination = item.destination(home)
    if item.kind is Kind.CHECKPOINT:
        size = item.files[0].size
        if not destination.is_file():
            return f"{destination} is no file." if destination.exists() else ""
        if size is not None and (there := destination.stat().st_size) != size:
            return f"{destination} has {there} bytes where the published file has {size}."
        return Records(item.name, home).damage(destination)
    found = place(item, home)
    if found is not None:
        return Records(item.name, home).damage(found)
    if not destination.exists():
        return ""
    wanted = f"videos in {FRAMES} and {ANNOTATIONS}" if item.kind is Kind.DATASET else "folders of PNG masks"
    return f"{destination} is there but is no whole {_noun(item.kind)} (no {wanted})."


def bytes_there(item: Item, home: Home) -> int:
    """Bytes of the item's files that have been transferred, or put there."""
    begun = (path if path.exists() else path.with_name(f"{path.name}.part") for path in item.paths(home))
    return sum(path.stat().st_size for path in begun if path.exists())


def changed_at(item: Item, home: Home) -> float:
    """When what is there of `item` was last changed (Unix seconds); 0 where nothing is."""
    begun = (path.with_name(f"{path.name}.part") for path in item.paths(home))
    places = (item.destination(home), *item.paths(home), *begun)
    # The time of the inode: a file that is copied or moved into place may bring an old time of its contents.
    return max((path.stat().st_ctime for path in places if path.exists()), default=0.0)


def is_usable(kind: Kind, folder: Path) -> bool:
    """Whether `folder` is a dataset (both frames and annotations have at least one folder, a video or a resolution),
    or holds predictions (a folder a video, with PNGs)."""
    if kind is Kind.DATASET:
        return all(any(_folders(folder / name)) for name in (FRAMES, ANNOTATIONS))
    return any(map(_has_png, islice(_folders(folder), 3)))


def unpacking(destination: Path) -> Path:
    """Where an archive is unpacked before it gets its name."""
    # A leading dot: whoever lists datasets leaves it out.
    return destination.with_name(f".unpacking-{destination.name}")


def _noun(kind: Kind) -> str:
    return "dataset" if kind is Kind.DATASET else "set of predictions"


def _folders(folder: Path) -> Iterator[Path]:
    # One by one: a split has thousands of videos, and the first ones say it.
    try:
        with os.scandir(folder) as entries:
            yield from (Path(entry.path) for entry in entries if entry.name[0] != "." and entry.is_dir())
    except OSError:
        return


def _has_png(folder: Path) -> bool:
    return next(folder.glob("*.png"), None) is not None
