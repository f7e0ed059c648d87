"""Copies of the database, whole even while a dispatcher writes: one before each migration, the newest few kept."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from vos_core.errors import VosLabError

KEPT = 5
BUSY_SECONDS = 15
PAGES = 2000  # copied at a time; a writer waits no longer than these take


def backups_folder(database: Path) -> Path:
    """Where copies made before migrations lie."""
    return database.parent / "backups"


def stamp(now: float | None = None) -> str:
    """The time (UTC) as names of copies carry it: `20261122-233000`."""
    return time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))


def free_name(path: Path) -> Path:
    """`path`, or with `-2`, `-3`, ... behind it where that is taken: nothing that was kept is written over."""
    number, found = 1, path
    while found.exists():
        number += 1
        found = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return found


def copy_database(source: Path, target: Path) -> None:
    """Write `source` as it is at one moment to `target`, under its name only when it is whole.

    Raises VosLabError when that cannot be done (a full disk); no `target` is left then.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        _copy(source, draft)
        with closing(sqlite3.connect(draft)) as copy:
            copy.execute("PRAGMA journal_mode=delete")  # one file, whatever the source's mode was
        draft.replace(target)
    except (sqlite3.OperationalError, OSError) as error:
        raise VosLabError(f"The database {source} could not be copied to {target}: {error}.") from error
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            draft.with_name(draft.name + suffix).unlink(missing_ok=True)


def write_back(copy: Path, database: Path) -> None:
    """Give `database` the content of `copy`, in one transaction: processes that have it open see it, whole."""
    _copy(copy, database)


def _copy(source: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(source, timeout=BUSY_SECONDS)) as read,
        closing(sqlite3.connect(target, timeout=BUSY_SECONDS)) as write,
    ):
        read.backup(write, pages=PAGES)


def back_up(database: Path, version: str) -> Path:
    """A copy of the database of that version, in `backups/voslab-<version>-<date>.db`; the oldest of many go."""
    folder = backups_folder(database)
    target = free_name(folder / f"{database.stem}-{version}-{stamp()}.db")
    copy_database(database, target)
    for old in backups(database)[KEPT:]:
        old.unlink(missing_ok=True)
    return target


def backups(database: Path) -> list[Path]:
    """The copies that are there, newest first."""
    found = backups_folder(database).glob(f"{database.stem}-*.db")
    return sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True)
