"""The lease on a home folder: one dispatcher, and a holder that is gone holds nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from db import queries
from db.holder import STALE_SECONDS, Holder, held_elsewhere, is_alive
from db.intents import add_server_score, ask
from db.labels import label_runs
from db.models import Lease
from db.schema import ensure
from db.session import writing
from db.states import IntentKind
from vos_core.errors import InputError
from vos_core.execution import lease, submit
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
    held = lease.take(database)
    assert held is not None
    assert lease.take(database) is None
    assert held.release()
    assert lease.take(database) is not None


def test_another_host_that_beats_keeps_it(database: Path) -> None:
    hold(database)
    assert lease.take(database) is None


def test_another_host_that_stopped_beating_loses_it(database: Path) -> None:
    hold(database, heartbeat=time.time() - STALE_SECONDS - 1)
    assert lease.take(database) is not None


def test_a_holder_whose_clock_is_behind_keeps_it(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its heartbeats look old here, but they go on."""
    behind = time.time() - 3600
    hold(database, heartbeat=behind)

    def beat(seconds: float) -> None:
        with writing(database) as session:
            session.get_one(Lease, 1).heartbeat += 1

    monkeypatch.setattr(time, "sleep", beat)
    assert lease.take(database) is None


def test_a_holder_whose_clock_is_ahead_is_gone_when_it_is_not_heard(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(database, token="ahead", heartbeat=time.time() + 3600)
    row = queries.lease(database)
    assert is_alive(row)
    later = time.monotonic() + STALE_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert not is_alive(row)


def test_what_lost_the_lease_writes_nothing(database: Path) -> None:
    held = lease.take(database)
    assert held is not None
    with writing(database) as session:
        session.get_one(Lease, 1).token = "another dispatcher's"
    with pytest.raises(lease.LeaseLost), held.writing():
        raise AssertionError("it got a session")
    held.release()
    row = queries.lease(database)
    assert row is not None and row.token == "another dispatcher's"


def test_writing_renews_it(database: Path) -> None:
    held = lease.take(database)
    before = queries.lease(database)
    time.sleep(0.01)
    assert held is not None and before is not None
    with held.writing():
        pass
    after = queries.lease(database)
    assert after is not None and after.heartbeat > before.heartbeat


@pytest.mark.parametrize(
    "write",
    [
        lambda database: ask(database, IntentKind.LAUNCH, {}),
        lambda database: label_runs(database, [1], notes="n"),
        lambda database: add_server_score(database, 1, "server", {"J&F": 0.5}),
    ],
)
def test_from_another_host_nothing_is_asked_and_the_holder_is_named(database: Path, write: Any) -> None:
    hold(database)
    with pytest.raises(InputError, match=r"Host elsewhere works on this home folder .* only be looked at"):
        write(database)
    assert not queries.pending_intent(database)
    assert submit.ensure_dispatcher(Home.from_environment({}, cwd=database.parents[1])) is False


def test_the_same_name_in_another_container_is_another_host(database: Path) -> None:
    """Boot id and host name may be equal there; process ids mean something else."""
    me = Holder.this_process()
    hold(database, host=me.host, boot_id=me.boot_id.replace("pid:[", "pid:[9"), pid=4_000_000)
    assert lease.take(database) is None
    assert held_elsewhere(queries.lease(database)) is not None


def test_a_dead_process_here_loses_it_at_once(database: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    me = Holder.this_process()
    started = psutil.Process(child.pid).create_time()
    hold(database, host=me.host, boot_id=me.boot_id, pid=child.pid, process_started=started)
    assert lease.take(database) is None
    child.kill()  # and not waited for: a zombie holds nothing
    deadline = time.monotonic() + 10
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.01)
    assert lease.take(database) is not None
    child.wait()


def test_a_reused_pid_is_not_the_holder(database: Path) -> None:
    me = Holder.this_process()
    hold(database, host=me.host, boot_id=me.boot_id, pid=me.pid, process_started=me.process_started - 500)
    assert lease.take(database) is not None


def test_it_is_not_given_back_while_an_intent_waits(database: Path) -> None:
    held = lease.take(database)
    assert held is not None
    ask(database, IntentKind.CANCEL, {"runs": [1]})
    assert not held.release(unless_asked=True)
    assert queries.lease(database) is not None
