"""The player while its page runs anew for reasons of its own: what the person does goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from db.models import VideoTask
from db.session import writing
from db.states import TaskKind, TaskState
from tests.e2e.conftest import Served
from tests.e2e.player_app import at_frame

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]

VIDEO = "crossing"


@pytest.fixture
def set_task(app: Served, runs: dict[str, int]) -> Iterator[Callable[[TaskState], None]]:
    """Sets the state of `VIDEO` in the newest run: nothing is worked on, as the lease is held."""

    def put(state: TaskState) -> None:
        with writing(app.home.database) as session:
            of_video = select(VideoTask).where(VideoTask.run_id == max(runs.values()), VideoTask.video == VIDEO)
            task = session.scalars(of_video).one()
            task.state = state.value
            task.kind = (TaskKind.SEGMENT if state is TaskState.DONE else TaskKind.SCORE).value

    yield put
    put(TaskState.DONE)


def frame_of(page: Page) -> int:
    return int(page.get_by_test_id("player").get_attribute("data-frame") or -1)


def test_a_rerun_while_playing_leaves_frame_and_view(
    app: Served, page: Page, set_task: Callable[[TaskState], None]
) -> None:
    set_task(TaskState.RUNNING)
    page.goto(f"{app.url}/inspect")
    at_frame(page, 0)
    waiting = page.get_by_text("This video is being scored again.")
    expect(waiting).to_be_visible()
    page.get_by_test_id("readout").click()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    at_frame(page, 2)
    page.wait_for_url("**frame=2**")
    speed = page.get_by_label("Frames per second")
    speed.evaluate("(list) => list.add(new Option('1 frame/s', '1'))")  # the end is far off when the page runs anew
    speed.select_option("1")
    page.wait_for_url("**speed=1**")

    page.get_by_test_id("play").click()
    page.get_by_test_id("readout").click()
    page.keyboard.press("1")
    page.keyboard.press("e")
    page.get_by_label("Overlay opacity").fill("80")
    page.get_by_role("button", name="Zoom in").click()
    zoom = page.get_by_test_id("zoom").inner_text()
    assert zoom != "100 %"
    while frame_of(page) < 4:
        page.wait_for_timeout(100)
    assert "frame=2" in page.url, "the address is written when the video stands still"
    set_task(TaskState.DONE)
    expect(waiting).to_have_count(0)
    assert frame_of(page) >= 4
    expect(page.locator(".objects button").nth(0)).to_have_attribute("aria-pressed", "false")
    expect(page.locator(".objects button").nth(1)).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_test_id("error-legend")).to_be_visible()
    expect(page.get_by_label("Overlay opacity")).to_have_value("80")
    expect(page.get_by_test_id("zoom")).to_have_text(zoom)

    # The address is that of what is seen, and leads back to it.
    page.wait_for_url("**opacity=80**")
    frame = frame_of(page)
    assert frame >= 4 and f"frame={frame}&" in f"{page.url}&"
    page.reload()
    at_frame(page, frame)
    expect(page.get_by_label("Overlay opacity")).to_have_value("80")
