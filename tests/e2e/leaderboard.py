"""The leaderboard of the Results page, as a browser sees it."""

from __future__ import annotations

from playwright.sync_api import Browser, Locator, Page, expect

from db.models import Run
from db.session import writing
from vos_core.home import Home


def row(page: Page, run_id: int) -> Locator:
    # Within the leaderboard: the tables under it have rows of their own.
    return page.get_by_test_id("table").first.locator(f'[data-testid="row"][data-id="{run_id}"]')


def cell(page: Page, run_id: int, column: str) -> Locator:
    return row(page, run_id).locator(f'[data-column="{column}"]')


def shown(page: Page) -> list[int]:
    rows = page.locator('[data-testid="table"] >> nth=0').locator('[data-testid="row"]')
    return [int(item.get_attribute("data-id") or 0) for item in rows.all()]


def tick(page: Page, *run_ids: int) -> None:
    for run_id in run_ids:
        row(page, run_id).get_by_role("checkbox").check()


def head(page: Page, label: str) -> Locator:
    return page.locator("thead").first.get_by_role("button", name=label, exact=True)


def in_a_fresh_browser(browser: Browser, url: str) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(url)
    expect(page.get_by_test_id("row").first).to_be_visible()
    return page


def set_state(home: Home, run_id: int, state: str) -> None:
    """As after somebody else's wish; nothing is under way before and after."""
    with writing(home.database) as session:
        session.get_one(Run, run_id).state = state
