"""Hostile names on every page: a browser shows them as text, and nothing in them runs, loads or is typeset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from db.models import Run
from db.session import writing
from tests.e2e.conftest import Served, serve
from tests.ui.seed import fail, finish, launch, write_dataset
from ui.navigation import paths
from vos_core.home import Home
from vos_core.runs import Grid

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]

# File names hold no slash: those payloads do without.
VIDEO = '"><img src=x onerror=window.owned=1> $x^2$ <script>window.owned=1'
DATASET = "d'\"><svg onload=window.owned=1> `b`"
TEXTS = (
    "<script>window.owned=1</script>",
    '"><img src=x onerror="window.owned=1">',
    "'-window.owned=1-' ${window.owned=1} {{window.owned=1}}",
    "**bold** [link](javascript:window.owned=1) $\\frac{1}{2}$ :red[red] ![i](http://127.0.0.1:9/x.png)",
)
INSIDE = """() => ({
  owned: window.owned ?? null,
  loaded: document.querySelectorAll('img[src="x"], img[src*="127.0.0.1:9"], svg[onload], [onerror]').length,
  links: document.querySelectorAll('a[href^="javascript:"]').length,
  typeset: document.querySelectorAll('.katex').length
    + [...document.querySelectorAll('strong')].filter(part => part.textContent === 'bold').length,
  scripts: [...document.scripts].filter(script => script.textContent.includes('owned')).length,
})"""


@dataclass(frozen=True)
class Hostile:
    served: Served
    runs: list[int]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Hostile]:
    """Three runs of hostile names: two finished, one failed with a hostile sentence."""
    home = Home.from_environment({}, cwd=tmp_path_factory.mktemp("escaping") / "home")
    dataset = write_dataset(home.data / DATASET, {VIDEO: 10, "plain": 6})
    grid = Grid(((DATASET, home.store(dataset), "val"),), ("static", "flow", "propagation"), (1,))
    runs = launch(home, grid, TEXTS[1])
    for run_id, drift in zip(runs, (20, 8)):
        finish(home, run_id, drift=drift)
    fail(home, runs[2], " ".join(TEXTS))
    with writing(home.database) as session:
        for run_id in runs:
            run = session.get_one(Run, run_id)
            run.title, run.notes, run.tags = " ".join(TEXTS), "\n".join(TEXTS), [TEXTS[0], TEXTS[1], "$t$"]
    with serve(home) as served:
        yield Hostile(served, runs)


@pytest.mark.parametrize("path", paths())
def test_names_are_text(hostile: Hostile, page: Page, path: str) -> None:
    first, second, failed = hostile.runs
    more = {
        "": [""],
        "run": [f"?run={first}", f"?run={failed}"],
        "compare": [f"?runs={first},{second}"],
        "inspect": [f"?run={first}&with={second}&video=plain", f"?run={first}"],
        "failures": [f"?run={first}", f"?run={first}&other={second}"],
    }
    # What an address says is shown too, where it is wrong.
    wrong = f"?{urlencode({'run': TEXTS[1], 'runs': f'{TEXTS[0]},{TEXTS[3]}', 'video': VIDEO, 'kind': TEXTS[3]})}"
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: dialog.dismiss())
    for query in [*more.get(path, [""]), wrong]:
        page.goto(f"{hostile.served.url}/{path}{query}")
        expect(page.locator(".vl-head h1")).to_be_visible()
        expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
        page.wait_for_timeout(600)  # what runs late, runs
        expect(page.get_by_test_id("stException")).to_have_count(0)
        found = page.evaluate(INSIDE)
        assert found == {"owned": None, "loaded": 0, "links": 0, "typeset": 0, "scripts": 0}, query
    assert not [url for url in asked if url.endswith("/x") or "127.0.0.1:9/" in url]


def test_the_names_are_seen(hostile: Hostile, page: Page) -> None:
    """So that the test above looks at something."""
    page.goto(f"{hostile.served.url}/run?run={hostile.runs[0]}")
    expect(page.get_by_text("<script>window.owned=1</script>").first).to_be_attached()
    expect(page.get_by_text("onerror=window.owned=1>").first).to_be_attached()
