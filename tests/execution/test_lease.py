"""The lease on a home folder: one dispatcher, and a holder that is gone holds nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from db import queries
from db.intents import ask
from db.models import Lease
from db.schema import ensure
from db.session import writing
from db.states import IntentKind
from vos_core.execution import lease
from vos_core.home import Home


@pytest.fixture
def database(home: Home) -> Path:
    ensure(home.database)
    return home.database


def hold(database: Path, **changes: object) -> None:
    """Somebody else's lease."""
    values = {
        "token": "theirs",
        "host": "elsewhere",
        "boot_id": "boot",
        "pid": 1,
        "process_started": 0.0,
        "heartbeat": time.time(),
    } | changes
    with writing(database) as session:
        session.add(Lease(id=1, **values))


def test_one_at_a_time(database: Path) -> None:
    token = lease.take(database)
    assert token is not None
    assert lease.take(database) is None
    assert lease.release(database, token)
    assert lease.take(database) is not None


def test_another_host_that_beats_keeps_it(database: Path) -> None:
    hold(database)
    assert lease.take(database) is None


def test_another_host_that_stopped_beating_loses_it(database: Path) -> None:
    hold(database, heartbeat=time.time() - lease.STALE_SECONDS - 1)
    assert lease.take(database) is not None


def test_a_dead_process_here_loses_it_at_once(database: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    me = lease.Holder.this_process()
    started = psutil.Process(child.pid).create_time()
    hold(database, host=me.host, boot_id=me.boot_id, pid=child.pid, process_started=started)
    assert lease.take(database) is None
    child.kill()  # and not waited for: a zombie holds nothing
    time.sleep(0.2)
    assert lease.take(database) is not None
    child.wait()


def test_a_reused_pid_is_not_the_holder(database: Path) -> None:
    me = lease.Holder.this_process()
    hold(database, host=me.host, boot_id=me.boot_id, pid=me.pid, process_started=me.process_started - 500)
    assert lease.take(database) is not None


def test_it_is_not_given_back_while_an_intent_waits(database: Path) -> None:
    token = lease.take(database)
    assert token is not None
    ask(database, IntentKind.CANCEL, {"runs": [1]})
    assert not lease.release(database, token, unless_asked=True)
    assert queries.lease(database) is not None
