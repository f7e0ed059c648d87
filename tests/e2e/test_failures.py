"""The failure gallery in a browser: pictures, filters, what another run fixes, and the way to Inspect."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from db import queries
from db.episodes import paired_episodes
from tests.e2e.conftest import Served
from tests.ui.seed import STRANGE
from vos_core.analysis.fixes import fixed

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture
def gallery(app: Served, runs: dict[str, int]) -> tuple[Served, dict[str, int]]:
    """The app over runs in every state, and their ids."""
    return app, runs


def test_gallery_filters_and_leads_to_inspect(gallery: tuple[Served, dict[str, int]], page: Page) -> None:
    served, ids = gallery
    page.goto(f"{served.url}/run?run={ids['static']}")
    page.get_by_role("link", name="As pictures").click()
    shown = page.get_by_test_id("failure")
    stored = queries.failures(served.home.database, ids["static"])
    expect(shown).to_have_count(len(stored))
    for index in range(3):
        expect(shown.nth(index).locator("img")).to_have_js_property("naturalWidth", 240)
    assert all(text for text in shown.locator("img").evaluate_all("(all) => all.map((one) => one.alt)"))
    kind = stored[0][1].kind
    page.get_by_role("button", name=re.compile(rf"^{kind} \(\d+\)$")).click()
    wanted = [(video, episode) for video, episode in stored if episode.kind == kind]
    expect(shown).to_have_count(len(wanted))
    expect(page).to_have_url(re.compile(f"kind={kind}"))
    worst = wanted[0][1]
    page.evaluate("() => { window.here = 'the same page' }")
    shown.first.click()
    expect(page.get_by_test_id("player")).to_have_attribute("data-frame", str(worst.worst_frame))
    assert page.evaluate("() => window.here") == "the same page", "no reload"
    assert f"frame={worst.worst_frame}" in page.url and f"object={worst.object_id}" in page.url
    expect(page).to_have_url(re.compile(f"run={ids['static']}"))


def test_fixed_by_another_run_opens_both_beside_each_other(gallery: tuple[Served, dict[str, int]], page: Page) -> None:
    served, ids = gallery
    a, b = ids["static"], ids["done"]
    expected = fixed(paired_episodes(served.home.database, a, b))
    page.goto(f"{served.url}/failures?run={a}&other={b}")
    shown = page.get_by_test_id("failure")
    expect(shown).to_have_count(len(expected))
    expect(shown.first.locator("img")).to_have_count(2)
    page.get_by_text(f"Broken by #{b}").click()
    expect(page).to_have_url(re.compile("show=broken"))
    expect(page.get_by_text("breaks nothing")).to_be_visible()
    page.get_by_text(f"Fixed by #{b}").click()
    expect(shown).to_have_count(len(expected))
    shown.first.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"inspect\?.*run={a}.*with={b}"))
    expect(page.get_by_test_id("player")).to_have_attribute("data-frame", str(expected[0].worst_frame))


def test_an_address_opens_the_same_gallery_and_a_tile_a_new_tab(
    gallery: tuple[Served, dict[str, int]], page: Page
) -> None:
    served, ids = gallery
    page.goto(f"{served.url}/failures?run={ids['static']}&cut=frame&sort=frames")
    strange = page.get_by_test_id("failure").filter(has_text=STRANGE).first
    expect(strange).to_be_visible()
    expect(strange.locator("img")).to_have_js_property("complete", True)
    assert "object=" not in (strange.locator("img").get_attribute("src") or "")
    with page.context.expect_page() as opened:
        strange.click(modifiers=["Control"])
    expect(opened.value.get_by_test_id("player")).to_be_visible()
    assert page.url.endswith("sort=frames") or "failures" in page.url


def test_first_frame_annotations_are_told(gallery: tuple[Served, dict[str, int]], page: Page) -> None:
    served, ids = gallery
    page.goto(f"{served.url}/failures?run={ids['mose']}")
    expect(page.get_by_text("Failures need annotations")).to_be_visible()
    page.get_by_role("link", name="Watch the predictions").click()
    expect(page.get_by_test_id("player")).to_be_visible()
