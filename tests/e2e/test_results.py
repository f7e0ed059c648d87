"""The Results page in a browser: filter, sort, group, baseline, columns, selection, labels, archive, delete, links."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from db import queries
from db.labels import label_runs
from db.models import Run
from db.session import writing
from tests.e2e.conftest import Served, serve
from tests.ui.seed import full_home, launch, write_dataset
from vos_core.home import Home
from vos_core.runs import Grid

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]

STRANGE = "<script>alert(\"1\")</script> 'ü' 猫"


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, dict[str, int]]]:
    """An app over runs in every state; none of them is worked on by a dispatcher."""
    home = Home.from_environment({}, cwd=tmp_path_factory.mktemp("results") / "home")
    ids = full_home(home)
    with writing(home.database) as session:
        # Nothing is to be begun in the background: these runs stand still.
        for which in ("running", "queued"):
            run = session.get_one(Run, ids[which])
            run.state = "paused"
            for task in run.tasks:
                task.state = "done" if task.state == "done" else "cancelled"
    with serve(home) as served:
        yield served, ids


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


def test_filter_sort_and_group_live_in_the_address(
    full: tuple[Served, dict[str, int]], page: Page, browser: Browser
) -> None:
    app, ids = full
    page.goto(app.url)
    everything = len(queries.runs(app.home.database))
    expect(page.get_by_text(f"{everything} runs", exact=True)).to_be_visible()

    # Words of any column, in any order.
    page.get_by_test_id("filter").fill("ablation PROPAGATION demo")
    expect(page.get_by_text(f"5 of {everything} runs")).to_be_visible()
    page.get_by_test_id("state").select_option("done")
    head(page, "Time s").click()
    scores = {run.id: run for run in queries.runs(app.home.database)}
    order = sorted(shown(page), key=lambda run_id: -scores[run_id].active_s)
    assert shown(page) == order and len(order) == 5
    head(page, "J&F-Mean").click()
    assert shown(page) == sorted(order, key=lambda run_id: -(scores[run_id].jf_mean or 0))
    expect(page).to_have_url(re.compile(r"q=ablation\+PROPAGATION\+demo&state=done&sort=-jf_mean"))
    best = shown(page)[0]
    expect(cell(page, best, "jf_mean")).to_have_class(re.compile("best"))

    page.get_by_test_id("group").select_option("model")
    expect(page.locator("tr.group")).to_have_text([re.compile("Propagation.*5 runs")])
    expect(page.locator("thead >> nth=0").get_by_role("button", name="Model")).to_have_count(0)
    page.wait_for_timeout(1500)  # the server has been told meanwhile, and has left the address as it is
    fresh = in_a_fresh_browser(browser, page.url)
    assert shown(fresh) == shown(page)
    expect(fresh.get_by_test_id("filter")).to_have_value("ablation PROPAGATION demo")
    expect(fresh.locator("tr.group")).to_have_count(1)
    fresh.context.close()

    # Folded by the keyboard; and everything again.
    page.locator("tr.group button").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("row")).to_have_count(0)
    page.locator("tr.group button").click()
    page.get_by_role("button", name="Show all").click()
    expect(page.get_by_text(f"{everything} runs", exact=True)).to_be_visible()
    assert ids["static"] in shown(page)

    page.get_by_test_id("filter").fill("no such run")
    expect(page.get_by_text("No run matches the filter.")).to_be_visible()


def test_a_pinned_baseline_gives_comparable_runs_their_differences(
    full: tuple[Served, dict[str, int]], page: Page, browser: Browser
) -> None:
    app, ids = full
    page.goto(app.url)
    row(page, ids["flow"]).get_by_role("button", name=f"Baseline: run {ids['flow']}").click()
    assert shown(page)[0] == ids["flow"], "it stays on top"
    runs = {run.id: run for run in queries.runs(app.home.database)}
    points = 100 * ((runs[ids["done"]].jf_mean or 0) - (runs[ids["flow"]].jf_mean or 0))
    assert points > 0.1
    expect(cell(page, ids["done"], "jf_mean").locator(".delta.better")).to_have_text(f"+{points:.1f}")
    expect(cell(page, ids["static"], "jf_mean").locator(".delta.worse")).to_have_text(re.compile("^−"))
    expect(cell(page, ids["flow"], "jf_mean").locator(".delta")).to_have_count(0)
    expect(cell(page, ids["mose"], "jf_mean").locator("small")).to_have_text("another dataset")
    expect(cell(page, ids["failed"], "jf_mean").locator("small")).to_have_text("no score yet")
    expect(cell(page, ids["agreement"], "jf_mean").locator("small")).to_have_text(re.compile("agreement with"))
    head(page, "J&F-Mean").click()
    assert shown(page)[0] == ids["flow"]

    page.get_by_test_id("differ").check()
    expect(head(page, "Model")).to_be_visible()
    page.get_by_test_id("dataset").select_option("demo val")
    expect(head(page, "Dataset")).to_have_count(0)
    page.wait_for_timeout(1500)
    fresh = in_a_fresh_browser(browser, page.url)
    expect(fresh.get_by_text(f"differences to #{ids['flow']}")).to_be_visible()
    assert shown(fresh) == shown(page)
    assert fresh.locator("thead >> nth=0").inner_text() == page.locator("thead >> nth=0").inner_text()
    fresh.context.close()
    page.get_by_role("button", name="Unpin", exact=True).click()
    expect(page.locator(".delta")).to_have_count(0)

    page.get_by_test_id("columns").click()
    page.get_by_test_id("column-name").check()
    expect(cell(page, ids["done"], "name")).to_have_text(runs[ids["done"]].name)
    page.get_by_test_id("column-f_decay").uncheck()
    expect(head(page, "F-Decay")).to_have_count(0)
    assert "show=name" in page.url and "hide=f_decay" in page.url


def test_seconds_of_runs_that_are_not_done_are_not_compared(full: tuple[Served, dict[str, int]], page: Page) -> None:
    app, ids = full
    for baseline, told in (("done", 1), ("failed", 0)):
        page.goto(f"{app.url}?baseline={ids[baseline]}")
        expect(page.get_by_text(f"differences to #{ids[baseline]}")).to_be_visible()
        for column in ("seconds", "fps"):
            expect(cell(page, ids["flow"], column).locator(".delta")).to_have_count(told)
            expect(cell(page, ids["failed"], column)).to_have_text(re.compile(r"^[\d.]+( s)?$"))


def test_a_baseline_whose_figures_are_no_jf_says_so(full: tuple[Served, dict[str, int]], page: Page) -> None:
    app, ids = full
    for baseline in ("agreement", "leaked"):
        page.goto(f"{app.url}?baseline={ids[baseline]}")
        why = cell(page, ids["done"], "jf_mean").locator("small")
        expect(why).to_have_text("other figures")
        expect(why).to_have_attribute("title", re.compile(f"baseline #{ids[baseline]} are no J&F"))


def test_ticked_runs_are_compared_and_inspected(full: tuple[Served, dict[str, int]], page: Page) -> None:
    app, ids = full
    page.goto(app.url)
    tick(page, ids["flow"])
    expect(page.get_by_test_id("act-compare")).to_be_disabled()
    row(page, ids["done"]).get_by_role("checkbox").focus()
    page.keyboard.press("Space")
    expect(page.get_by_text("2 selected")).to_be_visible()
    tick(page, ids["mose"])
    expect(page.get_by_test_id("act-inspect")).to_be_disabled()
    row(page, ids["mose"]).get_by_role("checkbox").uncheck()
    page.get_by_test_id("act-inspect").click()
    expect(page).to_have_url(re.compile(rf"/inspect\?run={ids['done']}&with={ids['flow']}"))
    page.go_back()
    tick(page, ids["flow"], ids["done"])
    page.get_by_test_id("act-compare").click()
    expect(page).to_have_url(re.compile(rf"/compare\?runs={ids['done']}(%2C|,){ids['flow']}"))
    page.go_back()
    row(page, ids["flow"]).locator("a").click()
    expect(page).to_have_url(re.compile(rf"/run\?run={ids['flow']}"))


def test_rename_tag_note_archive_and_bring_back(full: tuple[Served, dict[str, int]], page: Page) -> None:
    app, ids = full
    run_id = ids["static"]
    page.goto(app.url)
    tick(page, run_id)
    page.get_by_test_id("act-label").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Title").fill(STRANGE)
    dialog.get_by_role("textbox", name="Notes").fill("seen <b>twice</b>")
    tags = dialog.get_by_role("combobox")
    tags.fill("lower bound")
    tags.press("Enter")
    tags.press("Tab")  # the list closes: until then the rest of the box cannot be reached
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    expect(cell(page, run_id, "run")).to_contain_text(STRANGE)
    expect(cell(page, run_id, "run").locator(".tags")).to_have_text("lower bound")
    stored = queries.run_by_id(app.home.database, run_id)
    assert stored is not None
    assert (stored.title, stored.notes, stored.tags) == (STRANGE, "seen <b>twice</b>", ["lower bound"])
    page.get_by_test_id("filter").fill("twice BOUND 猫")
    expect(page.get_by_test_id("table").first.get_by_test_id("row")).to_have_count(1)
    page.get_by_role("button", name="Clear").click()
    page.get_by_role("button", name="Show all").click()

    tick(page, run_id)
    page.get_by_test_id("act-archive").click()
    expect(row(page, run_id)).to_have_count(0)
    page.get_by_test_id("archived").check()
    expect(cell(page, run_id, "run")).to_contain_text("archived")
    assert "archived=1" in page.url
    tick(page, run_id)
    page.get_by_test_id("act-unarchive").click()
    expect(cell(page, run_id, "run").locator(".away")).to_have_count(0)
    label_runs(app.home.database, [run_id], title="", notes="", remove_tags=["lower bound"])


def set_state(home: Home, run_id: int, state: str) -> None:
    """As after somebody else's wish; nothing is under way before and after."""
    with writing(home.database) as session:
        session.get_one(Run, run_id).state = state


def test_a_page_at_rest_shows_what_happens_elsewhere_and_leaves_the_reader_alone(
    full: tuple[Served, dict[str, int]], page: Page
) -> None:
    app, ids = full
    page.goto(app.url)
    tick(page, ids["flow"])
    expect(cell(page, ids["queued"], "state")).to_contain_text("paused")
    page.get_by_test_id("filter").press_sequentially("propagation")
    page.wait_for_timeout(1500)
    other = page.context.new_page()
    other.goto(f"{app.url}/run?run={ids['queued']}")
    expect(other.get_by_role("button", name="Resume")).to_be_visible()
    other.wait_for_timeout(1500)
    set_state(app.home, ids["queued"], "cancelled")
    try:
        expect(cell(page, ids["queued"], "state")).to_contain_text("cancelled", timeout=25_000)
        expect(page.get_by_test_id("filter")).to_be_focused()
        page.keyboard.type(" demo")
        expect(page.get_by_test_id("filter")).to_have_value("propagation demo")
        page.get_by_test_id("filter").fill("")
        expect(row(page, ids["flow"]).get_by_role("checkbox")).to_be_checked()
        expect(other.locator(".st-key-standing").get_by_text("cancelled")).to_be_visible(timeout=25_000)
    finally:
        set_state(app.home, ids["queued"], "paused")
        other.close()


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


def test_delete_asks_first(full: tuple[Served, dict[str, int]], page: Page) -> None:
    app, ids = full
    run_id = ids["cancelled"]
    page.goto(app.url)
    tick(page, run_id)
    page.get_by_test_id("act-delete").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Keep").click()
    expect(dialog).to_have_count(0)
    assert queries.run_by_id(app.home.database, run_id) is not None
    page.get_by_test_id("act-delete").click()
    dialog.get_by_role("button", name="Delete 1 run").click()
    expect(row(page, run_id)).to_have_count(0)
    assert queries.run_by_id(app.home.database, run_id) is None


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


def test_ticks_outlive_another_ablation_and_another_page(full: tuple[Served, dict[str, int]], page: Page) -> None:
    app, ids = full
    static = queries.run_by_id(app.home.database, ids["static"])
    failed = queries.run_by_id(app.home.database, ids["failed"])
    assert static is not None and failed is not None and static.ablation_id != failed.ablation_id
    page.goto(app.url)
    tick(page, ids["static"])
    page.get_by_test_id("ablation").select_option(str(failed.ablation_id))
    expect(row(page, ids["static"])).to_have_count(0)
    expect(page.get_by_text("1 selected (1 hidden by the filter)")).to_be_visible()
    tick(page, ids["failed"])
    expect(page.get_by_text("2 selected (1 hidden by the filter)")).to_be_visible()
    page.get_by_test_id("act-label").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("2 runs")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.get_by_test_id("act-inspect").click()
    expect(page).to_have_url(re.compile(rf"/inspect\?run={ids['failed']}&with={ids['static']}"))

    # Back, and they are ticked still; what was folded is.
    page.go_back()
    page.get_by_test_id("ablation").select_option("")
    expect(page.get_by_text("2 selected", exact=True)).to_be_visible()
    expect(row(page, ids["static"]).get_by_role("checkbox")).to_be_checked()
    page.get_by_test_id("group").select_option("dataset")
    page.locator("tr.group button").first.click()
    expect(page.locator("tr.group button").first).to_have_attribute("aria-expanded", "false")
    page.get_by_role("link", name="Queue").click()
    page.wait_for_url("**/queue")
    page.go_back()
    expect(page.locator("tr.group button").first).to_have_attribute("aria-expanded", "false")
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("2 selected")).to_have_count(0)


def test_runs_hidden_by_the_filter_are_put_away_and_deleted_with_the_rest(
    home: Home, served: Callable[[], Served], page: Page
) -> None:
    write_dataset(home.data / "demo", {"one": 4})
    place = (("demo", home.store(home.data / "demo"), "val"),)
    (here,) = launch(home, Grid(place, ("static",)), "this")
    (there,) = launch(home, Grid(place, ("flow",)), "that")
    for run_id in (here, there):
        set_state(home, run_id, "cancelled")
    app = served()
    known = {run.id: run.ablation_id for run in queries.runs(home.database)}
    page.goto(app.url)
    tick(page, there)
    page.get_by_test_id("ablation").select_option(str(known[here]))
    expect(row(page, there)).to_have_count(0)
    tick(page, here)
    page.get_by_test_id("act-archive").click()
    page.get_by_test_id("archived").check()
    expect(cell(page, here, "run")).to_contain_text("archived")
    expect(page.get_by_text("selected")).to_have_count(0)
    assert all(run.archived for run in queries.runs(home.database))
    tick(page, here)
    page.get_by_test_id("ablation").select_option(str(known[there]))
    tick(page, there)
    page.get_by_test_id("act-delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete 2 runs").click()
    expect(page.get_by_text("No runs yet")).to_be_visible()
    assert not queries.runs(home.database)
