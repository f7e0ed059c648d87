"""The folders of a home: what kind of disk they lie on, how much of it is free, whether they can be written.

Leaves nothing behind: what is written for a try has no name (O_TMPFILE), and is gone when it is closed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vos_core.doctor.probes import Probe
from vos_core.doctor.report import Finding, Level, Topic
from vos_core.home import ROOTS, Home

LITTLE = 10e9  # bytes: MOSE valid, its archive and some runs' masks
FULL = 1e9
LOCAL = ("ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "apfs", "jfs")
WRITTEN = ("outputs", "state", "root")  # without these nothing can be done; data and checkpoints may be read only

Kinds = Callable[[Path], str]
"""Type of the file system that holds a path (`ext4`, `nfs4`, ...); empty where it cannot be told."""


@dataclass(frozen=True)
class _Place:
    """A folder, or the nearest one above that is there."""

    name: str
    path: Path
    there: Path


def probes(home: Home, kind_of: Kinds) -> list[Probe]:
    """A probe for the home folder with the roots in it, one for each root elsewhere: any of them may hang alone."""
    inside = [name for name in ROOTS if name != "root" and getattr(home, name).is_relative_to(home.root)]
    roots = {"the home folder": ["root", *inside]} | {
        f"the folder of {name}": [name] for name in ROOTS if name != "root" and name not in inside
    }
    found = [
        Probe(Topic.DISK, f"{what} {getattr(home, names[0])}", partial(_look, home, names, kind_of))
        for what, names in roots.items()
    ]
    return [*found, Probe(Topic.DISK, f"the environment {sys.prefix}", lambda: _environment(kind_of))]


def _look(home: Home, names: list[str], kind_of: Kinds) -> Iterator[Finding]:
    places = [_place(name, getattr(home, name)) for name in names]
    disks: dict[int, list[_Place]] = {}
    for place in places:
        disks.setdefault(place.there.stat().st_dev, []).append(place)
    for sharing in disks.values():
        yield _disk(sharing, kind_of)
    for place in places:
        yield from _writing(place)


def _place(name: str, path: Path) -> _Place:
    there = path
    while not there.exists() and there != there.parent:
        there = there.parent
    return _Place(name, path, there)


def _disk(places: list[_Place], kind_of: Kinds) -> Finding:
    first = places[0]
    name = {"root": "home"}.get(first.name, first.name)
    others = ", ".join(place.name for place in places[1:])
    text = f"{name} {first.path}{f' (with {others})' if others else ''}"
    if first.there != first.path:
        text += " (not there yet)"
    status = os.statvfs(first.there)
    free, size = status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize
    kind = kind_of(first.there.resolve())
    text += f": {kind or 'file system unknown'}, {_bytes(free)} of {_bytes(size)} free"
    if status.f_files and not status.f_favail:
        return Finding(Topic.DISK, Level.PROBLEM, f"{text}, and no further file fits (inodes)", "Remove files there.")
    if free < LITTLE:
        writes = any(place.name in WRITTEN for place in places)
        level = Level.PROBLEM if free < FULL and writes else Level.WARNING
        return Finding(Topic.DISK, level, text, "Make room, or point the folder elsewhere (README: Where things are).")
    level, more = _kind(kind, {place.name for place in places})
    return Finding(Topic.DISK, level, text + (f"; {more}" if more else ""))


def _kind(kind: str, names: set[str]) -> tuple[Level, str]:
    kept = bool(names & {"outputs", "state"})
    if kind in ("tmpfs", "ramfs") and kept:
        return Level.WARNING, "this is memory: what is written there is gone after a restart"
    if kind == "overlay" and kept:
        return Level.NOTE, "this is the container's own layer, which goes with it unless it is kept or a volume"
    if kind and kind not in (*LOCAL, "tmpfs", "ramfs", "overlay") and "state" in names:
        return Level.NOTE, "no local disk: the database works without WAL there, slower and safe; one host at a time"
    return Level.OK, ""


def _writing(place: _Place) -> Iterator[Finding]:
    """What keeps a folder from being written, found by writing a file without a name."""
    level = Level.PROBLEM if place.name in WRITTEN else Level.NOTE
    what = f"{place.name} {place.there}" if place.there == place.path else f"{place.name} {place.path}"
    if not place.there.is_dir():
        yield Finding(Topic.DISK, level, f"{what}: {place.there} is no folder", f"Move {place.there} away.")
        return
    reason = refusal(place.there)
    if reason is None:
        return
    advice = "Mend its permissions, or point it elsewhere (README: Where things are)."
    if place.name not in WRITTEN:
        advice = "Nothing to do while nothing is to be fetched into it."
    yield Finding(Topic.DISK, level, f"{what} cannot be written: {reason}", advice)


def refusal(folder: Path) -> str | None:
    """Why no file can be made in `folder`, in words; None where it can. Leaves nothing behind."""
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        return "it is mounted read-only"
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        owner, mode = folder.stat().st_uid, stat.filemode(folder.stat().st_mode)
        return f"its permissions are {mode}, it is user {owner}'s, and this is user {os.geteuid()}"
    try:
        handle = os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o600)
    except (OSError, AttributeError) as error:
        # Network file systems and old kernels cannot make a file without a name: then permissions are all there is.
        code = getattr(error, "errno", None)
        return os.strerror(code) if code in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS) else None
    try:
        os.write(handle, b"\0" * 4096)
        os.fsync(handle)
        with suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.strerror if error.errno != errno.ENOLCK else "the file system gives no locks (mount option nolock)"
    finally:
        os.close(handle)
    return None


def _environment(kind_of: Kinds) -> Iterator[Finding]:
    """Where the packages lie: torch with CUDA has thousands of files."""
    folder = Path(sys.prefix)
    kind = kind_of(folder.resolve())
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize
    text = f"environment {folder}: {kind or 'file system unknown'}, {_bytes(free)} free"
    slow = bool(kind) and kind not in (*LOCAL, "tmpfs", "overlay")
    more = "; no local disk: the first start of each program takes longer" if slow else ""
    yield Finding(Topic.DISK, Level.NOTE if slow else Level.OK, text + more)


def _bytes(number: float) -> str:
    return f"{number / 1e12:.1f} TB" if number >= 1e12 else f"{number / 1e9:.{0 if number >= 1e10 else 1}f} GB"
