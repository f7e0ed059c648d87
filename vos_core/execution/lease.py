"""The lease on a home folder: taken by one dispatcher, renewed by whatever it writes, lost when another takes it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from db import ledger, queries
from db.holder import Holder, is_alive, is_here
from db.models import Intent, Lease
from db.session import writing
from db.states import IntentState

LISTEN_SECONDS = 3.0  # a holder elsewhere whose clock is behind ours is heard within this time: it writes every second


class LeaseLost(Exception):
    """Another dispatcher took over: nothing more may be written."""


class Held:
    """The lease in the hands of its dispatcher: its only way to write."""

    def __init__(self, database: Path, token: str) -> None:
        self.database = database
        self._token = token

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A writing session that renews the lease. Raises LeaseLost when it is no longer ours.

        So a dispatcher that slept while another one took over (a frozen machine, a stalled network) cannot write the
        outcome of an attempt that was superseded.
        """
        with writing(self.database) as session:
            if not ledger.renew_lease(session, self._token):
                raise LeaseLost
            yield session

    def release(self, *, unless_asked: bool = False) -> bool:
        """Give the lease back. With `unless_asked`, keep it when an intent is pending (and return False): an intent
        that is inserted later finds no holder, so that its sender starts a new dispatcher."""
        with writing(self.database) as session:
            pending = select(Intent.id).where(Intent.state == IntentState.PENDING.value).limit(1)
            if unless_asked and session.scalar(pending):
                return False
            lease = session.get(Lease, 1)
            if lease is not None and lease.token == self._token:
                ledger.forget_workers(session)
                session.delete(lease)
        return True


def take(database: Path) -> Held | None:
    """Take the lease for this process; None while somebody else holds it."""
    found = queries.lease(database)
    if found is not None and not is_here(found) and (is_alive(found) or _beats(database, found)):
        return None
    token = secrets.token_hex(8)
    with writing(database) as session:
        lease = session.get(Lease, 1)
        if is_alive(lease):
            return None
        if lease is not None:
            session.delete(lease)
            session.flush()
        session.add(Lease(id=1, token=token, heartbeat=time.time(), **asdict(Holder.this_process())))
    return Held(database, token)


def _beats(database: Path, silent: Lease) -> bool:
    """Whether a holder elsewhere, silent for long by our clock, renews after all."""
    deadline = time.monotonic() + LISTEN_SECONDS
    while time.monotonic() < deadline:
        time.sleep(0.2)
        lease = queries.lease(database)
        if lease is None:
            return False
        if (lease.token, lease.heartbeat) != (silent.token, silent.heartbeat):
            return True
    return False
