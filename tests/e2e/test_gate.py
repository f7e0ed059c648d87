"""The served app with a password: nothing without a session; log-in in a browser, behind a proxy, and what ends it."""

from __future__ import annotations

import contextlib
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Cookie, Page, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from db import queries
from tests.e2e.conftest import serve
from tests.e2e.test_proxy import behind_nginx
from tests.ui.seed import finish, launch, write_dataset
from ui.gate.brake import FREE_TRIES
from ui.gate.sessions import LIFETIME_SECONDS, Sessions, read_secret
from ui.media.footage import footage, prediction_base
from ui.media.pictures import clip_address, thumbnail_address
from ui.navigation import ROOT
from ui.run.server import submission_file
from vos_core.home import Home
from vos_core.runs import Grid

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]
PASSWORD = "open sesame"


@dataclass(frozen=True)
class Locked:
    """A locked app with a finished run; `files` are relative addresses of one file of each kind."""

    url: str
    home: Home
    run: int
    files: dict[str, str]

    def sessions(self, **more: object) -> Sessions:
        """As the app has them, from the same password and secret."""
        return Sessions(PASSWORD, read_secret(self.home.state), **more)  # type: ignore[arg-type]


def seeded(folder: Path) -> tuple[Home, int, dict[str, str]]:
    home = Home.from_environment({}, cwd=folder / "home")
    dataset = write_dataset(home.data / "demo", {"crossing": 12})
    (run_id,) = launch(home, Grid((("demo", home.store(dataset), "val"),), ("static",)))
    finish(home, run_id, drift=9)
    run, task = queries.run_by_id(home.database, run_id), queries.task(home.database, run_id, "crossing")
    assert run is not None and task is not None
    zipped = submission_file(home, run)
    zipped.parent.mkdir(parents=True)
    zipped.write_bytes(b"zip")
    found = footage(home, run.dataset, run.dataset_path, "crossing")
    key = (run.id, run.edition, task.attempt, "crossing")
    files = {
        "picture": f"{found.picture_base()}00002.jpg",
        "annotation": f"{found.annotation_base()}00002.png",
        "prediction": f"{prediction_base(*key)}00002.png",
        "thumbnail": thumbnail_address(*key, 9),
        "clip": clip_address(*key, kind="gif"),
        "submission": f"submissions/{run_id}",
    }
    return home, run_id, files


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    home, run, files = seeded(tmp_path_factory.mktemp("gate"))
    with contextlib.ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:  # for this app alone
            patch.setenv("VOSLAB_PASSWORD", PASSWORD)
            served = stack.enter_context(serve(home))
        yield Locked(f"{served.url}/", home, run, files)


def test_every_kind_of_route_asks_for_the_session(locked: Locked) -> None:
    sessions = locked.sessions()
    cookie = {"Cookie": f"{sessions.cookie}={sessions.issue()}"}
    with httpx.Client(base_url=locked.url, timeout=60) as client:
        assert client.get("_stcore/health").text == "ok"
        html = client.get("", headers=cookie).text
        scripts = re.findall(r'"\./(static/js/[\w.-]+\.js)"', html)[:1]
        assert scripts
        addresses = [*locked.files.values(), *scripts, "", "run?run=1", "queue", "favicon.png", "_stcore/host-config"]
        for address in addresses:
            refused = client.get(address)
            assert refused.status_code == 401 and len(refused.content) < 100, address
            answer = client.get(address, headers=cookie)
            assert answer.status_code == 200 and len(answer.content) > 2, address
        upload = client.put("_stcore/upload_file/a/b", files={"file": b"x"})
        assert upload.status_code == 401
        for file in ("app.py", "static/../app.py", "state/gate.key", "static/%2e%2e/%2e%2e/state/gate.key"):
            assert b"SECRET" not in client.get(file, headers=cookie).content
            assert read_secret(locked.home.state) not in client.get(file, headers=cookie).content


@pytest.mark.parametrize("kind", ["none", "forged", "expired", "good"])
def test_websocket(locked: Locked, kind: str) -> None:
    sessions = locked.sessions()
    past = locked.sessions(clock=lambda: LIFETIME_SECONDS / 2)
    token = {"none": "", "forged": sessions.issue() + "0", "expired": past.issue(), "good": sessions.issue()}[kind]
    headers = {"Cookie": f"{sessions.cookie}={token}"} if token else {}
    url = locked.url.replace("http", "ws", 1) + "_stcore/stream"
    if kind == "good":
        with connect(url, additional_headers=headers):
            return
    with pytest.raises(InvalidStatus) as refused, connect(url, additional_headers=headers):
        pass
    assert refused.value.response.status_code == 403
    assert httpx.get(locked.url, headers=headers).status_code == 401


def ours(page: Page) -> list[Cookie]:
    """The browser's cookies less Streamlit's."""
    return [cookie for cookie in page.context.cookies() if cookie["name"].startswith("voslab-")]


def log_in(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_log_in_and_out_in_a_browser(locked: Locked, page: Page) -> None:
    page.goto(f"{locked.url}run?run={locked.run}")
    log_in(page, "wrong")
    expect(page.get_by_role("alert")).to_have_text("That is not the password.")
    log_in(page)
    expect(page).to_have_url(f"{locked.url}run?run={locked.run}")
    expect(page.locator(".vl-head h1")).to_be_visible()
    page.goto(f"{locked.url}inspect?run={locked.run}&video=crossing&frame=3")
    expect(page.get_by_test_id("player")).to_have_attribute("data-ready", "true")
    (cookie,) = ours(page)
    assert cookie["httpOnly"] and cookie["sameSite"] == "Lax" and cookie["path"] == "/"
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    assert ours(page) == []
    page.goto(f"{locked.url}queue")
    expect(page.get_by_label("Password")).to_be_visible()


def test_log_out_ends_other_windows(locked: Locked, browser: Browser) -> None:
    context = browser.new_context()
    one, other = context.new_page(), context.new_page()
    one.goto(locked.url)
    log_in(one)
    other.goto(f"{locked.url}queue")
    expect(other.locator(".vl-head h1")).to_be_visible()
    with other.expect_websocket() as opened:
        other.reload()
    expect(other.locator(".vl-head h1")).to_be_visible()
    socket = opened.value
    one.goto(f"{locked.url}login")
    one.get_by_role("button", name="Log out").click()
    expect(one.get_by_label("Password")).to_be_visible()
    if not socket.is_closed():
        socket.wait_for_event("close")  # its page looks by itself for what goes on
    context.close()


def test_guesses_have_to_wait(locked: Locked) -> None:
    # Addresses that a proxy on this machine names: the other tests' log-ins come from another one.
    mine, other = ({"X-Forwarded-For": f"203.0.113.{number}"} for number in random.sample(range(1, 250), 2))
    with httpx.Client(base_url=locked.url, timeout=60) as client:
        for _ in range(FREE_TRIES):
            assert client.post("login", data={"password": "wrong"}, headers=mine).status_code == 401
        client.post("login", data={"password": "wrong"}, headers=mine)  # at once, or after a pause that is over
        refused = client.post("login", data={"password": PASSWORD}, headers=mine)
        assert refused.status_code == 429 and "Try again" in refused.text
        assert client.post("login", data={"password": PASSWORD}, headers=other).status_code == 303


def test_page_without_session_has_nothing_of_the_app(locked: Locked, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.emulate_media(color_scheme="dark")
    page.goto(f"{locked.url}compare?runs=1,2")
    expect(page.get_by_label("Password")).to_be_focused()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(17, 22, 26)"
    assert [url for url in asked if not url.startswith("data:")] == [f"{locked.url}compare?runs=1,2"]


@pytest.mark.parametrize("way", ["stripping", "keeping"])
def test_behind_a_proxy(way: str, tmp_path: Path, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    home, run, files = seeded(tmp_path)
    monkeypatch.setenv("VOSLAB_PASSWORD", PASSWORD)
    with serve(home, "app" if way == "keeping" else "") as served, behind_nginx(served.url, way, tmp_path) as url:
        assert httpx.get(f"{url}{files['picture']}").status_code == 401
        page.goto(f"{url}inspect?run={run}&video=crossing")
        log_in(page)
        expect(page).to_have_url(re.compile(rf"{re.escape(url)}inspect\?run={run}&video=crossing"))
        expect(page.get_by_test_id("player")).to_have_attribute("data-ready", "true")
        (cookie,) = ours(page)
        assert cookie["path"] == "/app" and cookie["domain"] == urlsplit(url).hostname


def test_an_unusable_password_keeps_the_app_from_starting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOSLAB_HOME", str(tmp_path))
    monkeypatch.setenv("VOSLAB_PASSWORD_FILE", str(tmp_path / "none"))
    result = subprocess.run(
        [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", "0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode != 0
    assert "cannot be read: No such file" in result.stdout + result.stderr


@pytest.mark.parametrize(("address", "password", "warned"), [("127.0.0.1", None, False), ("0.0.0.0", None, True)])
def test_warning_when_everybody_can_reach_it(
    tmp_path: Path, page: Page, monkeypatch: pytest.MonkeyPatch, address: str, password: str | None, warned: bool
) -> None:
    monkeypatch.setenv("STREAMLIT_SERVER_ADDRESS", address)
    with serve(Home.from_environment({}, cwd=tmp_path / "home")) as served:
        page.goto(served.url)
        expect(page.get_by_text("Everybody who reaches this machine's port")).to_have_count(int(warned))
