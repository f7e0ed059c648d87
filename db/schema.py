"""The database's version: created and migrated by Alembic when a process opens it."""

from __future__ import annotations

import fcntl
import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from db.backup import back_up, write_back
from db.damage import damage_of, is_damage, looks_damaged, set_aside, suspect, unsuspect
from vos_core.errors import InputError

MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = "0004"
RESTORING = "restoring.json"  # in the state folder while a restore puts files in place

log = logging.getLogger("database")


def version(database: Path) -> str | None:
    """Revision of the file; None for a file without tables."""
    if not database.exists():
        return None
    connection = sqlite3.connect(database, timeout=15)
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return None
        raise
    finally:
        connection.close()
    return row[0] if row else None


@lru_cache(maxsize=8)
def ensure(database: Path) -> None:
    """Create the database or bring it to the newest version, once a process; a copy of an older one is kept.

    A damaged file is set aside and an empty database begun, which `db.damage.damage_note` tells; it is looked for
    where the file's head, its last dispatcher's end or an error of this process calls for it.

    Raises InputError when the file was written by a newer VOS Lab, its folder cannot be written, or a restore was cut
    short.
    """
    _ensure(database, looked=False)


def _ensure(database: Path, *, looked: bool) -> None:
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        if (database.parent / RESTORING).exists():
            raise InputError(f"A restore into {database.parent} was cut short: run it again, with --replace.")
        if not looks_damaged(database) and version(database) == HEAD:
            return
        # Two processes may start at once: the second waits, and finds the work done.
        with holding_file(database):
            _set_aside_damaged(database)
            current = version(database)
            if current == HEAD:
                return
            _upgrade(database, current)
    except sqlite3.DatabaseError as error:
        if is_damage(error) and not looked:
            # The damage lies where the version does: with the mark, the file is looked at and set aside.
            suspect(database)
            _ensure(database, looked=True)
            return
        raise InputError(
            f"{database} is not a usable database ({error}): move it aside to start with an empty one."
        ) from error
    except OSError as error:
        raise InputError(f"The state folder {database.parent} cannot be written: {error}.") from error


@contextmanager
def holding_file(database: Path) -> Iterator[None]:
    """Between processes: one at a time may migrate, set aside or replace the database's file."""
    with (database.parent / "migrate.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def known_versions() -> set[str]:
    """Revisions that this VOS Lab can open."""
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}


def _set_aside_damaged(database: Path) -> None:
    if looks_damaged(database) and (reason := damage_of(database)):
        damage = set_aside(database, reason, time.time())
        log.warning("%s Its runs can be made anew from their folders: python -m vos_core rebuild", damage.sentence)
    unsuspect(database)


def _upgrade(database: Path, current: str | None) -> None:
    from alembic import command
    from alembic.config import Config

    if current is not None and current not in known_versions():
        raise InputError(
            f"{database} was written by a newer VOS Lab (revision {current}, this one knows {HEAD}): "
            "update VOS Lab, or use another VOSLAB_HOME."
        )
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["database"] = database
    if current is None:
        command.upgrade(config, HEAD)
        return
    kept = back_up(database, current)
    try:
        command.upgrade(config, HEAD)
    except Exception as error:
        write_back(kept, database)
        raise InputError(
            f"{database} could not be brought from version {current} to {HEAD} ({error}): it is as it was, and a copy "
            f"is {kept}. Go back to the VOS Lab that you had, and report this."
        ) from error
    log.warning("The database was brought from version %s to %s; a copy as it was: %s", current, HEAD, kept)
