"""The Data page in a browser: a download that is stopped and goes on, a folder of one's own, a subset that is run."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from db import queries
from tests.downloads.faulty_server import Fault, FaultyServer
from tests.downloads.small_catalogue import NAME, PATH, WEIGHTS
from tests.e2e.conftest import Served, wait_for
from tests.ui.seed import write_dataset
from vos_core.datasets import find_datasets

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]

ODD = "dävis \"odd\" <script>alert('x')"


def row(page: Page, name: str) -> Locator:
    return page.locator(f'[data-testid="fetch-row"][data-name="{name}"]')


def press(page: Page, name: str, label: str) -> None:
    row(page, name).get_by_role("button", name=f"{label}: ").click()


def expect_state(page: Page, name: str, state: str | re.Pattern[str]) -> None:
    expect(row(page, name).locator(".state")).to_have_text(state, timeout=60_000)


def test_a_download_is_stopped_goes_on_and_is_verified(
    mirror: FaultyServer, served: Callable[[], Served], page: Page, browser: Browser
) -> None:
    go_on = threading.Event()
    again = [Fault(after=0, hold=go_on)] * 20  # a fetch that waits too long asks again
    mirror.put(PATH, WEIGHTS, Fault(after=len(WEIGHTS) // 2, hold=go_on), *again)
    app = served()
    page.goto(f"{app.url}/data")
    expect_state(page, NAME, "missing")
    press(page, NAME, "Fetch")
    expect_state(page, NAME, re.compile("starting|downloading"))
    expect(row(page, NAME).get_by_text(re.compile(r"175 kB of 350 kB"))).to_be_visible(timeout=60_000)

    # The page that asked goes away; another one shows the same bar, and stops it.
    other = browser.new_context(viewport={"width": 768, "height": 1000}).new_page()
    page.goto(f"{app.url}/queue")
    other.goto(f"{app.url}/data")
    expect_state(other, NAME, re.compile("downloading|waiting"))
    press(other, NAME, "Stop")
    expect_state(other, NAME, re.compile("partial|failed"))
    part = app.home.checkpoints / f"{NAME}.pt.part"
    assert part.stat().st_size == len(WEIGHTS) // 2
    assert not (app.home.checkpoints / f"{NAME}.pt").exists()

    go_on.set()
    mirror.put(PATH, WEIGHTS)
    press(other, NAME, "Fetch again")
    expect_state(other, NAME, "ready")
    assert (app.home.checkpoints / f"{NAME}.pt").read_bytes() == WEIGHTS
    assert mirror.ranges(PATH)[-1] == f"bytes={len(WEIGHTS) // 2}-"

    # Damage that its size does not show is found by reading it.
    file = app.home.checkpoints / f"{NAME}.pt"
    file.write_bytes(b"x" + WEIGHTS[1:])
    press(other, NAME, "Verify")
    expect_state(other, NAME, "damaged")
    expect(row(other, NAME).get_by_text("SHA-256")).to_be_visible()
    other.context.close()


def test_a_folder_is_checked_added_and_a_subset_of_it_is_launched(
    served: Callable[[], Served], page: Page, tmp_path: Path
) -> None:
    app = served()
    folder = write_dataset(tmp_path / ODD, {"first": 6, "second": 5, "third": 4})
    broken = next(folder.rglob("JPEGImages/**/third/00002.jpg"))
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    page.goto(f"{app.url}/data")
    page.get_by_text("Datasets that are here").click()
    expect(page.get_by_text("No dataset yet")).to_be_visible()
    page.get_by_label("Folder").fill(str(folder))
    page.get_by_role("button", name="Check it").click()
    expect(page.get_by_text("1 error: runs over those videos")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("region", name="Problems")).to_contain_text("third/00002.jpg")
    expect(page.get_by_role("button", name="Add it anyway")).to_be_visible()

    broken.write_bytes(whole)
    page.get_by_role("button", name="Check it").click()
    expect(page.get_by_text("Everything was read, and nothing is wrong.")).to_be_visible(timeout=60_000)
    page.get_by_label("Name here").fill("odd")
    page.get_by_role("button", name="Add it", exact=True).click()
    expect(page).to_have_url(re.compile("dataset=odd"))

    page.get_by_text("Subsets (0)").click()
    page.get_by_label("Name", exact=True).fill("short")
    page.get_by_role("textbox", name="Or a list, one video a line").fill("third\nfirst")
    page.get_by_role("button", name="Keep as a subset").click()
    expect(page.get_by_text("short (2)")).to_be_visible()
    wait_for(lambda: "short" in find_datasets(app.home)["odd"].splits, 20, "no subset was kept")

    page.get_by_role("link", name="Launch over it").click()
    expect(page.get_by_text("Split of odd")).to_be_visible()
    page.goto(f"{app.url}/launch?datasets=odd&splits=odd%3Dshort&models=static")
    page.get_by_role("button", name="Launch 1 run").click()
    expect(page.get_by_text("Queued. The runs go on")).to_be_visible(timeout=60_000)
    wait_for(lambda: [run.state for run in queries.runs(app.home.database)] == ["done"], 90, "the run did not end")
    (run,) = queries.runs(app.home.database)
    assert (run.dataset, run.split, run.videos_done) == ("odd", "short", 2)
