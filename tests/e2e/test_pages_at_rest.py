"""Pages on which nothing is under way show what is done to their runs elsewhere, without a reload."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from db.models import Run
from db.session import writing
from tests.e2e.conftest import Served

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def cancelled(app: Served, runs: dict[str, int]) -> Iterator[int]:
    """A run without a video done, as it was again afterwards."""
    run_id = runs["cancelled"]
    yield run_id
    set_run(app, run_id, "cancelled", 0)


def set_run(app: Served, run_id: int, state: str, videos_done: int) -> None:
    with writing(app.home.database) as session:
        run = session.get_one(Run, run_id)
        run.videos_done = videos_done
        for task in run.tasks:
            task.state = state


def test_inspect_and_failures_at_rest(app: Served, cancelled: int, page: Page) -> None:
    page.goto(f"{app.url}/inspect?run={cancelled}")
    expect(page.get_by_text("this video was cancelled").first).to_be_visible()
    other = page.context.new_page()
    other.goto(f"{app.url}/failures?run={cancelled}")
    expect(other.get_by_text("failures are found as its videos are scored")).to_be_visible()
    page.wait_for_timeout(1500)  # both have taken their marks
    set_run(app, cancelled, "failed", 1)
    expect(page.get_by_text("this video failed").first).to_be_visible(timeout=25_000)
    expect(other.get_by_text("failures are found as its videos are scored")).to_have_count(0, timeout=25_000)
