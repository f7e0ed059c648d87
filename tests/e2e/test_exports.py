"""The Results page's files and figures in a browser: each download is what it says, a mark opens its run."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from db import queries
from db.schema import ensure
from tests.e2e.conftest import Served, serve, settle, wait_for
from tests.ui.seed import finish, launch, write_dataset
from vos_core.home import Home
from vos_core.runs import Grid

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]

FIGURES = ("J&F against memory size", "Seconds against memory size", "J&F against speed")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, list[int]]]:
    """An app over four finished runs: static, and propagation at memory sizes 1, 3 and 7."""
    home = Home.from_environment({}, cwd=tmp_path_factory.mktemp("exports") / "home")
    ensure(home.database)
    write_dataset(home.data / "demo", {"crossing": 12, "drifting": 8})
    grid = Grid((("demo", home.store(home.data / "demo"), "val"),), ("static", "propagation"), (1, 3, 7))
    ids = launch(home, grid, "demo ablation")
    for run_id, drift in zip(ids, (26, 15, 9, 5)):
        finish(home, run_id, drift=drift)
    with serve(home) as served:
        yield served, ids


def download(page: Page, label: str, place: int, folder: Path) -> tuple[str, str]:
    """Name and text of what the `place`th button of this label in the Export menu gives."""
    with page.expect_download() as waiting:
        page.get_by_test_id("stPopoverBody").get_by_role("button", name=label, exact=True).nth(place).click()
    name = waiting.value.suggested_filename
    waiting.value.save_as(folder / name)
    return name, (folder / name).read_text(encoding="utf-8")


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_every_export_and_an_offline_figure(
    made: tuple[Served, list[int]], page: Page, browser: Browser, tmp_path: Path
) -> None:
    app, _ = made
    page.goto(app.url)
    page.locator(".sight").scroll_into_view_if_needed()  # the figures are drawn then
    for title in FIGURES:
        expect(page.get_by_role("heading", name=title)).to_be_visible()
    page.get_by_role("button", name="Export").click()
    expect(page.get_by_text("Scores in percent")).to_be_visible()
    scores = {str(run.id): run.jf_mean for run in queries.runs(app.home.database)}

    name, text = download(page, "CSV", 0, tmp_path)
    assert name == "runs.csv"
    assert {row["Run"]: row["J&F-Mean"] for row in rows(text)} == {key: f"{jf:.3f}" for key, jf in scores.items()}
    best = max(jf for jf in scores.values() if jf is not None)
    name, text = download(page, "LaTeX", 0, tmp_path)
    assert name == "runs.tex" and f"\\textbf{{{best:.3f}}}" in text and "\\toprule" in text
    page.get_by_text("Scores in percent").click()
    expect(page.get_by_role("checkbox", name="Scores in percent")).to_be_checked()

    def in_percent() -> bool:  # the downloads are told of the choice by the server
        name, text = download(page, "Markdown", 0, tmp_path)
        return name == "runs.md" and f"**{100 * best:.1f}**" in text

    wait_for(in_percent, 45, "the table's best score is not in percent")

    for place, key in enumerate(("memory", "seconds", "speed")):
        name, text = download(page, "CSV", 1 + place, tmp_path)
        assert name == f"figure-{key}-demo-val.csv"
        assert {row["run"] for row in rows(text)} == set(scores)
        name, text = download(page, "HTML", place, tmp_path)
        assert name == f"figure-{key}-demo-val.html"
    name, text = download(page, "CSV", 4, tmp_path)
    assert name == "inference_times.csv" and len(rows(text)) == len(scores)

    offline = browser.new_context(offline=True)
    figure = offline.new_page()
    figure.goto((tmp_path / "figure-memory-demo-val.html").as_uri(), wait_until="commit")
    expect(figure.locator(".scatterlayer .trace")).to_have_count(2)
    offline.close()


def test_a_mark_opens_its_run_and_one_comes_back(made: tuple[Served, list[int]], page: Page) -> None:
    app, runs = made
    page.goto(app.url)
    expect(page.get_by_text("Export")).to_be_visible()
    page.locator(".sight").scroll_into_view_if_needed()  # the figures are drawn then
    mark = page.locator(".st-key-figure-memory .scatterlayer .trace .point").nth(1)
    expect(mark).to_be_attached()
    settle(page)  # the figure's width is taken by then: it is drawn anew for it
    mark.click(force=True)  # the layer that Plotly drags with lies above
    expect(page).to_have_url(f"{app.url}/run?run={runs[2]}")
    page.go_back()
    page.locator(".sight").scroll_into_view_if_needed()
    expect(page.get_by_role("heading", name=FIGURES[0])).to_be_visible()
    page.wait_for_timeout(2000)
    assert "/run" not in page.url, "the mark that was clicked does not open its run again"
