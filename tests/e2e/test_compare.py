"""The Compare page in a browser: choosing runs, and from a bar or a cell to the frame that explains it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from db.comparisons import frame_means
from tests.e2e.conftest import Served, query, settle
from tests.e2e.held import Held
from tests.e2e.player_app import IDS
from tests.ui.seed import STRANGE, finish, launch, write_dataset
from vos_core.analysis.lineup import lowest, widest_gap
from vos_core.home import Home
from vos_core.runs import Grid

FOCUSED = """() => {
  let node = document.activeElement;
  while (node.shadowRoot) node = node.shadowRoot.activeElement;
  return [node.dataset.cell, node.closest("tr").sectionRowIndex];
}"""

WATCH = """table => {
  window.turned = [];
  const watch = new MutationObserver(() => window.turned.push(table.querySelector("[aria-sort]")?.ariaSort ?? "none"));
  watch.observe(table, { subtree: true, attributeFilter: ["aria-sort"] });
}"""

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]


def runs_of(page: Page) -> str:
    return query(page).get("runs", "")


def test_a_cell_opens_its_runs_worst_frame_with_all_runs(app: Served, page: Page) -> None:
    ids = [IDS["flow"], IDS["static"], IDS["done"]]
    page.goto(f"{app.url}/compare?runs={','.join(map(str, ids))}")
    rows = page.get_by_test_id("heat-row")
    expect(rows).to_have_count(3)
    page.locator(f'[data-testid="heat-row"]:has-text("{STRANGE[:12]}") a[data-cell="1"]').click()
    page.wait_for_url("**/inspect?**")
    means = frame_means(app.home.database, ids, STRANGE)
    wanted = {
        "run": str(ids[0]),
        "with": f"{ids[1]},{ids[2]}",
        "video": STRANGE,
        "frame": str(lowest(means[ids[1]])),
    }
    assert {key: value for key, value in query(page).items() if key in wanted} == wanted
    page.go_back()
    expect(rows).to_have_count(3)
    assert runs_of(page) == ",".join(map(str, ids))


@pytest.mark.parametrize("of", [None, 1])
def test_a_video_whose_name_has_a_colon_is_opened(
    home: Home, served: Callable[[], Served], page: Page, of: int | None
) -> None:
    write_dataset(home.data / "demo", {"cam:01": 12})
    ids = launch(home, Grid((("demo", home.store(home.data / "demo"), "val"),), ("static", "flow")))
    for run_id, drift in zip(ids, (20, 8)):
        finish(home, run_id, drift=drift)
    page.goto(f"{served().url}/compare?runs={ids[0]},{ids[1]}")
    row = page.get_by_test_id("heat-row")
    (row.locator("th a") if of is None else row.locator(f'a[data-cell="{of}"]')).click()
    page.wait_for_url("**/inspect?**")
    means = frame_means(home.database, ids, "cam:01")
    frame = widest_gap([means[run_id] for run_id in ids]) if of is None else lowest(means[ids[of]])
    found = query(page)
    assert (found["run"], found["with"], found["video"], found["frame"]) == (
        str(ids[0]),
        str(ids[1]),
        "cam:01",
        str(frame),
    )


def test_a_bar_opens_where_the_runs_differ_most(app: Served, page: Page) -> None:
    ids = [IDS["static"], IDS["done"]]
    page.goto(f"{app.url}/compare?runs={ids[0]},{ids[1]}")
    bars = page.get_by_test_id("bar")
    expect(bars).to_have_count(3)
    video = bars.first.get_attribute("data-id")
    assert video
    bars.first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/inspect?**")
    means = frame_means(app.home.database, ids, video)
    found = query(page)
    assert (found["run"], found["with"], found["video"]) == (str(ids[0]), str(ids[1]), video)
    assert int(found["frame"]) == widest_gap([means[run_id] for run_id in ids])


def test_runs_are_chosen_and_a_fresh_browser_sees_the_same(app: Served, page: Page, browser: Browser) -> None:
    page.goto(f"{app.url}/compare?runs={IDS['static']},{IDS['done']}")
    expect(page.get_by_test_id("bar")).to_have_count(3)
    page.get_by_role("button", name="Swap A and B").click()
    page.wait_for_url(f"**runs={IDS['done']}%2C{IDS['static']}")
    # The address comes before the rest of the answer, which sets the field anew.
    settle(page)
    field = page.get_by_role("combobox").first
    field.click()
    field.type(f"#{IDS['flow']} ")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**runs={IDS['done']}%2C{IDS['static']}%2C{IDS['flow']}**")
    page.keyboard.press("Escape")
    page.get_by_role("radio", name="C − A", exact=True).click()
    page.wait_for_url(f"**pair={IDS['flow']}**")
    page.get_by_role("radio", name="Points over A", exact=True).click()
    page.wait_for_url("**colour=difference**")
    page.get_by_role("radio", name="Attributes", exact=True).click()
    page.wait_for_url("**view=attributes**")
    expect(page.get_by_test_id("heat")).to_have_count(2)

    def seen(window: Page) -> list[str]:
        expect(window.get_by_test_id("heat")).to_have_count(2)
        expect(window.get_by_test_id("bar")).to_have_count(3)
        tables = window.get_by_test_id("heat").all_inner_texts()
        return [*tables, *(bar.get_attribute("title") or "" for bar in window.get_by_test_id("bar").all())]

    other = browser.new_context().new_page()
    try:
        other.goto(page.url)
        assert seen(other) == seen(page)
    finally:
        other.context.close()


def test_sorting_and_arrow_keys_stay_in_the_browser(app: Served, page: Page) -> None:
    page.goto(f"{app.url}/compare?runs={IDS['static']},{IDS['done']}")
    heat = page.get_by_test_id("heat").first
    rows = heat.get_by_test_id("heat-row")
    expect(rows).to_have_count(3)
    settle(page)
    entries = page.evaluate("history.length")
    heat.locator('[data-focus="sort-1"]').click()
    values = [float(text.strip()) for text in heat.locator('a[data-cell="1"]').all_inner_texts()]
    assert values == sorted(values) and len(set(values)) == 3
    expect(heat.locator("th[aria-sort=ascending]")).to_contain_text("B")
    # By keyboard too; what the server says to it takes the focus from nothing.
    heat.locator('[data-focus="sort-1"]').press("Enter")
    expect(heat.locator("th[aria-sort=descending]")).to_contain_text("B")
    expect(heat).not_to_have_attribute("aria-busy", "true")  # answered
    expect(heat.locator('[data-focus="sort-1"]')).to_be_focused()
    page.keyboard.press("Enter")
    expect(heat.locator("th[aria-sort]")).to_have_count(0)
    expect(heat).not_to_have_attribute("aria-busy", "true")
    expect(heat.locator('[data-focus="sort-1"]')).to_be_focused()
    for _ in range(4):  # faster than they are answered
        page.keyboard.press("Enter")
    expect(heat.locator("th[aria-sort=ascending]")).to_contain_text("B")
    heat.locator('a[data-cell="1"]').first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    place = page.evaluate(FOCUSED)
    assert place == ["0", 1]
    expect(heat).not_to_have_attribute("aria-busy", "true")
    page.wait_for_url("**order=1**")
    settle(page)
    assert page.evaluate("history.length") == entries, "an order is no entry of the browser's history"
    order = rows.evaluate_all("rows => rows.map((row) => row.dataset.id)")
    page.reload()
    expect(rows).to_have_count(3)
    assert rows.evaluate_all("rows => rows.map((row) => row.dataset.id)") == order
    expect(heat.locator("th[aria-sort=ascending]")).to_contain_text("B")


def test_answers_to_earlier_presses_turn_nothing_over(app: Served, page: Page) -> None:
    lines: list[Held] = []
    page.route_web_socket("**/_stcore/stream", lambda line: lines.append(Held(line)))
    page.goto(f"{app.url}/compare?runs={IDS['static']},{IDS['done']}")
    heat = page.get_by_test_id("heat").first
    expect(heat.get_by_test_id("heat-row")).to_have_count(3)
    settle(page)
    line = lines[-1]
    line.held = True
    for _ in range(4):  # upwards, downwards, as it was, upwards
        before = line.asked
        heat.locator('[data-focus="sort-1"]').click()
        while line.asked == before:
            page.wait_for_timeout(50)
        page.wait_for_timeout(700)  # the server answers; the browser does not hear it
    heat.evaluate(WATCH)
    # However slowly they are said: none is one that is no longer waited for.
    page.evaluate("Object.defineProperty(performance, 'timeOrigin', { value: performance.timeOrigin - 600000 })")
    for message in line.take():
        line.say(message)
        page.wait_for_timeout(10)  # each answer is drawn by itself
    line.release()
    expect(heat).not_to_have_attribute("aria-busy", "true")
    expect(heat.locator("th[aria-sort=ascending]")).to_contain_text("B")
    assert page.evaluate("window.turned") == []


@pytest.mark.parametrize(
    "what, choice, part",
    [
        ('[data-testid="heat"] [data-focus="sort-1"]', "Points over A", "colour=difference"),
        ('[data-testid="heat-row"] a[data-cell="1"]', "Points over A", "colour=difference"),
        ('[data-testid="bar"][data-id="crossing"]', "C − A", "pair="),
    ],
    ids=["head", "cell", "bar"],
)
def test_what_is_pressed_while_an_answer_comes_stays_pressed(
    app: Served, page: Page, what: str, choice: str, part: str
) -> None:
    page.goto(f"{app.url}/compare?runs={IDS['static']},{IDS['flow']},{IDS['done']}&order=-1")
    heat = page.get_by_test_id("heat").first
    expect(heat.locator("th[aria-sort=descending]")).to_contain_text("B")
    pressed = page.locator(what).first
    before = pressed.evaluate("node => node.closest('tr')?.outerHTML ?? node.outerHTML")
    pressed.hover()
    page.mouse.down()
    page.get_by_role("radio", name=choice, exact=True).evaluate("choice => choice.click()")
    page.wait_for_url(f"**{part}**")
    settle(page)
    if "sort" not in what:  # it is drawn otherwise by now
        assert pressed.evaluate("node => node.closest('tr')?.outerHTML ?? node.outerHTML") != before
    page.mouse.up()
    if "sort" in what:
        expect(heat.locator("th[aria-sort]")).to_have_count(0)
        page.wait_for_url(lambda url: "order=" not in url)
    else:
        page.wait_for_url("**/inspect?**")


def test_an_order_outlives_another_choice_and_a_reload(app: Served, page: Page) -> None:
    ids = [IDS["static"], IDS["flow"], IDS["done"]]
    page.goto(f"{app.url}/compare?runs={','.join(map(str, ids))}")
    heat = page.get_by_test_id("heat").first
    descending = heat.locator("th[aria-sort=descending]")
    heat.locator('[data-focus="sort-1"]').click()
    heat.locator('[data-focus="sort-1"]').click()
    expect(descending).to_contain_text("B")
    page.get_by_role("radio", name="Points over A", exact=True).click()
    page.wait_for_url("**colour=difference**")
    expect(heat.locator('a[data-cell="1"]').first).to_have_text(re.compile("^[+−]"))
    expect(descending).to_contain_text("B")
    page.wait_for_url("**order=-1**")
    page.get_by_role("radio", name="Attributes", exact=True).click()
    page.wait_for_url("**view=attributes**")
    attributes = page.get_by_test_id("heat").nth(1)
    attributes.locator('[data-focus="sort-last"]').click()
    page.get_by_role("radio", name="J&F", exact=True).click()
    page.wait_for_url(lambda url: "colour=" not in url)
    found = query(page)
    assert (found["order"], found["attribute-order"]) == ("-1", "-last")
    page.reload()
    expect(descending).to_contain_text("B")
    expect(attributes.locator("th[aria-sort=descending]")).to_contain_text("Spread")
    assert query(page) == found

    # Taken back as it was chosen, and Back leads to the order that was there then.
    heat.locator('[data-focus="sort-0"]').click()
    expect(heat.locator("th[aria-sort=ascending]")).to_contain_text("A")
    page.get_by_role("radio", name="Points over A", exact=True).click()
    page.wait_for_url("**colour=difference**")
    expect(heat.locator('a[data-cell="1"]').first).to_have_text(re.compile("^[+−]"))
    expect(heat).not_to_have_attribute("aria-busy", "true")
    before = page.evaluate("history.length")
    for _ in range(2):
        heat.locator('[data-focus="sort-0"]').click()
        expect(heat).not_to_have_attribute("aria-busy", "true")  # answered
    expect(heat.locator("th[aria-sort]")).to_have_count(0)
    assert "&order=" not in page.url
    assert page.evaluate("history.length") == before, "sorting is no place to go back to"
    page.go_back()
    page.wait_for_url(lambda url: "colour=" not in url)
    expect(heat.locator("th[aria-sort=ascending]")).to_contain_text("A")
    assert query(page)["order"] == "0"
