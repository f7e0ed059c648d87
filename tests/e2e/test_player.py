"""The frame player in a browser: exact masks, curves, keys, and an address that always leads back."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from db import queries
from tests.e2e.conftest import Served
from tests.e2e.player_app import at_frame
from tests.ui.seed import HEIGHT, STRANGE, WIDTH, label_map
from ui.palette import OBJECTS
from ui.run.curves import frame_means
from vos_core.analysis.lineup import lowest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


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
    curve = page.get_by_test_id("curve-jf")
    box = curve.bounding_box()
    assert box is not None
    curve.click(position={"x": box["width"] * 6 / 23, "y": 20})
    at_frame(page, 6)
    expect(page.get_by_test_id("readout")).to_contain_text("00006")
    page.wait_for_url("**frame=6**")
    left = page.get_by_test_id("mark-jf").evaluate("mark => mark.style.left")
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
    page.wait_for_url("**frame=1&**")
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
    page.get_by_test_id("bar").first.click()
    task = queries.task(app.home.database, runs["done"], "crossing")
    assert task is not None
    worst = lowest(frame_means(queries.curves(app.home.database, task.id)))
    assert worst is not None
    at_frame(page, worst)
    assert parse_qs(urlsplit(page.url).query)["video"] == ["crossing"]  # the worst comes first


def test_frames_without_a_mask_are_played_over_and_said(app: Served, runs: dict[str, int], page: Page) -> None:
    run = queries.run_by_id(app.home.database, runs["flow"])
    assert run is not None
    folder = app.home.locate(run.predictions) / "crossing"
    kept = {name: (folder / name).read_bytes() for name in ("00006.png", "00009.png")}
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    try:
        (folder / "00006.png").unlink()
        (folder / "00009.png").write_bytes(b"no picture")
        page.goto(f"{app.url}/inspect?run={runs['flow']}&video=crossing&frame=2&speed=12")
        at_frame(page, 2)
        page.get_by_test_id("play").click()
        at_frame(page, 23)
        masks = [path for path in asked if path.startswith("/predictions/")]
        assert 0 < sum(path.endswith("/00006.png") for path in masks) <= 2, "asked for again after seconds, not at once"
        assert len(masks) < 30
        page.get_by_test_id("readout").click()
        page.keyboard.press("Home")
        at_frame(page, 0)
        for _ in range(6):
            page.keyboard.press("ArrowRight")
        at_frame(page, 6)
        pane = page.get_by_test_id("pane-prediction")
        expect(pane).to_contain_text("No prediction of this frame.")
    finally:
        for name, content in kept.items():
            (folder / name).write_bytes(content)
    # It was written in the meantime: seen without a reload of the page, once the failed answer is old.
    page.wait_for_timeout(5500)
    page.keyboard.press("ArrowLeft")
    at_frame(page, 5)
    page.keyboard.press("ArrowRight")
    at_frame(page, 6)
    expect(pane).not_to_contain_text("No prediction of this frame.")
