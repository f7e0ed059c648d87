"""Waiting for one's turn: a lock file that processes hold one after another."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def in_turn(path: Path) -> Iterator[None]:
    """Hold the lock file `path` (made with its folder; it stays), waiting for whoever holds it. Where a file system
    has no locks nobody waits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as lock:
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
