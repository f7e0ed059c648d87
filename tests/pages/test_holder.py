"""A home that another host holds, or whose dispatcher crashes: every page says so."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from db import queries
from db.holder import STALE_SECONDS
from db.models import Lease
from db.schema import ensure
from db.session import writing
from tests.faults.processes import until
from tests.pages.conftest import OpenPage
from vos_core.execution import submit
from vos_core.execution.starts import MOST_CRASHES, Starts
from vos_core.home import Home


def hold(home: Home, age: float) -> None:
    ensure(home.database)
    with writing(home.database) as session:
        beat = time.time() - age
        session.merge(Lease(id=1, token="t", host="node-7", boot_id="b", pid=5, process_started=0.0, heartbeat=beat))


def warnings(open_page: OpenPage, file: str) -> str:
    return "\n".join(warning.value for warning in open_page(file).warning)


@pytest.mark.parametrize("file", ["results.py", "launch.py", "importing.py", "compare.py"])
def test_a_page_names_the_host(here: Home, runs: dict[str, int], open_page: OpenPage, file: str) -> None:
    assert "node-7" not in warnings(open_page, file)
    hold(here, age=1)
    assert r"Host node-7 works on this home folder" in warnings(open_page, file)
    assert not queries.pending_intent(here.database)


def test_a_host_that_is_gone_is_not_named(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    hold(here, age=STALE_SECONDS + 5)
    assert "node-7" not in warnings(open_page, "results.py")


@pytest.mark.parametrize("file", ["results.py", "queue.py"])
def test_a_page_says_that_the_dispatcher_crashes(
    here: Home, runs: dict[str, int], open_page: OpenPage, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not open_page(file).error
    starts = Starts()
    monkeypatch.setitem(submit._starts, here.database, starts)
    for _ in range(MOST_CRASHES):
        starts.add(subprocess.Popen([sys.executable, "-S", "-c", "raise SystemExit(1)"]))
    until(lambda: not starts.is_under_way(), 10)
    (error,) = open_page(file).error
    assert error.value.startswith("The dispatcher ended 5 times in a row") and "dispatcher.log" in error.value
