"""A damaged database file: how it is told from a whole one, how it is set aside, and the note of it that people see."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from db.backup import free_name, stamp
from db.holder import is_alive
from db.models import Lease

NOTE = "damage.json"
SUSPECT = "suspect"  # a file of this name beside the database has the next process that opens it look closely
MAGIC = b"SQLite format 3\x00"
BESIDE = ("", "-wal", "-shm", "-journal")  # what belongs to a database file
_CORRUPT, _NOT_A_DATABASE = 11, 26  # SQLite's primary result codes


@dataclass(frozen=True)
class Damage:
    """A database that was set aside; `rebuilt` are sentences about what became of its runs, None until they are."""

    file: str  # its name, beside the database
    reason: str
    at: float
    rebuilt: tuple[str, ...] | None = None

    @property
    def sentence(self) -> str:
        """What happened."""
        return f"The database was damaged ({self.reason}); it was set aside as {self.file}, and a new one begun."


def is_damage(error: BaseException | None) -> bool:
    """Whether SQLite says with this error that the file is damaged (not: locked, full, unreadable)."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (_CORRUPT, _NOT_A_DATABASE)


def looks_damaged(database: Path) -> bool:
    """Whether a closer look (`damage_of`) is called for: by the file's head, or since its last dispatcher died.

    Cheap: a head is read, and one row.
    """
    if database.with_name(SUSPECT).exists():
        return True
    try:
        head, size = _head_and_size(database)
    except FileNotFoundError:
        return False
    if len(head) < 100 or not head.startswith(MAGIC):
        return True
    page_size = int.from_bytes(head[16:18], "big")
    page_size = 65536 if page_size == 1 else page_size
    if head[24:28] == head[92:96] and int.from_bytes(head[28:32], "big") * page_size > size:
        return True
    return _ended_unclean(database)


_descriptors: dict[tuple[int, int], int] = {}


def _head_and_size(database: Path) -> tuple[bytes, int]:
    """The first 100 bytes, and the size in bytes. The descriptor stays open: closing one drops every lock that this
    process' SQLite holds on the file (POSIX locks; https://www.sqlite.org/howtocorrupt.html, 2.2)."""
    status = database.stat()
    place = (status.st_dev, status.st_ino)
    if place not in _descriptors:
        _descriptors[place] = os.open(database, os.O_RDONLY | os.O_CLOEXEC)
    return os.pread(_descriptors[place], 100, 0), os.fstat(_descriptors[place]).st_size


def suspect(database: Path) -> None:
    """An error of SQLite says that the file is damaged: whoever opens it next is to look."""
    with contextlib.suppress(OSError):
        database.with_name(SUSPECT).touch()


def unsuspect(database: Path) -> None:
    """It was looked at."""
    database.with_name(SUSPECT).unlink(missing_ok=True)


def damage_of(database: Path) -> str | None:
    """What is wrong with the file, in words; None when it is whole. Reads all of it.

    Raises sqlite3.OperationalError when it cannot be looked at now (locked, an I/O error).
    """
    if not database.exists():
        return None
    if database.stat().st_size == 0:
        # An empty file is a new database, or one that a full disk left: where a dispatcher has worked, there was one.
        return "the file is empty" if (database.parent / "logs").is_dir() else None
    try:
        with closing(sqlite3.connect(database, timeout=15)) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        return str(error)
    return None if found == "ok" else " ".join(str(found).split()).replace("*** in database main *** ", "")


def set_aside(database: Path, reason: str, now: float) -> Damage:
    """Rename the file, with what belongs to it, to `voslab.db.damaged-<date>`, and leave a note of it."""
    target = free_name(database.with_name(f"{database.name}.damaged-{stamp(now)}"))
    for suffix in BESIDE:
        part = database.with_name(database.name + suffix)
        if part.exists():
            part.rename(target.with_name(target.name + suffix))
    damage = Damage(target.name, reason, now)
    _write(database, damage)
    return damage


def damage_note(database: Path) -> Damage | None:
    """The note of a database that was set aside, until somebody dismisses it."""
    try:
        values = json.loads(_note(database).read_text())
        rebuilt = values["rebuilt"]
        return Damage(values["file"], values["reason"], values["at"], None if rebuilt is None else tuple(rebuilt))
    except (OSError, ValueError, LookupError, TypeError):
        return None


def note_rebuilt(database: Path, sentences: tuple[str, ...]) -> None:
    """Write down what became of the runs; nothing where there is no note."""
    damage = damage_note(database)
    if damage is not None:
        _write(database, replace(damage, rebuilt=sentences))


def dismiss(database: Path) -> None:
    """Take the note away; the file that was set aside stays."""
    _note(database).unlink(missing_ok=True)


def wants_rebuild(database: Path) -> bool:
    """Whether runs are to be made from their folders: the database was set aside, and nobody has done that yet."""
    damage = damage_note(database)
    return damage is not None and damage.rebuilt is None


def _ended_unclean(database: Path) -> bool:
    """Whether the last dispatcher died without giving its lease back."""
    try:
        with closing(sqlite3.connect(database, timeout=15)) as connection:
            columns = "token, host, boot_id, pid, process_started, heartbeat"
            row = connection.execute(f"SELECT {columns} FROM lease WHERE id = 1").fetchone()
    except sqlite3.DatabaseError as error:
        return is_damage(error)
    return row is not None and not is_alive(Lease(id=1, **dict(zip(columns.split(", "), row))))


def _note(database: Path) -> Path:
    return database.with_name(NOTE)


def _write(database: Path, damage: Damage) -> None:
    draft = database.with_name(f"{NOTE}.tmp")
    draft.write_text(json.dumps(asdict(damage), indent=2) + "\n")
    draft.replace(_note(database))
