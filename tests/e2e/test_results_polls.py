"""What happens elsewhere shows on the Results page, and leaves alone what its reader does there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from db import queries
from db.models import Run
from db.session import writing
from tests.e2e.conftest import Served, serve
from tests.e2e.leaderboard import cell, row, set_state, tick
from tests.ui.seed import finish, launch, write_dataset
from vos_core.home import Home
from vos_core.runs import Grid

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]


def test_empty_pages_show_the_first_run_when_it_comes(home: Home, page: Page) -> None:
    write_dataset(home.data / "demo", {"one": 4})
    (run_id,) = launch(home, Grid((("demo", home.store(home.data / "demo"), "val"),), ("static",)))
    with writing(home.database) as session:
        run = session.get_one(Run, run_id)
        values = {column.key: getattr(run, column.key) for column in Run.__table__.columns} | {"state": "cancelled"}
        session.delete(run)
    with serve(home) as served:
        page.goto(served.url)
        expect(page.get_by_text("No runs yet")).to_be_visible()
        told = {"run": "No runs yet", "inspect": "Nothing to look at yet", "failures": "No runs yet"}
        others = []
        for path, words in told.items():
            other = page.context.new_page()
            other.goto(f"{served.url}/{path}")
            expect(other.get_by_text(words)).to_be_visible()
            others.append(other.get_by_text(words))
        page.wait_for_timeout(1500)
        with writing(home.database) as session:
            session.add(Run(**values))
        expect(row(page, run_id)).to_be_visible(timeout=25_000)
        expect(page.get_by_text("No runs yet")).to_have_count(0)
        for words in others:
            expect(words).to_have_count(0, timeout=25_000)


class Line:
    """Stands between browser and server: loses a message that chooses, or has an older one come once more after it."""

    def __init__(self, browser: WebSocketRoute, fate: str) -> None:
        self.chosen = 0  # messages that choose an ablation
        server = browser.connect_to_server()
        server.on_message(browser.send)
        older: list[str | bytes] = []

        def asked(message: str | bytes) -> None:
            assert isinstance(message, bytes)
            asked = BackMsg.FromString(message).rerun_script
            text = str(asked.widget_states)
            choice = "ablation=" in text and not asked.is_auto_rerun  # a look at what goes on tells all states too
            self.chosen += choice
            if choice and self.chosen == 1:
                if fate == "late":
                    server.send(message)
                    server.send(older[-1])
                return
            if "group=" in text:
                older.append(message)
            server.send(message)

        browser.on_message(asked)


@pytest.mark.parametrize("fate", ["lost", "late"])
def test_rows_follow_the_address_whatever_becomes_of_a_message(
    home: Home, served: Callable[[], Served], page: Page, fate: str
) -> None:
    write_dataset(home.data / "demo", {"one": 4})
    datasets = (("demo", home.store(home.data / "demo"), "val"),)
    (first,), (second,) = (launch(home, Grid(datasets, (model,)), model) for model in ("static", "flow"))
    for run_id in (first, second):
        finish(home, run_id, drift=8)
    stored = queries.run_by_id(home.database, first)
    assert stored is not None
    lines: list[Line] = []
    page.route_web_socket("**/_stcore/stream", lambda line: lines.append(Line(line, fate)))
    page.goto(served().url)
    expect(row(page, second)).to_be_visible()
    page.get_by_test_id("group").select_option("model")
    page.wait_for_timeout(1500)
    page.get_by_test_id("ablation").select_option(str(stored.ablation_id))
    expect(row(page, second)).to_have_count(0, timeout=20_000)
    expect(row(page, first)).to_be_visible()
    while lines[-1].chosen < 2:
        page.wait_for_timeout(100)
    page.wait_for_timeout(1500)
    assert lines[-1].chosen == 2
    expect(row(page, second)).to_have_count(0)
    page.wait_for_url(f"**ablation={stored.ablation_id}**")
    page.wait_for_timeout(6000)
    assert lines[-1].chosen == 2, "told again without need"


def test_polls_leave_what_the_reader_does_alone(app: Served, runs: dict[str, int], page: Page) -> None:
    """`app` has a run that goes on: the table is drawn anew every second and a half."""
    page.set_viewport_size({"width": 768, "height": 700})
    page.goto(app.url)
    tick(page, runs["done"])
    page.get_by_test_id("filter").fill("propagation")
    page.get_by_test_id("filter").press("Home")
    frame = page.locator(".board .frame")
    scrolled = frame.evaluate("node => { window.before = node; node.scrollLeft = 120; return node.scrollLeft; }")
    assert scrolled > 0, "the table is wider than the window"
    page.wait_for_timeout(4000)
    assert frame.evaluate("node => node === window.before"), "the table was taken out and put in anew"
    assert frame.evaluate("node => node.scrollLeft") == scrolled
    expect(page.get_by_test_id("filter")).to_be_focused()
    page.keyboard.type("DEMO ")
    expect(page.get_by_test_id("filter")).to_have_value("DEMO propagation")
    expect(row(page, runs["done"]).get_by_role("checkbox")).to_be_checked()

    page.get_by_test_id("act-label").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Notes").fill("half a sen")
    page.wait_for_timeout(4000)
    page.keyboard.type("tence")
    expect(dialog.get_by_role("textbox", name="Notes")).to_have_value("half a sentence")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    stored = queries.run_by_id(app.home.database, runs["done"])
    assert stored is not None and not stored.notes, "what was not saved is not kept"
    page.get_by_test_id("act-label").click()
    expect(dialog.get_by_role("textbox", name="Notes")).to_have_value("")


MARK = "(tr) => { window.before = [tr, ...tr.querySelectorAll('*')]; }"
SAME = """(tr) => {
  const now = [tr, ...tr.querySelectorAll('*')];
  return now.length === window.before.length && now.every((node, index) => node === window.before[index]);
}"""


@pytest.fixture
def get_on(app: Served, runs: dict[str, int]) -> Iterator[Callable[[], str]]:
    """Lets the run that is under way get on when called; returns what its row then says."""
    home = app.home
    before = queries.run_by_id(home.database, runs["running"])
    assert before is not None

    def on() -> str:
        with writing(home.database) as session:
            run = session.get_one(Run, runs["running"])
            run.frames_done += 1
            run.frames_per_second = (run.frames_per_second or 0) + 1.5
            return f"{run.frames_per_second:.1f} frames/s"

    yield on
    with writing(home.database) as session:
        run = session.get_one(Run, before.id)
        run.frames_done, run.frames_per_second = before.frames_done, before.frames_per_second


@pytest.mark.parametrize("pinned", [False, True])
def test_a_running_row_shows_new_figures_in_the_nodes_that_it_has(
    app: Served, runs: dict[str, int], page: Page, get_on: Callable[[], str], pinned: bool
) -> None:
    page.goto(f"{app.url}?baseline={runs['running']}" if pinned else app.url)
    expect(cell(page, runs["running"], "state")).to_contain_text(get_on())
    rows = [row(page, runs[which]) for which in ("running", "done")]
    for one in rows:
        one.evaluate(MARK)
        # Another run's row is left alone, also where this one is its baseline.
        expect(cell(page, runs["running"], "state")).to_contain_text(get_on())
        assert one.evaluate(SAME)
    tick(page, runs["running"])
    expect(page.get_by_text("1 selected", exact=True)).to_be_visible()
    row(page, runs["running"]).get_by_role("checkbox").uncheck()
    tick(page, runs["done"])
    expect(page.get_by_text("1 selected", exact=True)).to_be_visible()


@pytest.mark.parametrize("pinned", [False, True])
@pytest.mark.parametrize("place", ["a", '[data-column="state"] .progress'])
def test_a_click_that_a_poll_comes_into_opens_the_run(
    app: Served, runs: dict[str, int], page: Page, get_on: Callable[[], str], place: str, pinned: bool
) -> None:
    page.goto(f"{app.url}?baseline={runs['running']}" if pinned else app.url)
    expect(cell(page, runs["running"], "state")).to_contain_text(get_on())
    row(page, runs["running"]).locator(place).hover()
    page.mouse.down()
    expect(cell(page, runs["running"], "state")).to_contain_text(get_on())
    page.mouse.up()
    expect(page).to_have_url(re.compile(rf"/run\?run={runs['running']}"))


def test_a_filter_list_that_is_open_gets_new_counts_and_stays(app: Served, runs: dict[str, int], page: Page) -> None:
    page.goto(app.url)
    states = page.get_by_test_id("state")
    cancelled = states.locator('option[value="cancelled"]')
    expect(cancelled).to_have_text("cancelled (1)")
    states.focus()
    states.evaluate("(list) => { window.before = [list, ...list.options]; }")
    columns = page.get_by_test_id("columns")
    columns.evaluate("(summary) => { window.columns = summary; }")
    set_state(app.home, runs["queued"], "cancelled")
    try:
        expect(cancelled).to_have_text("cancelled (2)")
        assert states.evaluate("(list) => list === window.before[0] && list.options[0] === window.before[1]")
        assert columns.evaluate("(summary) => summary === window.columns")
        expect(states).to_be_focused()
        states.select_option("cancelled")
        expect(page.get_by_test_id("table").first.get_by_test_id("row")).to_have_count(2)
        page.get_by_role("button", name="Show all").click()
        expect(states).to_have_value("")
        # The chosen option is the last one, and the list grows before it.
        states.select_option("running")
        set_state(app.home, runs["static"], "paused")
        expect(states.locator('option[value="paused"]')).to_have_text("paused (1)")
        expect(states).to_have_value("running")
    finally:
        set_state(app.home, runs["queued"], "queued")
        set_state(app.home, runs["static"], "done")
    expect(cancelled).to_have_text("cancelled (1)")
