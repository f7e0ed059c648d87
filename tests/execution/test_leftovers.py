"""Workers that outlive their dispatcher hold up what may be started."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from vos_core.execution.leftovers import OLD_WORKER_SECONDS, WORKER_MODULE, Leftovers, worker_processes
from vos_core.home import Home

# Called as a worker is, and deaf: it ignores its closed pipe.
DEAF = ["-c", "import time; time.sleep(60)", "-m", WORKER_MODULE]


@pytest.fixture
def deaf(home: Home) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, **home.environment()}
    child = subprocess.Popen([sys.executable, *DEAF, "gpu-0"], env=environment, start_new_session=True)
    deadline = time.monotonic() + 10
    while not worker_processes(home) and time.monotonic() < deadline:
        time.sleep(0.01)
    yield child
    child.kill()
    child.wait()


def test_only_workers_of_this_home_are_found(home: Home, deaf: subprocess.Popen[bytes], tmp_path: Path) -> None:
    assert {process.pid: slot for process, slot in worker_processes(home).items()} == {deaf.pid: "gpu-0"}
    assert worker_processes(Home.from_environment({}, cwd=tmp_path / "another")) == {}


def test_all_slots_wait_then_its_own_until_it_is_killed(
    home: Home, deaf: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    leftovers = Leftovers(home)
    assert leftovers.hold_up("gpu-0") and leftovers.hold_up("gpu-1")
    assert deaf.poll() is None
    started = time.monotonic()
    monkeypatch.setattr(os, "killpg", lambda *_: None)  # stuck in a driver: it survives
    monkeypatch.setattr(time, "monotonic", lambda: started + 2 * OLD_WORKER_SECONDS + 1)
    assert leftovers.hold_up("gpu-0") and not leftovers.hold_up("gpu-1")
    monkeypatch.undo()
    monkeypatch.setattr(time, "monotonic", lambda: started + OLD_WORKER_SECONDS + 1)
    leftovers.hold_up("gpu-0")
    assert deaf.wait(5) == -9
    assert not leftovers.hold_up("gpu-0")
