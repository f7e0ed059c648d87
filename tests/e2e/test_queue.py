"""The Queue page in a browser while runs go on: another order, and a run cancelled, from the page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from db import queries
from db.queue import queue_overview
from db.states import RunState
from tests.e2e.conftest import Served
from tests.ui.seed import write_dataset
from vos_core.execution import submit
from vos_core.launch import plan_launch
from vos_core.runs import Grid

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

SIZES = (16, 15, 14, 13)


def row(page: Page, run_id: int) -> Locator:
    return page.locator(f'[data-testid="queue-run"][data-id="{run_id}"]')


def press(page: Page, run_id: int, action: str) -> None:
    row(page, run_id).locator(f'[data-action="{action}"]').click()


def shown_order(page: Page) -> list[int]:
    return [int(item.get_attribute("data-id") or 0) for item in page.get_by_test_id("queue-run").all()]


def test_reorder_pause_and_cancel_from_the_page(
    served: Callable[[], Served], page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOSLAB_CPU_WORKERS", "1")
    app = served()
    write_dataset(app.home.data / "slow", {"crossing": 450, "drifting": 420, "third": 390})
    grid = Grid((("slow", app.home.store(app.home.data / "slow"), "val"),), ("propagation",), SIZES)
    answer = submit.wait(app.home, submit.submit(plan_launch(grid, app.home, "four sizes"), app.home))
    first, second, third, fourth = answer["runs"]
    page.goto(f"{app.url}/queue")
    expect(page.get_by_test_id("queue-run")).to_have_count(4)
    expect(page.get_by_test_id("queue-group").locator("h3")).to_have_text("four sizes")

    # A worker is on the first run, and its progress moves without a reload.
    worker = page.get_by_test_id("queue-worker")
    expect(worker).to_have_count(1, timeout=60_000)
    expect(worker.get_by_text("busy")).to_be_visible(timeout=60_000)
    progress = row(page, first).get_by_role("progressbar")
    expect(progress).not_to_have_attribute("aria-valuenow", "0", timeout=60_000)

    # The last run to the front of the queue, then one place down.
    press(page, fourth, "top")
    expect(page.get_by_test_id("queue-run").first).to_have_attribute("data-id", str(fourth))
    press(page, fourth, "down")
    expect(page.get_by_test_id("queue-run").nth(1)).to_have_attribute("data-id", str(fourth))
    assert shown_order(page) == [first, fourth, second, third]
    assert [run.id for run in queue_overview(app.home.database).runs] == [first, fourth, second, third]

    press(page, second, "pause")
    expect(row(page, second).get_by_text("paused")).to_be_visible()

    # The run that is under way is cancelled: its worker goes on with the next one in the new order.
    press(page, first, "cancel")
    expect(row(page, first).get_by_text("cancelled")).to_be_visible()
    assert shown_order(page)[-1] == first, "it stands among those that ended"
    expect(row(page, fourth).get_by_text("running")).to_be_visible(timeout=60_000)
    states = {run.id: run.state for run in queries.runs(app.home.database)}
    assert states[first] == RunState.CANCELLED.value and states[second] == RunState.PAUSED.value

    # The ablation's own buttons are about the runs that it shows now: one that left it is not resumed with the others.
    page.get_by_test_id("queue-group").first.locator('.group-head [data-action="resume"]').click()
    expect(row(page, second).get_by_text("paused")).to_have_count(0)
    assert {run.id: run.state for run in queries.runs(app.home.database)}[first] == RunState.CANCELLED.value

    # A whole ablation, by its own button; and from the row to the run.
    page.get_by_test_id("queue-group").first.locator('.group-head [data-action="cancel"]').click()
    expect(page.get_by_text("Nothing is queued")).to_be_visible()
    row(page, fourth).locator("a").click()
    expect(page).to_have_url(f"{app.url}/run?run={fourth}")
