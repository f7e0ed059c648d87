"""Fixtures that every room shares."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vos_core.home import Home


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser is now and then too late for its test where all cores are busy: one more try, and the first is told."""
    for item in items:
        if item.get_closest_marker("e2e"):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What failed at first, and passed or failed again: in full, for it may be a fault that shows once in a hundred."""
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"failed at first: {report.nodeid}", "-", yellow=True)
        terminalreporter.write_line(report.longreprtext)


@pytest.fixture(autouse=True)
def own_main() -> Iterator[None]:
    """A page's test leaves its script as `__main__`, which a process that is spawned later would run again."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real DAVIS frames and the official toolkit's scores; skips where it is missing."""
    folder = Path(os.environ.get("VOSLAB_TEST_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    if not (folder / "davis-real" / "DAVIS").is_dir():
        pytest.skip(f"no test data: {folder}/davis-real is missing (set VOSLAB_TEST_DATA to its folder)")
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home of its own."""
    return Home.from_environment({}, cwd=tmp_path / "home")


@pytest.fixture
def no_waiting(tmp_path: Path) -> Iterator[None]:
    """Fails what still waits after ten seconds; threads that wait for a pipe in `tmp_path` go on."""

    def give_up(*_: object) -> None:
        for path in tmp_path.rglob("*"):
            if path.is_fifo():
                with contextlib.suppress(OSError):  # nobody reads it
                    os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        raise TimeoutError("it waits for a file")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, 10, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
