"""The player and its address: what is asked of the page changes nothing else, and Back returns to what was seen."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Served, query
from tests.e2e.held import Held
from tests.e2e.player_app import at_frame, pane

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]


def test_back_returns_to_the_frame_and_looks_before_a_run_was_put_beside(
    app: Served, runs: dict[str, int], page: Page
) -> None:
    page.goto(f"{app.url}/inspect?run={runs['done']}&video=crossing&frame=3")
    at_frame(page, 3)
    page.get_by_test_id("readout").click()
    page.keyboard.press("e")
    page.keyboard.press("ArrowRight")
    at_frame(page, 4)
    page.wait_for_url("**frame=4**")
    page.get_by_test_id("add-run").select_option(str(runs["flow"]))
    page.wait_for_url("**with=**")
    page.get_by_test_id("readout").click()
    page.keyboard.press("e")
    page.keyboard.press("1")
    page.get_by_role("button", name="Zoom in").click()
    page.keyboard.press("Shift+ArrowRight")
    at_frame(page, 14)
    page.wait_for_url("**frame=14**")
    page.go_back()
    expect(pane(page, f"run-{runs['flow']}")).to_have_count(0)
    at_frame(page, 4)
    expect(page.get_by_test_id("error-legend")).to_be_visible()
    expect(page.locator(".objects button").first).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_test_id("zoom")).to_have_text("100 %")
    page.wait_for_timeout(1000)
    assert (query(page)["frame"], query(page)["view"]) == ("4", "error")
    page.go_forward()
    expect(pane(page, f"run-{runs['flow']}")).to_be_visible()
    at_frame(page, 14)
    expect(page.locator(".objects button").first).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_test_id("zoom")).to_have_text("150 %")


def test_what_is_done_until_the_answer_comes_stays_done(app: Served, runs: dict[str, int], page: Page) -> None:
    lines: list[Held] = []
    page.route_web_socket("**/_stcore/stream", lambda line: lines.append(Held(line)))
    page.goto(f"{app.url}/inspect?run={runs['done']}&with={runs['flow']},{runs['running']}&video=crossing&frame=3")
    at_frame(page, 3)
    page.get_by_test_id("readout").click()
    page.keyboard.press("ArrowRight")
    at_frame(page, 4)
    page.wait_for_url("**frame=4**")
    line = lines[-1]
    line.held = True
    for name in ("flow", "running"):
        page.get_by_role("button", name=f"Take run {runs[name]} away").click()
        page.wait_for_timeout(1000)  # the server answers; the browser does not hear it
    page.get_by_test_id("readout").click()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("e")
    page.keyboard.press("1")
    at_frame(page, 14)
    page.wait_for_url("**frame=14**")
    line.release()
    for name in ("flow", "running"):
        expect(pane(page, f"run-{runs[name]}")).to_have_count(0)
    page.wait_for_timeout(1500)
    at_frame(page, 14)
    expect(page.get_by_test_id("error-legend")).to_be_visible()
    expect(page.locator(".objects button").first).to_have_attribute("aria-pressed", "false")
    assert (query(page)["frame"], query(page)["view"], "with" in query(page)) == ("14", "error", False)


def test_another_run_is_shown_at_the_same_frame_in_the_same_way(app: Served, runs: dict[str, int], page: Page) -> None:
    page.goto(f"{app.url}/inspect?run={runs['done']}&video=crossing&frame=3")
    at_frame(page, 3)
    page.get_by_test_id("readout").click()
    for key in ("Shift+ArrowRight", "e", "1"):
        page.keyboard.press(key)
    at_frame(page, 13)
    page.wait_for_url("**frame=13**")
    page.get_by_role("combobox").first.click()
    page.get_by_role("option", name=f"#{runs['flow']} ").click()
    expect(pane(page, "prediction")).to_contain_text("Flow")
    page.wait_for_timeout(1000)
    at_frame(page, 13)
    expect(page.get_by_test_id("error-legend")).to_be_visible()
    expect(page.locator(".objects button").first).to_have_attribute("aria-pressed", "false")
