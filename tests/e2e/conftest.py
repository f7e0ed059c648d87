"""A served app with a home of its own, and a headless Chromium to look at it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from db import queries
from db.holder import process_alive
from tests.downloads import small_catalogue
from tests.downloads.faulty_server import FaultyServer
from tests.e2e.player_app import app, runs  # noqa: F401 (fixtures: one app for all that look at it)
from ui.navigation import ROOT
from vos_core.home import Home

expect.set_options(timeout=45_000)  # a busy machine is slow, not wrong
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chromium-headless-shell")


@dataclass(frozen=True)
class Served:
    """A running app."""

    url: str
    home: Home
    process: subprocess.Popen[bytes]


def find_browser() -> str | None:
    """A system Chromium: `VOSLAB_CHROMIUM`, or one of the usual names on the path."""
    named = os.environ.get("VOSLAB_CHROMIUM")
    return named or next((path for name in BROWSERS if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless browser; skips where there is none."""
    path = find_browser()
    if path is None:
        pytest.skip("no browser: install chromium, or set VOSLAB_CHROMIUM to one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh browser window; fails the test when a script of ours fails."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    context.close()
    assert not problems


@contextlib.contextmanager
def serve(home: Home, base: str = "", port: int | None = None) -> Iterator[Served]:
    """Serve the app for `home` on this or a free port; afterwards end it, its dispatcher and its workers.

    `base` is a path prefix to serve it under (`app`).
    """
    port = port or free_port()
    options = ["--server.baseUrlPath", base] if base else []
    home.root.mkdir(parents=True, exist_ok=True)
    log = (home.root / "app.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), *options],
        cwd=ROOT,
        env={**os.environ, **home.environment()},
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        url = f"http://127.0.0.1:{port}" + (f"/{base}" if base else "")
        wait_for(lambda: answers(f"{url}/_stcore/health"), 60, f"the app did not start: {home.root / 'app.log'}")
        yield Served(url, home, process)
    finally:
        # The app first: it would bring a dead dispatcher back.
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()
        _end_dispatcher(home)


@pytest.fixture
def served(home: Home) -> Iterator[Callable[[], Served]]:
    """Starts the app for this test's home when called, after the test has put into it what it needs."""
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(serve(home))


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FaultyServer]:
    """Where everything is fetched from: a server that a test has misbehave, and a checkpoint small enough for it."""
    with FaultyServer().running() as server:
        monkeypatch.setenv("VOSLAB_MIRROR", server.url)
        small_catalogue.install(monkeypatch, tmp_path / "site")
        yield server


def settle(page: Page) -> None:
    """Wait until the server has answered what was asked for last."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def query(page: Page) -> dict[str, str]:
    """What the address says, by name."""
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def answers(url: str) -> bool:
    """Whether a server answers there with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def wait_for(condition: Callable[[], bool], seconds: float, problem: str) -> None:
    """Wait until it holds; fails with `problem` after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(problem)
        time.sleep(0.1)


def _end_dispatcher(home: Home) -> None:
    if not Path(home.database).exists():
        return
    lease = queries.lease(home.database)
    if lease is None or lease.pid == os.getpid() or not process_alive(lease.pid, lease.process_started):
        return
    dispatcher = psutil.Process(lease.pid)
    family = [*dispatcher.children(recursive=True), dispatcher]
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    psutil.wait_procs(family, timeout=10)
