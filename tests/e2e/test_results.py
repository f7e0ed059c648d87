"""The Results page in a browser: filter, sort, group, baseline, columns, selection, labels, archive, delete, links."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from db import queries
from db.labels import label_runs
from db.models import Run
from db.session import writing
from tests.e2e.conftest import Served, serve
from tests.e2e.leaderboard import cell, head, in_a_fresh_browser, row, set_state, shown, tick
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
    expect(page).to_have_url(re.compile(r"(?=.*show=name)(?=.*hide=f_decay)"))


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
    label_runs(app.home.database, [run_id], archived=False)  # a try before this one may have left it
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
