"""The database and the dispatcher as they stand, for the doctor: looked at without changing, creating or migrating.

In a process of its own (`python -m vos_core.execution.bookkeeping`): closing a file drops the locks that the same
process holds on it for SQLite (https://www.sqlite.org/howtocorrupt.html, 2.2), and whoever asks may have the database
open. It can also be killed where a disk stalls.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vos_core.doctor.interpreter import REPOSITORY
from vos_core.doctor.probes import Probe, examine
from vos_core.doctor.report import Finding, Level, Topic
from vos_core.home import Home

AGAIN_SECONDS = 0.5
CHECK_SECONDS = 10.0  # for reading the whole file; on a slow disk a large one is left unread
SECONDS = 20.0  # for all of it
SILENT_SECONDS = 60.0  # a dispatcher writes about once a second
WAL_VERSION = 2  # byte 18 of the file's head
WAITING = "('queued', 'running')"


def look(home: Home) -> Iterator[Finding]:
    """What `look_at_database` and `look_at_dispatcher` find, from a process of their own.

    Raises subprocess.SubprocessError when that gives no answer.
    """
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        capture_output=True,
        text=True,
        timeout=SECONDS + 5,
        check=True,
        env={**os.environ, **home.environment()},
        cwd=REPOSITORY,
    )
    for one in json.loads(done.stdout):
        yield Finding(Topic(one["topic"]), Level(one["level"]), one["text"], one["advice"])


def look_at_database(home: Home) -> list[Finding]:
    """Size, version and integrity of the file, and notes that lie beside it."""
    found = list(_database(home))
    if any(one.level is Level.PROBLEM for one in found):
        # Somebody may have begun to write between two looks at it: what is really wrong stays so.
        time.sleep(AGAIN_SECONDS)
        found = list(_database(home))
    return found


def _database(home: Home) -> Iterator[Finding]:
    from db.damage import damage_note
    from db.schema import HEAD, RESTORING, known_versions
    from db.session import LOCAL_FILE_SYSTEMS, file_system

    database = home.database
    if (database.parent / RESTORING).exists():
        text = f"a restore into {database.parent} was cut short"
        yield Finding(Topic.DATABASE, Level.PROBLEM, text, "python -m vos_core restore FILE --replace")
    note = damage_note(database)
    if note is not None:
        text = f"{note.sentence.removesuffix('.')}"
        if note.rebuilt is None:
            yield Finding(Topic.DATABASE, Level.WARNING, text, "python -m vos_core rebuild")
        else:
            yield Finding(Topic.DATABASE, Level.NOTE, f"{text} Its runs were made anew")
    if not database.exists():
        yield Finding(Topic.DATABASE, Level.OK, f"none yet: the first launch makes {database}")
        return
    if not database.stat().st_size and home.logs.is_dir():
        yield _damaged(f"{database} is empty, and a dispatcher has worked here")
        return
    try:
        with _opened(database) as connection:
            version, mode = _version(connection), "wal" if _is_wal(database) else "delete"
            if version is None:
                yield Finding(Topic.DATABASE, Level.OK, f"{database} is empty: the first launch makes the tables")
                return
            if version != HEAD and version not in known_versions():
                text = f"{database} was written by a newer VOS Lab (revision {version}, this one knows {HEAD})"
                yield Finding(Topic.DATABASE, Level.PROBLEM, text, "Update VOS Lab, or use another VOSLAB_HOME.")
                return
            text = f"{database}: {database.stat().st_size / 1e6:.1f} MB, {_runs(connection)}"
            damage = _damage(connection)
            if damage is not None:
                yield _damaged(f"{database} is damaged ({damage})")
                return
            text += ", whole" if damage is None else ""
            if version != HEAD:
                text += f", of version {version}: the next start brings it to {HEAD} and keeps a copy"
                yield Finding(Topic.DATABASE, Level.NOTE, text)
            else:
                yield Finding(Topic.DATABASE, Level.OK, f"{text}, journal mode {mode}")
            kind = file_system(database.parent.resolve())
            if mode == "wal" and kind and kind not in LOCAL_FILE_SYSTEMS and _beside(database, "-wal"):
                text = f"the database is open with WAL on {kind}, which is not safe between machines"
                yield Finding(
                    Topic.DATABASE, Level.WARNING, text, "Give VOSLAB_STATE the folder's own path, not a link."
                )
    except sqlite3.DatabaseError as error:
        from db.damage import is_damage

        if is_damage(error):
            yield _damaged(f"{database} is damaged ({error})")
        elif _beside(database, "-journal"):
            text = (
                f"{database} cannot be looked at now: a write is under way or was cut off, which the next start mends"
            )
            yield Finding(Topic.DATABASE, Level.NOTE, text)
        else:
            text = f"{database} cannot be read ({error})"
            yield Finding(Topic.DATABASE, Level.PROBLEM, text, "Try again in a moment; then look at its permissions.")


def look_at_dispatcher(home: Home) -> Iterator[Finding]:
    """Whether somebody dispatches for this home, here or elsewhere, and whether work waits for nobody."""
    from db.holder import held_elsewhere, is_alive, is_here
    from db.models import Lease

    if not home.database.exists():
        yield Finding(Topic.DISPATCHER, Level.OK, "none: it starts when there is work")
        return
    columns = "token, host, boot_id, pid, process_started, heartbeat"
    try:
        with _opened(home.database) as connection:
            if _version(connection) is None:
                yield Finding(Topic.DISPATCHER, Level.OK, "none: it starts when there is work")
                return
            row = connection.execute(f"SELECT {columns} FROM lease WHERE id = 1").fetchone()
            waiting = _one(
                connection,
                "SELECT count(*) FROM video_task JOIN run ON run.id = video_task.run_id "
                f"WHERE run.state IN {WAITING} AND video_task.state IN {WAITING}",
            )
            asked = _one(connection, "SELECT count(*) FROM intent WHERE state = 'pending'")
    except sqlite3.DatabaseError as error:
        yield Finding(Topic.DISPATCHER, Level.NOTE, f"not known: the database cannot be read ({error})")
        return
    lease = Lease(id=1, **dict(zip(columns.split(", "), row))) if row else None
    work = _work(waiting, asked)
    log = home.logs / "dispatcher.log"
    if lease is not None and is_alive(lease):
        silent = time.time() - lease.heartbeat
        if not is_here(lease):
            text = (held_elsewhere(lease) or "").removesuffix(".")
            yield Finding(Topic.DISPATCHER, Level.NOTE, text)
        elif silent > SILENT_SECONDS:
            text = f"process {lease.pid} lives, and has written nothing for {silent:.0f} s ({work})"
            advice = f"Look into {log}; kill {lease.pid} ends it, and its videos go back into the queue."
            yield Finding(Topic.DISPATCHER, Level.WARNING, text, advice)
        else:
            yield Finding(Topic.DISPATCHER, Level.OK, f"works (process {lease.pid}, {work})")
        return
    if lease is None:
        text = "none: it starts when there is work"
    elif is_here(lease):
        text = f"none: the last one (process {lease.pid}) ended without a word; the next start takes its place"
    else:
        ago = max(0.0, time.time() - lease.heartbeat)
        text = f"none: host {lease.host} was last heard of {_duration(ago)} ago; the next start takes its place"
    if waiting or asked:
        advice = f"Open the app, or call python -m vos_core resume; if that does not help, look into {log}"
        yield Finding(Topic.DISPATCHER, Level.WARNING, f"{text}; {work}, and nobody works", advice)
    else:
        yield Finding(Topic.DISPATCHER, Level.OK if lease is None else Level.NOTE, text)


@contextmanager
def _opened(database: Path) -> Iterator[sqlite3.Connection]:
    """A connection that changes nothing and makes no file.

    SQLite opens a WAL database read-only by making the files beside it. So: while another process has it open, those
    are there; where nobody has, the file alone is whole (`immutable`); where one died, a copy is looked at.
    """
    log, memory = _beside(database, "-wal"), _beside(database, "-shm")
    if not _is_wal(database) or (log and memory):
        where, options = database, "mode=ro"
    elif not log:
        where, options = database, "mode=ro&immutable=1"
    else:
        with tempfile.TemporaryDirectory() as folder:
            where = Path(folder) / database.name
            for name in (database, log):
                shutil.copyfile(name, where.with_name(name.name))
            with closing(_connect(where, "mode=rw")) as connection:
                yield connection
        return
    with closing(_connect(where, options)) as connection:
        yield connection


def _connect(file: Path, options: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?{options}", uri=True, timeout=2)


def _is_wal(database: Path) -> bool:
    with database.open("rb") as file:
        head = file.read(20)
    return len(head) == 20 and head[18] == WAL_VERSION


def _beside(database: Path, suffix: str) -> Path | None:
    beside = database.with_name(database.name + suffix)
    return beside if beside.exists() else None


def _version(connection: sqlite3.Connection) -> str | None:
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return None
        raise
    return str(row[0]) if row else None


def _damage(connection: sqlite3.Connection) -> str | None:
    """What SQLite's quick check finds; None where nothing, or where the file is too large to read now."""
    deadline = time.monotonic() + CHECK_SECONDS
    connection.set_progress_handler(lambda: int(time.monotonic() > deadline), 10_000)
    try:
        found = str(_one(connection, "PRAGMA quick_check(1)"))
    except sqlite3.OperationalError as error:
        if "interrupted" in str(error):
            return None
        raise
    finally:
        connection.set_progress_handler(None, 0)
    return None if found == "ok" else " ".join(found.split()).replace("*** in database main *** ", "")


def _damaged(text: str) -> Finding:
    advice = (
        "Start the app or any command: it is set aside, and the runs are made anew from their folders (docs/state.md)."
    )
    return Finding(Topic.DATABASE, Level.PROBLEM, text, advice)


def _runs(connection: sqlite3.Connection) -> str:
    rows = connection.execute("SELECT state, count(*) FROM run GROUP BY state ORDER BY count(*) DESC").fetchall()
    if not rows:
        return "no runs"
    total = sum(count for _, count in rows)
    return f"{total} run{'s' if total > 1 else ''} ({', '.join(f'{count} {state}' for state, count in rows)})"


def _work(videos: int, asked: int) -> str:
    parts = [f"{videos} video{'' if videos == 1 else 's'} to do"] if videos or not asked else []
    return " and ".join([*parts, *([f"{asked} request{'' if asked == 1 else 's'} to answer"] if asked else [])])


def _one(connection: sqlite3.Connection, statement: str) -> Any:
    return connection.execute(statement).fetchone()[0]


def _duration(seconds: float) -> str:
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}s"
    return f"{seconds:.0f} seconds"


def _main() -> None:
    home = Home.from_environment()
    probes = [
        Probe(Topic.DATABASE, f"the database {home.database}", lambda: look_at_database(home), SECONDS),
        Probe(Topic.DISPATCHER, "the dispatcher's lease", lambda: look_at_dispatcher(home), SECONDS),
    ]
    print(json.dumps([asdict(one) for one in examine(probes)]), flush=True)
    os._exit(0)  # a probe that hangs is not waited for


if __name__ == "__main__":
    _main()
