"""The frame player in a browser: exact masks, curves, keys, and an address that always leads back."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from db.models import Lease
from db.session import writing
from tests.e2e.conftest import Served, serve
from tests.ui.seed import HEIGHT, STRANGE, WIDTH, full_home, label_map
from ui.palette import OBJECTS
from vos_core.execution.lease import Holder
from vos_core.home import Home

IDS: dict[str, int] = {}

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Served]:
    """Runs in every state, held as they are: a process has the lease and dispatches nothing.

    Not this one: the app passes the signal that ends it on to whoever has the lease.
    """
    home = Home.from_environment({}, cwd=tmp_path_factory.mktemp("player") / "home")
    IDS.update(full_home(home))
    idle = subprocess.Popen(["sleep", "3600"])
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


def frame_of(page: Page) -> str:
    return parse_qs(urlsplit(page.url).query).get("frame", [""])[0]


def at_frame(page: Page, frame: int) -> None:
    player = page.get_by_test_id("player")
    expect(player).to_have_attribute("data-frame", str(frame))
    expect(player).to_have_attribute("data-ready", "true")


def test_player(app: Served, runs: dict[str, int], page: Page, browser: Browser) -> None:
    page.goto(f"{app.url}/inspect?run={runs['done']}&video=crossing&frame=9")
    at_frame(page, 9)

    # At full opacity each object's pixels have exactly its colour: the indices arrived as they are stored.
    page.get_by_label("Overlay opacity").fill("100")
    canvas = page.get_by_test_id("pane-annotation").locator("canvas")
    pixels = canvas.evaluate(
        """canvas => Array.from(new Uint32Array(canvas.getContext("2d")
           .getImageData(0, 0, canvas.width, canvas.height).data.buffer), value => value & 0xffffff)"""
    )
    assert len(pixels) == HEIGHT * WIDTH
    truth = label_map(9, 24).ravel()
    for object_id in (1, 2):
        colour = int(OBJECTS[object_id - 1][1:], 16)
        swapped = (colour & 255) << 16 | (colour & 0xFF00) | colour >> 16
        assert [pixel == swapped for pixel in pixels] == (truth == object_id).tolist()

    # Keys step, the slider and the curve jump, and the address follows.
    page.get_by_test_id("readout").click()
    page.keyboard.press("ArrowRight")
    at_frame(page, 10)
    page.keyboard.press("Shift+ArrowRight")
    at_frame(page, 20)
    page.keyboard.press("End")
    at_frame(page, 23)
    curve = page.get_by_test_id("curve-j")
    box = curve.bounding_box()
    assert box is not None
    curve.click(position={"x": box["width"] * 6 / 23, "y": 20})
    at_frame(page, 6)
    expect(page.get_by_test_id("readout")).to_contain_text("00006")
    page.wait_for_url("**frame=6**")
    left = page.get_by_test_id("mark-j").evaluate("mark => mark.style.left")
    assert float(left.rstrip("%")) == pytest.approx(100 * 6 / 23, abs=0.1)

    # The same address shows the same frame in a fresh browser.
    with browser.new_context() as other:
        again = other.new_page()
        again.goto(page.url)
        at_frame(again, 6)

    # Playing shows frame after frame to the end and stops there.
    page.get_by_test_id("play").click()
    at_frame(page, 23)
    expect(page.get_by_test_id("play")).to_have_attribute("aria-label", "Play")

    # Another video starts at its beginning, and its strange name is no trouble.
    page.get_by_role("combobox").nth(1).click()
    page.get_by_role("option", name=STRANGE).click()
    expect(page.get_by_test_id("readout")).to_contain_text("of 11")
    at_frame(page, 0)
    page.keyboard.press("ArrowRight")
    at_frame(page, 1)
    page.wait_for_url("**frame=1")
    assert parse_qs(urlsplit(page.url).query)["video"] == [STRANGE]

    # A split annotated on first frames only plays, and says that there is no annotation.
    page.goto(f"{app.url}/inspect?run={runs['mose']}&frame=3")
    at_frame(page, 3)
    expect(page.get_by_test_id("pane-annotation")).to_contain_text("No annotation of this frame.")
    expect(page.get_by_text("annotated on first frames only")).to_be_visible()
    page.keyboard.press("Home")
    expect(page.get_by_test_id("pane-annotation")).not_to_contain_text("No annotation of this frame.")


def test_bar_of_the_run_page_leads_to_its_video(app: Served, runs: dict[str, int], page: Page) -> None:
    page.goto(f"{app.url}/run?run={runs['done']}")
    bar = page.locator(".st-key-video-bars .barlayer .point").first
    expect(bar).to_be_visible()
    box = bar.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    at_frame(page, 0)
    assert parse_qs(urlsplit(page.url).query)["video"] == ["crossing"]  # the worst comes first


def test_runs_table_sorts_where_it_stands(app: Served, runs: dict[str, int], page: Page) -> None:
    page.goto(app.url)
    first = page.get_by_test_id("row").first
    expect(first).to_have_attribute("data-id", str(runs["queued"]))  # the newest that may score
    page.get_by_role("button", name="J&F-Mean").first.click()
    expect(first).to_have_attribute("data-id", str(runs["done"]))
    page.wait_for_timeout(4000)  # two polls later it is still sorted
    expect(first).to_have_attribute("data-id", str(runs["done"]))
    page.get_by_role("button", name="J&F-Mean").first.click()
    expect(first).to_have_attribute("data-id", str(runs["static"]))
