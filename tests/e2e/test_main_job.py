"""The main job in a browser: launch from the form, see it finish, see its J&F, look at its frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from db import queries
from tests.e2e.conftest import Served
from tests.ui.seed import write_dataset

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

COLOURS = """canvas => {
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size;
}"""


def pill(page: Page, group: str, label: str) -> Locator:
    """One of a group of pills; its widgets are made anew, with a number, where another draft fills the form."""
    return page.locator(f"[class*='st-key-{group}']").get_by_role("button", name=label, exact=True)


def test_launch_from_the_form_and_look_at_the_result(served: Callable[[], Served], page: Page) -> None:
    app = served()
    write_dataset(app.home.data / "tiny", {"crossing": 9, "drifting": 7})
    page.goto(f"{app.url}/launch")

    # From the default grid to 4 runs: static, flow, propagation at N = 1 and 2.
    expect(page.get_by_role("button", name="Launch 7 runs")).to_be_enabled()
    for size in ("3", "5", "7"):
        pill(page, "launch-sizes", size).click()
    launch = page.get_by_role("button", name="Launch 4 runs")
    expect(launch).to_be_enabled()
    launch.click()
    page.get_by_role("link", name="See the results").click()
    page.wait_for_url(f"{app.url}/")

    # It finishes while we watch, without a reload.
    rows = page.get_by_test_id("row")
    expect(rows).to_have_count(4, timeout=60_000)
    expect(page.locator('[data-column="state"]', has_text="done")).to_have_count(4, timeout=150_000)
    stored = {run.id: run for run in queries.runs(app.home.database)}
    for run_id, run in stored.items():
        assert run.jf_mean is not None
        cell = page.locator(f'[data-testid="row"][data-id="{run_id}"] [data-column="jf_mean"]')
        expect(cell).to_have_text(f"{run.jf_mean:.3f}")

    # From the number to the frame: the run, one of its videos, three pictures.
    last = max(stored)
    page.locator(f'[data-testid="row"][data-id="{last}"] a').click()
    expect(page.get_by_text("J and F per video")).to_be_visible()
    assert f"run={last}" in page.url
    page.locator('[data-testid="bar"][data-id="crossing"]').click()
    player = page.get_by_test_id("player")
    expect(player).to_have_attribute("data-ready", "true")
    worst = int(player.get_attribute("data-frame") or 0)
    assert worst > 0, "a bar opens the frame where the masks are worst"
    page.get_by_role("button", name="Step back", exact=True).click()
    expect(player).to_have_attribute("data-frame", str(worst - 1))
    colours = {}
    for pane in ("picture", "annotation", "prediction"):
        canvas = page.get_by_test_id(f"pane-{pane}").locator("canvas")
        expect(canvas).to_be_visible()
        colours[pane] = canvas.evaluate(COLOURS)
        assert colours[pane] > 200, f"the {pane} pane is blank"
    assert page.get_by_test_id("pane-prediction").locator("p").inner_text() == ""
    expect(page.get_by_test_id("curve-jf").locator("polyline")).to_have_count(2)

    maps = Path(f"/proc/{app.process.pid}/maps")
    if maps.exists():
        assert "libtorch" not in maps.read_text()
