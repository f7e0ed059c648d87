"""Who holds a home folder, and whether that holder still lives: what the lease's row means on this host."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

from db.models import Lease

STALE_SECONDS = 30.0  # a holder on another host that has not renewed for so long is gone

_heard: dict[str, tuple[float, float]] = {}  # token -> (its latest heartbeat, when this process first saw that)


@dataclass(frozen=True)
class Holder:
    """A process, so that it can be told from a later one with the same pid."""

    host: str
    boot_id: str
    pid: int
    process_started: float

    @classmethod
    def this_process(cls) -> Holder:
        """The calling process."""
        return cls(socket.gethostname(), boot_id(), os.getpid(), psutil.Process().create_time())


@cache
def boot_id() -> str:
    """Identifier of what a pid is unique in: the host's current boot and, for containers on it, the pid namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return str(psutil.boot_time())


def process_alive(pid: int, process_started: float) -> bool:
    """Whether that very process lives (a zombie does not)."""
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - process_started) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def is_here(lease: Lease) -> bool:
    """Whether the lease's holder is (or was) a process of this host."""
    return lease.host == socket.gethostname() and lease.boot_id == boot_id()


def is_alive(lease: Lease | None) -> bool:
    """Whether the lease's holder still dispatches: its process here, its heartbeat elsewhere.

    Clocks of hosts differ: a heartbeat that this process has seen unchanged for `STALE_SECONDS` is stale, too.
    """
    if lease is None:
        return False
    if is_here(lease):
        return process_alive(lease.pid, lease.process_started)
    now = time.monotonic()
    heartbeat, since = _heard.get(lease.token, (None, now))
    if heartbeat != lease.heartbeat:
        since = now
        _heard[lease.token] = (lease.heartbeat, now)
    return time.time() - lease.heartbeat < STALE_SECONDS and now - since < STALE_SECONDS


def held_elsewhere(lease: Lease | None) -> str | None:
    """The sentence that says which other host holds the home folder, if one does."""
    if lease is None or is_here(lease) or not is_alive(lease):
        return None
    return (
        f"Host {lease.host} works on this home folder (its dispatcher, process {lease.pid}, is alive), so it can only "
        "be looked at from here: ask for work there, or stop VOS Lab there first."
    )
