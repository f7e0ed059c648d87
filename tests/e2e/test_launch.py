"""The Launch page in a browser: templates, refused cells and the rest of them, fetching, addresses that are shared."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from db import queries
from tests.downloads.faulty_server import Fault, FaultyServer
from tests.downloads.small_catalogue import NAME, PATH, WEIGHTS
from tests.e2e.conftest import Served
from tests.e2e.test_main_job import pill
from tests.ui.seed import write_dataset
from vos_core.downloads import background

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]


def reason(page: Page, text: str) -> Locator:
    """The box of a reason that stands against runs."""
    return page.locator("[class*='st-key-refused-']").get_by_text(text)


def test_from_a_template_to_the_runs_that_can_be(served: Callable[[], Served], page: Page, browser: Browser) -> None:
    app = served()
    write_dataset(app.home.data / "DAVIS", {"crossing": 6})
    page.goto(f"{app.url}/launch")
    page.get_by_role("link", name="The user's ablation").click()
    expect(page.get_by_text("32 of 32 runs cannot be launched.")).to_be_visible()
    expect(reason(page, "There is no dataset 'MOSE'")).to_be_visible()
    expect(reason(page, "The checkpoint of sam2_hiera_large is missing")).to_be_visible()
    expect(reason(page, "SAM 2 finds no GPU here")).to_be_visible()
    expect(page.get_by_role("button", name="Launch", exact=True)).to_be_disabled()
    expect(page.locator("code", has_text="--memory_mode naive")).to_be_visible()

    # The form that it filled goes on from there.
    pill(page, "launch-models-cpu", "Propagation").click()
    launch = page.get_by_role("button", name="Launch the 7 others")
    expect(launch).to_be_enabled()
    expect(reason(page, "Memory size 0 is out of range for propagation")).to_be_visible()
    expect(page).to_have_url(re.compile(r"models=propagation%2Csam2_hiera_base_plus"))

    # Its address is the same form in a fresh browser; both are launched, and there is one ablation.
    other = browser.new_context(viewport={"width": 768, "height": 1000}).new_page()
    other.goto(page.url)
    second = other.get_by_role("button", name="Launch the 7 others")
    expect(second).to_be_enabled(timeout=60_000)
    launch.dblclick()
    second.click()
    for one in (page, other):
        expect(one.get_by_text("Queued. The runs go on")).to_be_visible(timeout=60_000)
    runs = queries.runs(app.home.database)
    assert sorted(run.memory_size or 0 for run in runs) == list(range(1, 8))
    assert len(queries.ablations(app.home.database)) == 1
    other.context.close()

    # A run's settings again, by its address alone.
    page.goto(f"{app.url}/launch?like={runs[0].id}")
    expect(page.locator("code", has_text="--model propagation --memory_size 7")).to_be_visible()
    expect(page.get_by_role("button", name="Nothing to launch: every run is here")).to_be_disabled()
    page.get_by_role("link", name="Ablation of memory size (naive) (7 runs)").click()
    expect(page.locator("code", has_text="--memory_size 1 2 3 4 5 6 7")).to_be_visible()


def test_a_checkpoint_is_fetched_and_its_runs_can_be_launched(
    mirror: FaultyServer, served: Callable[[], Served], page: Page, browser: Browser
) -> None:
    mirror.put(PATH, b"not these weights")
    app = served()
    write_dataset(app.home.data / "DAVIS", {"crossing": 6})
    address = f"{app.url}/launch?datasets=DAVIS&models={NAME}&sizes=7&options=device%3Dcpu"
    page.goto(address)
    expect(page.get_by_text("1 of 1 run cannot be launched.")).to_be_visible()
    page.get_by_role("button", name=f"Fetch {NAME}").click()
    expect(page.get_by_text("offers 17 bytes where the published file has")).to_be_visible(timeout=60_000)
    told = background.state(app.home, NAME)
    assert told is not None and told.phase is background.Phase.FAILED

    go_on = threading.Event()
    first, again = Fault(after=len(WEIGHTS) // 2, hold=go_on), Fault(after=0, hold=go_on)
    mirror.put(PATH, WEIGHTS, first, again, again, again)  # a fetch that waits too long asks again
    page.get_by_role("button", name=f"Fetch again {NAME}").click()
    under_way = re.compile(f"{NAME}: (downloading|waiting)")
    expect(page.get_by_text(under_way)).to_be_visible()
    # Another tab shows the same bar, and no second button.
    other = browser.new_context().new_page()
    other.goto(address)
    expect(other.get_by_text(under_way)).to_be_visible(timeout=60_000)
    expect(other.get_by_role("button", name=f"Fetch {NAME}")).to_have_count(0)
    other.context.close()
    go_on.set()
    expect(page.get_by_role("button", name="Launch 1 run")).to_be_enabled(timeout=60_000)
    expect(page.get_by_text("cannot be launched.")).to_have_count(0)
    assert (app.home.checkpoints / f"{NAME}.pt").read_bytes() == WEIGHTS


def test_an_empty_home_gets_the_demo_set_and_its_ablation(
    served: Callable[[], Served], page: Page, browser: Browser
) -> None:
    app = served()
    page.goto(app.url)
    page.get_by_role("button", name="Generate the demo dataset").click()
    under_way = re.compile("demo: (starting|generating)")
    expect(page.get_by_text(under_way)).to_be_visible()
    # The Launch page, in another tab, shows the same bar; what comes is chosen there.
    other = browser.new_context().new_page()
    other.goto(f"{app.url}/launch")
    expect(other.get_by_text(under_way)).to_be_visible()
    expect(other.get_by_role("button", name="Generate the demo dataset")).to_have_count(0)
    expect(other.get_by_role("button", name="Launch 7 runs")).to_be_enabled(timeout=120_000)
    other.context.close()

    page.get_by_role("link", name="Launch the demo ablation").click(timeout=60_000)
    expect(page).to_have_url(re.compile("datasets=demo"))
    page.get_by_role("button", name="Launch 7 runs").click()
    results = page.get_by_role("link", name="See the results")
    before = results.bounding_box()
    expect(page.get_by_text("Queued. The runs go on")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("button", name="Nothing to launch: every run is here")).to_be_disabled()
    assert results.bounding_box() == before, "it stays where a mouse is about to click it"
    assert {run.dataset for run in queries.runs(app.home.database)} == {"demo"}


def test_what_the_browser_draws_late_shows_what_was_launched(served: Callable[[], Served], page: Page) -> None:
    """The browser loads the code of a widget when it first needs it. Whoever clicks before that says nothing of it."""
    app = served()
    write_dataset(app.home.data / "tiny", {"crossing": 9})
    code: list[Route] = []
    page.route("**/ButtonGroup.*.js", lambda route: code.append(route))
    page.goto(f"{app.url}/launch?datasets=tiny&models=static,propagation&sizes=2,7&name=Two+of+them")
    page.get_by_role("button", name="Launch 3 runs").click()
    expect(page.get_by_text("Queued. The runs go on")).to_be_visible(timeout=60_000)
    assert code and not page.get_by_role("button", name="Propagation").count()
    for one in code:
        one.continue_()
    expect(pill(page, "launch-models-cpu", "Propagation")).to_be_visible()
    page.wait_for_timeout(2000)  # a poll or two would say what it shows
    page.get_by_label("Name of the ablation").fill("Both")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Nothing to launch: every run is here")).to_be_disabled()
    expect(page).to_have_url(re.compile(r"models=static%2Cpropagation&sizes=2%2C7&name=Both"))
