"""Damaged database files, really damaged: set aside, told, and never mistaken for whole ones."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import DatabaseError

from db import damage, ledger, queries, schema
from db.models import Lease
from db.session import engine_for, writing
from vos_core.home import Home


@pytest.fixture(autouse=True)
def forget() -> None:
    schema.ensure.cache_clear()


def fill(home: Home, runs: int = 40) -> None:
    """A database with some pages, checkpointed into one file, on which a dispatcher has worked."""
    schema.ensure(home.database)
    home.logs.mkdir()
    columns = {"folder": "f", "predictions": "f", "settings": {}, "dataset": "D", "dataset_path": "p", "split": "val"}
    with writing(home.database) as session:
        ablation = ledger.add_ablation(session, "a", "")
        for number in range(runs):
            names = {"name": f"r{number}", "fingerprint": f"x{number}", "model": "m" * 900}
            ledger.add_run(session, ablation, ledger.NewRun({**columns, **names}, [ledger.NewTask("v", 1, 1, 9, 9, 1)]))
    with closing(sqlite3.connect(home.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    schema.ensure.cache_clear()


def overwrite(path: Path) -> None:
    path.write_text("hello, I am a text file, and not a short one at that" * 200)


def truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def scribble(database: Path, table: str = "run") -> None:
    """Noise over the first page of the table of runs; nothing else is touched."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    engine_for(database).dispose()
    with database.open("r+b") as file:
        file.seek(4096 * (page - 1))
        file.write(b"\xa5" * 4096)


def leave_a_dead_lease(database: Path) -> None:
    with writing(database) as session:
        session.add(Lease(id=1, token="t", host="h", boot_id="b", pid=1, process_started=1.0, heartbeat=1.0))


@pytest.mark.parametrize("break_it", [overwrite, truncate, empty])
def test_what_the_head_tells_is_set_aside_at_open(home: Home, break_it: Callable[[Path], None]) -> None:
    fill(home)
    break_it(home.database)
    broken = home.database.read_bytes()
    schema.ensure(home.database)
    assert schema.version(home.database) == schema.HEAD
    assert queries.runs(home.database) == []
    note = damage.damage_note(home.database)
    assert note is not None
    assert note.file.startswith("voslab.db.damaged-2")
    assert note.file in note.sentence
    assert (home.state / note.file).read_bytes() == broken, "it is kept as it was"
    assert damage.wants_rebuild(home.database)


@pytest.mark.parametrize("unclean", [True, False])
def test_a_malformed_page_is_looked_for_after_an_unclean_end(home: Home, unclean: bool) -> None:
    """After a clean one nobody reads all of a large file at each start."""
    fill(home)
    if unclean:
        leave_a_dead_lease(home.database)
    scribble(home.database)
    schema.ensure(home.database)
    assert (damage.damage_note(home.database) is not None) == unclean


def test_a_malformed_page_that_holds_the_version_is_met_at_once(home: Home) -> None:
    fill(home)
    scribble(home.database, "alembic_version")
    schema.ensure(home.database)
    assert schema.version(home.database) == schema.HEAD
    assert damage.damage_note(home.database) is not None


def test_an_unclean_end_alone_is_no_damage(home: Home) -> None:
    fill(home)
    leave_a_dead_lease(home.database)
    assert damage.looks_damaged(home.database)
    schema.ensure(home.database)
    assert damage.damage_note(home.database) is None
    assert len(queries.runs(home.database)) == 40


@pytest.mark.parametrize("elsewhere", [False, True])
def test_an_error_has_the_next_look_set_it_aside(home: Home, elsewhere: bool) -> None:
    """As in an app that is open while its disk goes bad: one error, then an empty database and a word about it."""
    fill(home)
    schema.ensure(home.database)
    scribble(home.database)
    with pytest.raises(DatabaseError, match="malformed"):
        queries.runs(home.database)
    if elsewhere:
        answer = subprocess.run(
            [sys.executable, "-m", "vos_core", "status"], env={**os.environ, **home.environment()},
            capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert "it was set aside as voslab.db.damaged-" in answer.stderr
    schema.ensure(home.database)
    assert queries.runs(home.database) == []
    assert damage.damage_note(home.database) is not None


def test_a_connection_from_before_goes_to_the_new_file(home: Home) -> None:
    fill(home)
    assert len(queries.runs(home.database)) == 40  # its connection waits in the pool
    damage.set_aside(home.database, "tested", time.time())
    schema.ensure.cache_clear()
    schema.ensure(home.database)
    assert queries.runs(home.database) == []


def test_two_processes_set_one_file_aside_once(home: Home) -> None:
    fill(home)
    overwrite(home.database)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(schema.ensure.__wrapped__, [home.database] * 4))
    aside = [path for path in home.state.glob("voslab.db.damaged-*") if not path.name.endswith(("-wal", "-shm"))]
    assert len(aside) == 1
    assert schema.version(home.database) == schema.HEAD


def test_a_locked_database_is_not_damaged(home: Home) -> None:
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = 5
    assert not damage.is_damage(error)
    assert not damage.is_damage(ValueError())


ASK_TO_WRITE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0.2, isolation_level=None)
try:
    connection.execute("BEGIN IMMEDIATE")
    print("mine")
except sqlite3.OperationalError as error:
    print(error)
"""


def test_a_look_at_the_head_drops_no_lock_of_this_process(home: Home) -> None:
    """With the journal of network disks; WAL keeps most of its locks on another file."""
    fill(home)
    engine_for(home.database).dispose()
    with closing(sqlite3.connect(home.database, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=delete")
        connection.execute("BEGIN IMMEDIATE")
        damage.looks_damaged(home.database)
        command = [sys.executable, "-c", ASK_TO_WRITE, str(home.database)]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "database is locked\n"


def test_the_note_keeps_what_was_rebuilt_until_it_is_dismissed(home: Home) -> None:
    fill(home)
    damage.set_aside(home.database, "tested", 5.0)
    damage.note_rebuilt(home.database, ("3 runs",))
    note = damage.damage_note(home.database)
    assert note is not None
    assert note.rebuilt == ("3 runs",)
    assert not damage.wants_rebuild(home.database)
    damage.dismiss(home.database)
    assert damage.damage_note(home.database) is None
    assert (home.state / note.file).exists()
