"""Copies of the database: one before each migration, whole, and the newest few of them kept."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command

from db import backup, schema
from vos_core.errors import InputError, VosLabError
from vos_core.home import Home


@pytest.fixture(autouse=True)
def forget() -> None:
    schema.ensure.cache_clear()


def at_version(home: Home, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as older:
        older.setattr(schema, "HEAD", version)
        schema.ensure(home.database)
    with closing(sqlite3.connect(home.database)) as connection, connection:
        connection.execute("INSERT INTO ablation (id, name, command, created_at) VALUES (7, 'first', '', 1.0)")
    schema.ensure.cache_clear()


@pytest.mark.parametrize("version", ["0001", "0002"])
def test_a_copy_is_kept_before_a_migration(
    home: Home, version: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    at_version(home, version, monkeypatch)
    assert backup.backups(home.database) == [], "a new database needs none"
    schema.ensure(home.database)
    (copy,) = backup.backups(home.database)
    assert copy.name.startswith(f"voslab-{version}-2")
    assert schema.version(copy) == version
    assert schema.version(home.database) == schema.HEAD
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT id, name FROM ablation").fetchall() == [(7, "first")]
    (line,) = [record.getMessage() for record in caplog.records if record.name == "database"]
    assert line == f"The database was brought from version {version} to {schema.HEAD}; a copy as it was: {copy}"


def test_a_migration_that_fails_leaves_the_database_as_it_was(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    at_version(home, "0001", monkeypatch)

    def broken(config: object, revision: str) -> None:
        with closing(sqlite3.connect(home.database)) as connection, connection:
            connection.execute("DROP TABLE ablation")
        raise ValueError("no such thing")

    monkeypatch.setattr(command, "upgrade", broken)
    with pytest.raises(InputError, match="could not be brought from version 0001"):
        schema.ensure(home.database)
    assert schema.version(home.database) == "0001"
    with closing(sqlite3.connect(home.database)) as connection:
        assert connection.execute("SELECT id, name FROM ablation").fetchall() == [(7, "first")]


def test_the_newest_few_are_kept(home: Home) -> None:
    schema.ensure(home.database)
    made = []
    for number in range(backup.KEPT + 2):
        made.append(backup.back_up(home.database, f"{number:04}"))
        os.utime(made[-1], (number + 1e9, number + 1e9))
    kept = backup.backups(home.database)
    assert len(kept) == backup.KEPT, "of one second, too"
    assert kept[0] == made[-1]
    assert made[0] not in kept


def test_a_copy_is_whole_while_somebody_writes(home: Home, tmp_path: Path) -> None:
    """Two tables that are always written together agree in every copy."""
    schema.ensure(home.database)
    stop = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(home.database, timeout=15)) as connection:
            number = 0
            while not stop.is_set():
                number += 1
                with connection:
                    connection.execute("INSERT INTO ablation (name, command, created_at) VALUES (?, '', 1)", (number,))
                    values = ("k", "{}", "applied", "{}", number)
                    connection.execute(
                        "INSERT INTO intent (kind, payload, state, answer, created_at) VALUES (?, ?, ?, ?, ?)", values
                    )

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            backup.copy_database(home.database, tmp_path / f"{number}.db")
    finally:
        stop.set()
        writer.join()
    for number in range(5):
        with closing(sqlite3.connect(tmp_path / f"{number}.db")) as copy:
            assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            (left,), (right,) = (copy.execute(f"SELECT count(*) FROM {t}").fetchone() for t in ("ablation", "intent"))
            assert left == right


def test_what_cannot_be_copied_leaves_nothing(home: Home) -> None:
    schema.ensure(home.database)
    target = home.state / "there"
    target.mkdir()
    (target / "copy.db").mkdir()
    with pytest.raises(VosLabError, match="could not be copied"):
        backup.copy_database(home.database, target / "copy.db")
    assert [path.name for path in target.iterdir()] == ["copy.db"]
