"""Inspect in a browser: masks kept one folder an object, and what an agreement run is held against."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Served
from tests.ui.seed_apart import apart_home
from vos_core.home import Home
from vos_core.overlays import OBJECT_COLOURS

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

COLOURS_IN = """(canvas, wanted) => {
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const seen = new Set();
  for (let at = 0; at < pixels.length; at += 4)
    seen.add("#" + [0, 1, 2].map((k) => pixels[at + k].toString(16).padStart(2, "0")).join("").toUpperCase());
  return wanted.filter((colour) => seen.has(colour.toUpperCase()));
}"""


def shown(page: Page, pane: str) -> list[str]:
    """Which of the first two objects' outlines a pane has."""
    canvas = page.get_by_test_id(f"pane-{pane}").locator("canvas")
    found: list[str] = canvas.evaluate(COLOURS_IN, list(OBJECT_COLOURS[:2]))
    return found


def test_objects_kept_apart_are_drawn(home: Home, served: Callable[[], Served], page: Page) -> None:
    run_id = apart_home(home)
    page.goto(f"{served().url}/inspect?run={run_id}&video=sav_1&frame=8")
    player = page.get_by_test_id("player")
    expect(player).to_have_attribute("data-ready", "true")
    both = list(OBJECT_COLOURS[:2])
    assert shown(page, "annotation") == shown(page, "prediction") == both and shown(page, "picture") == []
    expect(page.get_by_test_id("curve-jf").locator("polyline")).to_have_count(2)
    expect(page.get_by_text("the picture then shows the lowest object")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(player).to_have_attribute("data-frame", "9")
    expect(page.get_by_test_id("pane-annotation")).to_contain_text("No annotation of this frame.")
    assert shown(page, "annotation") == [] and shown(page, "prediction") == both


def test_agreement_shows_its_reference(app: Served, runs: dict[str, int], page: Page) -> None:
    page.goto(f"{app.url}/inspect?run={runs['agreement']}&video=crossing&frame=9")
    expect(page.get_by_test_id("player")).to_have_attribute("data-ready", "true")
    pane = page.get_by_test_id("pane-reference")
    expect(pane).to_contain_text("Reference: sample_submission, not ground truth")
    assert shown(page, "reference") == list(OBJECT_COLOURS[:2])
    expect(page.get_by_test_id("pane-annotation")).to_have_count(0)
    expect(page.get_by_role("group", name="Measure")).to_contain_text("agreement J")
    expect(page.locator(".objects button").first).to_contain_text("agreement F")
