"""The lease on a home folder: which process dispatches for it, and whether that process still lives."""

from __future__ import annotations

import os
import secrets
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import select

from db.models import Intent, Lease
from db.session import writing
from db.states import IntentState

STALE_SECONDS = 30.0  # a holder on another host that has not renewed for so long is gone


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


def boot_id() -> str:
    """Identifier of the host's current boot; in a container, of the host beneath it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return str(psutil.boot_time())


def process_alive(pid: int, process_started: float) -> bool:
    """Whether that very process lives (a zombie does not)."""
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - process_started) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def is_alive(lease: Lease | None) -> bool:
    """Whether the lease's holder still dispatches: its process here, its heartbeat elsewhere."""
    if lease is None:
        return False
    if lease.host == socket.gethostname() and lease.boot_id == boot_id():
        return process_alive(lease.pid, lease.process_started)
    return time.time() - lease.heartbeat < STALE_SECONDS


def take(database: Path) -> str | None:
    """Take the lease for this process. Returns its token, or None while somebody else holds it."""
    me = Holder.this_process()
    token = secrets.token_hex(8)
    with writing(database) as session:
        lease = session.get(Lease, 1)
        if is_alive(lease):
            return None
        if lease is not None:
            session.delete(lease)
            session.flush()
        session.add(
            Lease(
                id=1,
                token=token,
                host=me.host,
                boot_id=me.boot_id,
                pid=me.pid,
                process_started=me.process_started,
                heartbeat=time.time(),
            )
        )
    return token


def release(database: Path, token: str, *, unless_asked: bool = False) -> bool:
    """Give the lease back. With `unless_asked`, keep it when an intent is pending (and return False): an intent that
    is inserted later finds no holder, so that its sender starts a new dispatcher."""
    with writing(database) as session:
        if unless_asked and session.scalar(select(Intent.id).where(Intent.state == IntentState.PENDING.value).limit(1)):
            return False
        lease = session.get(Lease, 1)
        if lease is not None and lease.token == token:
            session.delete(lease)
    return True
