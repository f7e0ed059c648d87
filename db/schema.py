"""The database's version: created and migrated by Alembic when a process opens it."""

from __future__ import annotations

import fcntl
import sqlite3
from functools import lru_cache
from pathlib import Path

from vos_core.errors import InputError

MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = "0002"


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
    """Create the database or bring it to the newest version, once a process.

    Raises InputError when the file was written by a newer VOS Lab, is no database, or its folder cannot be written.
    """
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        if version(database) == HEAD:
            return
        # Two processes may start at once: the second waits, and finds the work done.
        with (database.parent / "migrate.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            current = version(database)
            if current == HEAD:
                return
            _upgrade(database, current)
    except sqlite3.DatabaseError as error:
        raise InputError(
            f"{database} is not a usable database ({error}): move it aside to start with an empty one."
        ) from error
    except OSError as error:
        raise InputError(f"The state folder {database.parent} cannot be written: {error}.") from error


def _upgrade(database: Path, current: str | None) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["database"] = database
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise InputError(
            f"{database} was written by a newer VOS Lab (revision {current}, this one knows {HEAD}): "
            "update VOS Lab, or use another VOSLAB_HOME."
        )
    command.upgrade(config, HEAD)
