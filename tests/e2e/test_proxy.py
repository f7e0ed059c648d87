"""Behind a real nginx with a path prefix, which it strips or keeps: pages, websocket, player, pictures, downloads."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Response, expect

from db import queries
from tests.e2e.conftest import answers, free_port, serve, wait_for
from tests.ui.seed import finish, launch, write_dataset
from ui.media.pictures import clip_address, thumbnail_address
from ui.navigation import paths
from vos_core.home import Home
from vos_core.runs import Grid

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]

CONFIGURATION = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    map $http_upgrade $connection_upgrade {{ default upgrade; "" close; }}
    server {{
        listen 127.0.0.1:{port};
{location}
    }}
}}
"""


@dataclass(frozen=True)
class Proxied:
    """The app's address behind nginx, the runs in its home, and relative addresses of pictures made by the server."""

    url: str
    runs: list[int]
    made: tuple[str, ...]


def snippet(way: str) -> str:
    """The location block that docs/proxy.md gives for `stripping` or `keeping` the prefix."""
    text = (Path(__file__).parents[2] / "docs" / "proxy.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```nginx\n(location.*?)```", text, re.DOTALL)
    stripping, keeping = blocks
    return {"stripping": stripping, "keeping": keeping}[way]


@contextlib.contextmanager
def behind_nginx(served: str, way: str, folder: Path) -> Iterator[str]:
    """Put an nginx before the app at `served`; gives the app's address behind it. Skips without one."""
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if nginx is None:
        pytest.skip("no nginx: install nginx-light")
    port = free_port()
    location = snippet(way).replace("8501", str(urlsplit(served).port))
    (folder / "nginx.conf").write_text(CONFIGURATION.format(folder=folder, port=port, location=location))
    log = ["-e", str(folder / "error.log")]
    process = subprocess.Popen([nginx, "-p", str(folder), *log, "-c", str(folder / "nginx.conf")])
    try:
        url = f"http://127.0.0.1:{port}/app/"
        wait_for(lambda: answers(f"{url}_stcore/health"), 30, f"nginx does not answer: {folder}/error.log")
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module", params=["stripping", "keeping"])
def proxied(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[Proxied]:
    """The app behind nginx, with two finished runs."""
    folder = tmp_path_factory.mktemp("proxy")
    home = Home.from_environment({}, cwd=folder / "home")
    dataset = write_dataset(home.data / "demo", {"crossing": 16})
    runs = launch(home, Grid((("demo", home.store(dataset), "val"),), ("static", "flow")))
    for run_id in runs:
        finish(home, run_id, drift=9)
    run, task = queries.run_by_id(home.database, runs[1]), queries.task(home.database, runs[1], "crossing")
    assert run is not None and task is not None
    clip = (run.id, run.edition, task.attempt, task.video)
    base = "app" if request.param == "keeping" else ""
    with serve(home, base) as served, behind_nginx(served.url, request.param, folder) as url:
        yield Proxied(url, runs, (thumbnail_address(*clip, 9), clip_address(*clip, kind="gif")))


def test_every_page_opens_by_its_address(proxied: Proxied, page: Page) -> None:
    url, run = proxied.url, proxied.runs[1]
    failed: list[str] = []
    page.on("response", lambda answer: failed.append(answer.url) if _is_wrong(answer, url) else None)
    for path in paths():
        page.goto(f"{url}{path}?run={run}" if path in ("run", "inspect", "failures") else f"{url}{path}")
        expect(page.locator(".vl-head h1")).to_be_visible()
        expect(page.get_by_test_id("stException")).to_have_count(0)
        assert page.url.startswith(f"{url}{path}")
    page.reload()
    expect(page.locator(".vl-head h1")).to_be_visible()
    assert not failed


def test_clicks_lead_on_and_pictures_come(proxied: Proxied, page: Page) -> None:
    url, run = proxied.url, proxied.runs[1]
    page.goto(url)
    # The click travels over the websocket, and the address that comes back is below the prefix.
    page.locator(f'[data-testid="row"][data-id="{run}"] a').first.click()
    expect(page).to_have_url(re.compile(rf"{re.escape(url)}run\?run={run}"))
    page.get_by_role("link", name="Queue").first.click()
    expect(page).to_have_url(re.compile(rf"{re.escape(url)}queue"))
    loaded: list[str] = []
    page.on("response", lambda answer: loaded.append(answer.url) if answer.status == 200 else None)
    page.goto(f"{url}inspect?run={run}&video=crossing&frame=9")
    player = page.get_by_test_id("player")
    expect(player).to_have_attribute("data-ready", "true")
    page.keyboard.press("ArrowRight")
    expect(player).to_have_attribute("data-frame", "10")
    expect(player).to_have_attribute("data-ready", "true")
    for kind in ("pictures", "annotations", "predictions"):
        assert any(name.startswith(f"{url}{kind}/") for name in loaded), kind
    expect(page).to_have_url(re.compile("frame=10"))
    page.reload()
    expect(player).to_have_attribute("data-frame", "10")


def test_thumbnails_and_downloads(proxied: Proxied, page: Page) -> None:
    url, run = proxied.url, proxied.runs[1]
    page.goto(f"{url}inspect?run={run}")
    expect(page.get_by_test_id("player")).to_have_attribute("data-ready", "true")
    for address in proxied.made:
        # As a page of ours asks for it: relative to its own address.
        wide = page.evaluate(
            "async src => { const it = new Image(); it.src = src; await it.decode(); return it.naturalWidth; }",
            address,
        )
        assert wide > 0, address
    page.goto(f"{url}queue")
    link = page.get_by_test_id("stDownloadButton").first
    expect(link).to_be_visible()
    with page.expect_download() as started:
        link.get_by_role("button").click()
    assert Path(started.value.path()).stat().st_size > 0


def _is_wrong(answer: Response, url: str) -> bool:
    """Whether something was asked for outside the prefix, or is not there."""
    return not answer.url.startswith((url, "data:", "blob:")) or answer.status >= 400
