"""The address and the browser's history: a step is one entry, Back returns to the page as it was."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.e2e.conftest import Served, settle
from tests.e2e.held import Held
from tests.e2e.player_app import IDS

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]


def where(page: Page) -> tuple[str, dict[str, str]]:
    """The page's own part of the address, and its query."""
    parts = urlsplit(page.url)
    return parts.path.rpartition("/")[2], {name: values[0] for name, values in parse_qs(parts.query).items()}


def entries(page: Page) -> int:
    return int(page.evaluate("history.length"))


def test_one_entry_a_step_and_back_as_it_was(app: Served, page: Page) -> None:
    ids = [IDS["flow"], IDS["static"], IDS["done"]]
    runs = ",".join(map(str, ids))
    page.goto(f"{app.url}/compare?runs={runs}")
    expect(page.get_by_test_id("heat-row")).to_have_count(3)
    start = entries(page)
    page.get_by_role("radio", name="Objects").click()
    page.wait_for_url("**view=objects**")
    page.get_by_role("radio", name="Points over A").click()
    page.wait_for_url("**colour=difference**")
    assert entries(page) == start + 2
    page.locator('[data-testid="heat-row"] a[data-cell="1"]').first.click()
    page.wait_for_url("**/inspect?**")
    expect(page.get_by_role("slider").first).to_be_visible()
    assert entries(page) == start + 3
    page.go_back()
    page.wait_for_url("**/compare?**")
    expect(page.get_by_role("radio", name="Points over A")).to_be_checked()
    expect(page.get_by_role("radio", name="Objects")).to_be_checked()
    assert where(page) == ("compare", {"runs": runs, "view": "objects", "colour": "difference"})
    page.go_back()
    expect(page.get_by_role("radio", name="Points over A")).not_to_be_checked()
    assert where(page)[1] == {"runs": runs, "view": "objects"}
    page.go_forward()
    page.go_forward()
    page.wait_for_url("**/inspect?**")
    expect(page.get_by_role("slider").first).to_be_visible()


def test_back_to_the_filtered_results(app: Served, page: Page) -> None:
    page.goto(f"{app.url}/")
    page.get_by_role("searchbox").first.fill("flow")
    page.wait_for_url("**flow**")
    expect(page.locator(".board tbody tr a").first).to_be_visible()
    start, view = entries(page), page.url
    page.locator(".board tbody tr a").first.click()
    page.wait_for_url("**/run?**")
    expect(page.get_by_role("radio", name="Videos")).to_be_visible()
    assert entries(page) == start + 1
    page.go_back()
    page.wait_for_url(view)
    expect(page.get_by_role("searchbox").first).to_have_value("flow")


class Straggler:
    """Stands between browser and server; once a page is left, what it polled last is asked again and again."""

    def __init__(self, browser: WebSocketRoute) -> None:
        self._browser, self._server = browser, browser.connect_to_server()
        self._poll: bytes | None = None
        self.leaving = False
        self.sent = 0
        browser.on_message(self._asked)
        self._server.on_message(self._answered)

    @property
    def polled(self) -> bool:
        """Whether the page polls."""
        return self._poll is not None

    def _asked(self, message: str | bytes) -> None:
        assert isinstance(message, bytes)
        if BackMsg.FromString(message).rerun_script.is_auto_rerun and not self.leaving:
            self._poll = message
        self._server.send(message)

    def _answered(self, message: str | bytes) -> None:
        if self.leaving and self._poll is not None:
            self._server.send(self._poll)
            self.sent += 1
        self._browser.send(message)


@pytest.mark.parametrize("way", ["row", "navigation bar"])
def test_a_late_poll_of_the_page_that_was_left_leaves_the_next_one_alone(app: Served, page: Page, way: str) -> None:
    lines: list[Straggler] = []
    page.route_web_socket("**/_stcore/stream", lambda line: lines.append(Straggler(line)))
    for _ in range(3):
        page.goto(f"{app.url}/")
        expect(page.locator(".board tbody tr a").first).to_be_visible()
        line = lines[-1]
        while not line.polled:
            page.wait_for_timeout(100)
        line.leaving = True
        if way == "row":
            page.locator(f'[data-testid="row"][data-id="{IDS["flow"]}"] a').first.click()
            page.wait_for_url("**/run?**")
            seen = page.get_by_test_id("bar").first
        else:
            page.get_by_role("link", name="Compare").first.click()
            page.wait_for_url("**/compare?runs=**")
            seen = page.get_by_test_id("heat-row").first
        expect(seen).to_be_visible()
        page.wait_for_timeout(400)  # a run of the script that takes it away comes after the page's own
        expect(seen).to_be_visible(timeout=1000)
        assert line.sent > 3


def test_a_choice_outlives_what_was_asked_before_its_address_came(app: Served, page: Page) -> None:
    lines: list[Held] = []
    page.route_web_socket("**/_stcore/stream", lambda line: lines.append(Held(line)))
    page.goto(f"{app.url}/failures?run={IDS['static']}&sort=frames")
    expect(page.get_by_test_id("failure").first).to_be_visible()
    line = lines[-1]
    line.held = True
    page.get_by_role("radio", name="Costliest first").click()
    before = line.asked
    while line.asked == before:  # the key is passed over while the browser takes the choice in
        page.locator("body").press("r")  # runs the page anew, under the address that the browser still has
        page.wait_for_timeout(200)
    page.wait_for_timeout(2000)
    assert "sort=frames" in page.url
    line.release()
    page.wait_for_url(f"**/failures?run={IDS['static']}")
    expect(page.get_by_role("radio", name="Costliest first")).to_be_checked()
    page.wait_for_timeout(1000)
    assert where(page) == ("failures", {"run": str(IDS["static"])})
    expect(page.get_by_role("radio", name="Costliest first")).to_be_checked()


def test_quick_choices_on_launch_outlive_the_address_that_they_were_made_under(app: Served, page: Page) -> None:
    lines: list[Held] = []
    page.route_web_socket("**/_stcore/stream", lambda line: lines.append(Held(line)))
    page.goto(f"{app.url}/launch")
    expect(page.get_by_text("The runs (7)")).to_be_visible()
    page.wait_for_url("**sizes=1%2C2%2C3%2C5%2C7")
    line = lines[-1]
    line.held = True
    for size in ("3", "5", "7"):
        before = line.asked
        page.locator(".st-key-launch-sizes").get_by_role("button", name=size, exact=True).click()
        while line.asked == before:
            page.wait_for_timeout(50)
        page.wait_for_timeout(2000)  # the server answers; the browser does not hear it
    line.release()
    expect(page.get_by_text("The runs (4)")).to_be_visible()
    page.wait_for_url("**sizes=1%2C2")
    page.wait_for_timeout(1000)
    expect(page.get_by_text("The runs (4)")).to_be_visible()


@pytest.mark.parametrize("way", ["navigation bar", "Back"])
def test_what_a_page_says_late_of_its_address_stays_out_of_the_next_ones(app: Served, page: Page, way: str) -> None:
    lines: list[Held] = []
    page.route_web_socket("**/_stcore/stream", lambda line: lines.append(Held(line)))
    page.goto(f"{app.url}/queue")
    expect(page.get_by_role("heading", name="Queue")).to_be_visible()
    page.get_by_role("link", name="Results").first.click()
    expect(page.get_by_test_id("row").first).to_be_visible()
    settle(page)
    start = entries(page)
    line = lines[-1]
    line.held = True
    before = line.asked
    page.get_by_test_id("group").select_option("dataset")
    while line.asked == before:
        page.wait_for_timeout(50)
    page.wait_for_timeout(1000)  # the server keeps the group in its address; the browser does not hear it yet
    before = line.asked
    if way == "Back":
        page.go_back()
    else:
        page.get_by_role("link", name="Queue").first.click()
    while line.asked == before:
        page.wait_for_timeout(50)
    page.wait_for_timeout(1000)
    line.release()
    expect(page.get_by_role("heading", name="Queue")).to_be_visible()
    settle(page)
    page.wait_for_timeout(500)
    assert where(page) == ("queue", {})
    assert entries(page) == start + (way != "Back")
    if way != "Back":
        page.go_back()
        expect(page.get_by_test_id("group")).to_have_value("dataset")
        assert where(page) == ("", {"group": "dataset"})


def test_a_page_that_completes_its_address_adds_no_entry(app: Served, page: Page) -> None:
    page.goto(f"{app.url}/")
    expect(page.locator(".board tbody tr").first).to_be_visible()
    start = entries(page)
    page.get_by_role("link", name="Compare").first.click()
    page.wait_for_url("**/compare?runs=**")
    assert entries(page) == start + 1
    page.go_back()
    expect(page.locator(".board tbody tr").first).to_be_visible()
    assert where(page) == ("", {})


def test_what_the_browser_has_thrown_away_is_not_referred_to(app: Served, page: Page) -> None:
    """Back is pressed before the browser has heard the run's end at which it throws away what Compare was made of."""
    lines: list[Held] = []
    page.route_web_socket("**/_stcore/stream", lambda line: lines.append(Held(line)))
    page.goto(f"{app.url}/compare?runs={IDS['flow']},{IDS['static']},{IDS['done']}")
    expect(page.get_by_test_id("heat-row")).to_have_count(3)
    page.get_by_role("link", name="Doctor").first.click()
    expect(page.get_by_role("heading", name="Doctor", exact=True)).to_be_visible()
    settle(page)
    line = lines[-1]
    line.held = True
    for way in (lambda: page.locator("body").press("r"), page.go_back):
        before = line.asked
        way()
        while line.asked == before:
            page.wait_for_timeout(50)
        page.wait_for_timeout(3000)  # the server has answered
    line.release()
    settle(page)
    expect(page.get_by_test_id("heat-row")).to_have_count(3)
    expect(page.get_by_text("Connection error")).to_have_count(0)
