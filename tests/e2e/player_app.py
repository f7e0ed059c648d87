"""An app over runs in every state for the tests of the frame player, and what they all ask of it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING

import psutil
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from db.models import Lease
from db.session import writing
from tests.ui.seed import full_home
from vos_core.execution.lease import Holder
from vos_core.home import Home

if TYPE_CHECKING:
    from tests.e2e.conftest import Served

IDS: dict[str, int] = {}


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Served]:
    """Runs in every state, held as they are: a process has the lease and dispatches nothing.

    Not this one: the app passes the signal that ends it on to whoever has the lease.
    """
    from tests.e2e.conftest import serve

    home = Home.from_environment({}, cwd=tmp_path_factory.mktemp("player") / "home")
    IDS.update(full_home(home))
    idle = subprocess.Popen(["sleep", "infinity"])
    here = Holder.this_process()
    with writing(home.database) as session:
        session.add(
            Lease(
                id=1,
                token="test",
                host=here.host,
                boot_id=here.boot_id,
                pid=idle.pid,
                process_started=psutil.Process(idle.pid).create_time(),
                heartbeat=0.0,
            )
        )
    try:
        with serve(home) as served:
            yield served
    finally:
        idle.kill()
        idle.wait()


@pytest.fixture
def runs(app: Served) -> dict[str, int]:
    """Ids by what they are."""
    return IDS


def at_frame(page: Page, frame: int) -> None:
    player = page.get_by_test_id("player")
    expect(player).to_have_attribute("data-frame", str(frame))
    expect(player).to_have_attribute("data-ready", "true")


def pane(page: Page, key: str) -> Locator:
    return page.get_by_test_id(f"pane-{key}")
