"""The database connection: one engine a home, with the journal mode that its file system can bear."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import Session

from db.damage import is_damage, suspect

BUSY_TIMEOUT_MS = 15_000
# WAL needs shared memory between all processes that open the file: not to be had across hosts.
LOCAL_FILE_SYSTEMS = {"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "tmpfs", "overlay", "apfs", "jfs"}


def journal_mode(path: Path) -> str:
    """`wal` on a local file system, `delete` on a network or unknown one (NFS, CephFS, FUSE, 9p, ...)."""
    return "wal" if file_system(path) in LOCAL_FILE_SYSTEMS else "delete"


def file_system(path: Path) -> str:
    """Type of the file system that holds `path` (`ext4`, `nfs4`, ...); empty where it cannot be told."""
    path = path.resolve()
    best, kind = -1, ""
    for partition in psutil.disk_partitions(all=True):
        mount = Path(partition.mountpoint)
        if path.is_relative_to(mount) and len(mount.parts) >= best:
            best, kind = len(mount.parts), partition.fstype
    return kind


@lru_cache(maxsize=8)
def engine_for(database: Path) -> Engine:
    """The engine of one database file (cached). Write transactions begin IMMEDIATE; see `writing`."""
    mode = journal_mode(database.parent)
    engine = create_engine(f"sqlite:///{database}", connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})

    @event.listens_for(engine, "connect")
    def configure(connection: Any, record: Any) -> None:
        # Let SQLAlchemy's own BEGIN stand: pysqlite's implicit one comes too late for IMMEDIATE.
        connection.isolation_level = None
        cursor = connection.cursor()
        try:
            cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
            cursor.execute(f"PRAGMA journal_mode={mode}")
        except sqlite3.DatabaseError as error:
            _suspect(database, error)
            raise
        cursor.execute("PRAGMA synchronous=NORMAL" if mode == "wal" else "PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()
        record.info["file"] = _identity(database)

    @event.listens_for(engine, "checkout")
    def same_file(_connection: Any, record: Any, _proxy: Any) -> None:
        # The file may have been set aside or replaced: what is written to the old one would be lost.
        if record.info["file"] != _identity(database):
            raise DisconnectionError("another database file took its place")

    @event.listens_for(engine, "handle_error")
    def on_error(context: ExceptionContext) -> None:
        _suspect(database, context.original_exception)

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        immediate = connection.get_execution_options().get("immediate", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _suspect(database: Path, error: BaseException) -> None:
    """An error that says that the file is damaged has the next `db.schema.ensure` look, here or elsewhere."""
    if is_damage(error):
        from db import schema  # which needs this module for migrations

        suspect(database)
        schema.ensure.cache_clear()


def _identity(database: Path) -> tuple[int, int] | None:
    try:
        found = database.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


@contextmanager
def reading(database: Path) -> Iterator[Session]:
    """A session for queries only."""
    with Session(engine_for(database)) as session:
        yield session


@contextmanager
def writing(database: Path) -> Iterator[Session]:
    """A session that holds the write lock from its first statement and commits at the end (rolls back on error)."""
    engine = engine_for(database).execution_options(immediate=True)
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session
