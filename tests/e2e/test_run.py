"""The Run page in a browser: from bars, curves and classes of failure to frames, and a run that goes on meanwhile."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from db import queries
from db.models import Run
from db.session import writing
from db.states import RunState
from tests.e2e.conftest import Served, query, serve, settle, wait_for
from tests.e2e.player_app import at_frame
from tests.ui.seed import STRANGE, write_dataset
from ui.run.curves import frame_means
from vos_core.analysis.lineup import lowest
from vos_core.execution import submit
from vos_core.home import Home
from vos_core.launch import plan_launch
from vos_core.runs import Grid

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]


def worst_frame(home: Home, run_id: int, video: str) -> int:
    task = queries.task(home.database, run_id, video)
    assert task is not None
    frame = lowest(frame_means(queries.curves(home.database, task.id)))
    assert frame is not None
    return frame


def names(page: Page) -> list[str]:
    return [bar.get_attribute("data-id") or "" for bar in page.get_by_test_id("bar").all()]


def test_bars_are_ordered_and_open_their_video_at_its_worst(app: Served, runs: dict[str, int], page: Page) -> None:
    page.goto(f"{app.url}/run?run={runs['flow']}")
    bars = page.get_by_test_id("bar")
    expect(bars).to_have_count(3)
    tasks = queries.tasks(app.home.database, runs["flow"])
    worst = sorted(tasks, key=lambda task: (task.j_mean or 0) + (task.f_mean or 0))
    assert names(page) == [task.video for task in worst]
    page.get_by_text("by name").click()
    page.wait_for_url("**order=name")
    expect(bars.last).to_have_attribute("data-id", max(task.video for task in tasks))
    assert names(page) == sorted(task.video for task in tasks)
    page.reload()
    expect(bars).to_have_count(3)
    assert names(page) == sorted(task.video for task in tasks)

    bars.nth(1).focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/inspect?**")
    video = sorted(task.video for task in tasks)[1]
    at_frame(page, worst_frame(app.home, runs["flow"], video))
    assert query(page)["run"] == str(runs["flow"]) and query(page)["video"] == video


def test_a_frame_of_a_videos_curves_opens_in_inspect(app: Served, runs: dict[str, int], page: Page) -> None:
    page.goto(f"{app.url}/run?run={runs['static']}&part=time&video=drifting")
    j = page.get_by_test_id("curve-j")
    expect(j.locator("polyline")).to_have_count(2)
    expect(page.get_by_test_id("curve-f").locator("polyline")).to_have_count(2)
    worst = worst_frame(app.home, runs["static"], "drifting")
    expect(j).to_have_attribute("aria-valuenow", str(worst))
    j.scroll_into_view_if_needed()
    box = j.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 6 / 15, box["y"] + 20)  # 16 frames: 0 to 15
    page.wait_for_url("**/inspect?**")
    at_frame(page, 6)
    assert query(page)["video"] == "drifting"

    page.go_back()
    expect(j.locator("polyline")).to_have_count(2)
    assert query(page) == {"run": str(runs["static"]), "part": "time", "video": "drifting"}
    j.focus()
    page.keyboard.press("Home")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(j).to_have_attribute("aria-valuetext", re.compile(r"^frame 3; object 1: J 0\.\d{3}"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/inspect?**")
    at_frame(page, 3)


def test_a_class_of_failure_opens_its_pictures(app: Served, runs: dict[str, int], page: Page) -> None:
    kinds = [episode.kind for _, episode in queries.failures(app.home.database, runs["static"])]
    kind = min(set(kinds), key=kinds.count)
    page.goto(f"{app.url}/run?run={runs['static']}")
    page.get_by_role("link", name=f"{kinds.count(kind)} {kind}").click()
    page.wait_for_url(f"**/failures?run={runs['static']}&kind={kind}")
    expect(page.get_by_test_id("failure")).to_have_count(kinds.count(kind))


def test_a_strange_name_goes_the_whole_way_unharmed(app: Served, runs: dict[str, int], page: Page) -> None:
    page.goto(f"{app.url}/")
    page.locator(f'[data-testid="row"][data-id="{runs["flow"]}"] a').first.click()
    page.wait_for_url("**/run?**")
    assert query(page) == {"run": str(runs["flow"])}
    bar = page.locator(f'[data-testid="bar"]:has-text("{STRANGE[:12]}")')
    expect(bar).to_have_attribute("data-id", STRANGE)
    expect(bar).to_have_attribute("title", re.compile(re.escape(STRANGE) + ": J-Mean 0"))
    expect(page.get_by_test_id("row").get_by_text(f"{STRANGE}_1", exact=True)).to_be_visible()
    bar.click()
    page.wait_for_url("**/inspect?**")
    at_frame(page, worst_frame(app.home, runs["flow"], STRANGE))
    assert query(page)["video"] == STRANGE
    page.get_by_test_id("pane-prediction").locator("canvas").wait_for()
    assert page.locator("script", has_text="roll").count() == 0
    page.reload()
    at_frame(page, worst_frame(app.home, runs["flow"], STRANGE))


def begin(app: Served, videos: dict[str, int], memory_size: int) -> int:
    """Launch one run over such a dataset."""
    write_dataset(app.home.data / "slow", videos)
    grid = Grid((("slow", app.home.store(app.home.data / "slow"), "val"),), ("propagation",), (memory_size,))
    (run_id,) = submit.wait(app.home, submit.submit(plan_launch(grid, app.home, "slow"), app.home))["runs"]
    return int(run_id)


def test_what_is_pressed_as_a_video_ends_counts(app: Served, runs: dict[str, int], page: Page) -> None:
    """The page has not heard of the video yet, and is drawn anew by what was pressed."""
    polls = True

    def between(browser: WebSocketRoute) -> None:
        server = browser.connect_to_server()

        def ask(message: str | bytes) -> None:
            assert isinstance(message, bytes)
            if polls or not BackMsg.FromString(message).rerun_script.is_auto_rerun:
                server.send(message)

        browser.on_message(ask)

    page.route_web_socket("**/_stcore/stream", between)
    page.goto(f"{app.url}/run?run={runs['running']}")
    name = page.get_by_role("button", name="Name", exact=True)
    expect(name).to_be_visible()
    settle(page)
    polls = False
    page.wait_for_timeout(1000)  # one may be under way
    with writing(app.home.database) as session:
        session.get_one(Run, runs["running"]).videos_done += 1
    try:
        name.click()
        expect(page.get_by_role("dialog")).to_be_visible()
    finally:
        with writing(app.home.database) as session:
            session.get_one(Run, runs["running"]).videos_done -= 1


def test_a_run_is_watched_and_cancelled_from_its_page(
    served: Callable[[], Served], page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOSLAB_CPU_WORKERS", "1")
    app = served()
    run_id = begin(app, {'short & "quick"': 12, "long": 1200}, 16)
    with_cost = {task.video: task for task in queries.tasks(app.home.database, run_id)}
    assert len(with_cost) == 2
    page.goto(f"{app.url}/run?run={run_id}")
    bar = page.get_by_role("progressbar").first
    expect(page.get_by_text("running").first).to_be_visible(timeout=60_000)
    expect(page.get_by_text("frames/s").first).to_be_visible(timeout=60_000)
    expect(bar).not_to_have_attribute("aria-valuenow", "0", timeout=60_000)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("cancelled").first).to_be_visible()
    expect(page.get_by_role("button", name="Resume")).to_be_enabled()
    run = queries.run_by_id(app.home.database, run_id)
    assert run is not None and run.state == RunState.CANCELLED.value
    page.get_by_role("radio", name="Log", exact=True).click()
    expect(page.locator("code", has_text="run 1 video long: worker cpu-0, attempt 1")).to_be_visible()


def test_a_run_goes_on_while_the_server_is_away(home: Home, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOSLAB_CPU_WORKERS", "1")
    with serve(home) as first:
        run_id = begin(first, {"one": 270, "two": 240, "three": 210}, 7)
        page.goto(f"{first.url}/run?run={run_id}")
        expect(page.get_by_text("running").first).to_be_visible(timeout=60_000)
        page.evaluate("() => { window.here = 'the same page' }")
        first.process.kill()  # as a crash does: nothing is passed on to the dispatcher
        first.process.wait()
        lease = queries.lease(home.database)
        assert lease is not None

        def done() -> int:
            run = queries.run_by_id(home.database, run_id)
            assert run is not None
            return run.frames_done

        before = done()
        wait_for(lambda: done() > before, 60, "no frame was done without the server")
        with serve(home, port=urlsplit(first.url).port):
            bars = page.get_by_test_id("bar")
            expect(bars).to_have_count(3, timeout=120_000)
            expect(page.get_by_text("done", exact=True).first).to_be_visible()
            assert page.evaluate("() => window.here") == "the same page", "it came back by itself"
            run = queries.run_by_id(home.database, run_id)
            assert run is not None and run.jf_mean is not None
            expect(page.get_by_test_id("stMetricValue").first).to_have_text(f"{run.jf_mean:.3f}")
            now = queries.lease(home.database)
            assert now is not None and (now.pid, now.token) == (lease.pid, lease.token), "the same dispatcher"
