"""The database file: created once, migrated, and refused in words when it is not ours."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from db import ledger, schema
from db.models import Base, Run
from db.session import engine_for, journal_mode, writing
from vos_core.errors import InputError
from vos_core.home import Home


@pytest.fixture(autouse=True)
def forget() -> None:
    schema.ensure.cache_clear()


def test_migrations_give_exactly_the_models(home: Home) -> None:
    schema.ensure(home.database)
    with engine_for(home.database).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    assert schema.version(home.database) == schema.HEAD


def test_head_is_the_newest_migration() -> None:
    assert ScriptDirectory(str(schema.MIGRATIONS)).get_current_head() == schema.HEAD


def test_an_older_database_keeps_its_runs(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as older:
        older.setattr(schema, "HEAD", "0001")
        schema.ensure(home.database)
    connection = sqlite3.connect(home.database)
    connection.execute("INSERT INTO ablation (id, name, command, created_at) VALUES (7, 'first', '', 1.0)")
    connection.execute(
        "INSERT INTO run (id, ablation_id, name, folder, predictions, fingerprint, settings, dataset, dataset_path, "
        "split, model, position, state, scorable, created_at, videos, frames, objects, videos_done, videos_failed, "
        "frames_done, score_kind, decode_s, inference_s, write_s, evaluation_s, busy_s, active_s, provenance, notes, "
        "tags) VALUES (3, 7, 'r', 'f', 'f', 'x', '{}', 'D', 'p', 'val', 'm', 0, 'done', 1, 1, 0, 0, 0, 0, 0, 0, "
        "'official', 0, 0, 0, 0, 0, 0, '{}', '', '[]')"
    )
    connection.execute(
        "INSERT INTO video_task (id, run_id, position, video, frames, objects, height, width, annotated, kind, state, "
        "attempt, failures, deaths, frames_done) VALUES (5, 3, 0, 'v', 9, 1, 4, 4, 9, 'segment', 'done', 1, 0, 0, 9)"
    )
    connection.execute("INSERT INTO object_score VALUES (5, 1, 0.5, 1, 0, 0.6, 1, 0)")
    indices = indices_of(connection)
    connection.commit()
    connection.close()
    schema.ensure.cache_clear()
    schema.ensure(home.database)
    connection = sqlite3.connect(home.database)
    assert connection.execute("SELECT id, name, state, load_s, dot_scores FROM run").fetchall() == [
        (3, "r", "done", 0.0, None)
    ]
    # The table of runs was built anew: what refers to its rows is still there, and still refers to them.
    assert connection.execute("SELECT run_id, video FROM video_task").fetchall() == [(3, "v")]
    assert connection.execute("SELECT task_id, j_mean FROM object_score").fetchall() == [(5, 0.5)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert indices <= indices_of(connection)
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("DELETE FROM run")
    assert connection.execute("SELECT count(*) FROM video_task").fetchone() == (0,)
    connection.close()


def indices_of(connection: sqlite3.Connection) -> set[str]:
    """Names of the indices, but those that SQLite makes itself."""
    named = connection.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite%'")
    return {name for (name,) in named}


def test_foreign_keys_hold_after_a_migration(home: Home) -> None:
    schema.ensure(home.database)  # which turns them off for its own connection
    with engine_for(home.database).connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_the_number_of_a_deleted_run_is_not_given_again(home: Home) -> None:
    schema.ensure(home.database)
    columns = {"name": "r", "folder": "f", "predictions": "f", "fingerprint": "x", "settings": {}, "dataset": "D"}
    new = ledger.NewRun(
        {**columns, "dataset_path": "p", "split": "val", "model": "static"}, [ledger.NewTask("v", 1, 1, 9, 9, 1)]
    )
    with writing(home.database) as session:
        first = ledger.add_run(session, ledger.add_ablation(session, "a", ""), new)
    with writing(home.database) as session:
        session.delete(session.get_one(Run, first))
    with writing(home.database) as session:
        assert ledger.add_run(session, ledger.add_ablation(session, "b", ""), new) == first + 1


def test_frame_scores_have_no_rowid(home: Home) -> None:
    schema.ensure(home.database)
    connection = sqlite3.connect(home.database)
    (sql,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'frame_score'").fetchone()
    connection.close()
    assert "WITHOUT ROWID" in sql


def test_two_processes_may_start_at_once(home: Home) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(schema.ensure.__wrapped__, [home.database] * 4))
    assert schema.version(home.database) == schema.HEAD


def test_newer_database_is_refused(home: Home) -> None:
    schema.ensure(home.database)
    connection = sqlite3.connect(home.database)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    schema.ensure.cache_clear()
    with pytest.raises(InputError, match="written by a newer VOS Lab"):
        schema.ensure(home.database)


def test_journal_mode_follows_the_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, mode in {"ext4": "wal", "overlay": "wal", "nfs4": "delete", "ceph": "delete", "": "delete"}.items():
        monkeypatch.setattr("db.session.file_system", lambda path, kind=kind: kind)
        assert journal_mode(tmp_path) == mode
