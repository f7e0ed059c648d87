"""Figures and exports on the Results page: of which runs they are, and what they cost while nobody asks."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from streamlit.testing.v1 import AppTest

from db import queries
from db.models import Run
from db.session import writing
from tests.pages.conftest import OpenPage, text_of
from ui.navigation import ROOT
from ui.results.figures import _places
from vos_core.home import Home


def marked(test: AppTest) -> list[set[int]]:
    """Ids of the runs that are marks, of each figure of the page."""
    specs = [json.loads(chart.proto.spec) for chart in test.get("plotly_chart")]
    return [{ids[0] for trace in spec["data"] for ids in trace["customdata"] if ids} for spec in specs]


def titles(test: AppTest) -> list[str]:
    return [item.value for item in test.subheader if "against" in item.value]


def test_three_figures_of_the_finished_official_runs(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("results.py")
    assert titles(test) == ["J&F against memory size", "Seconds against memory size", "J&F against speed"]
    scored = {run.id for run in queries.runs(here.database) if run.jf_mean is not None}
    memory, seconds, speed = marked(test)
    assert memory == speed == scored
    assert seconds == scored
    assert not {runs["agreement"], runs["leaked"]} & (memory | seconds | speed)
    assert "Propagation" in text_of(test), "the legend"


def test_each_dataset_has_axes_of_its_own(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    with writing(here.database) as session:
        moved = session.get_one(Run, runs["done"])
        moved.dataset, moved.split = "mose", "train"
    test = open_page("results.py")
    memory, _seconds, _speed = marked(test)
    assert memory and runs["done"] not in memory
    test = open_page("results.py", figures="mose train")
    assert [runs["done"] in shown and len(shown) == 1 for shown in marked(test)] == [True, True]
    assert "· mose" not in text_of(test), "what is the same of all lines is not repeated in each"


def test_runs_without_a_figure_have_none(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    mose = queries.run_by_id(here.database, runs["mose"])
    assert mose is not None
    assert not open_page("results.py", ablation=mose.ablation_id).get("plotly_chart")


def test_a_new_score_is_a_new_figure_and_nothing_new_is_gathered_once(
    here: Home, runs: dict[str, int], open_page: OpenPage
) -> None:
    test = open_page("results.py")
    before = _places.cache_info()
    test.run()
    assert _places.cache_info().misses == before.misses
    with writing(here.database) as session:
        run = queries.run_by_id(here.database, runs["done"])
        assert run is not None
        run.jf_mean = 0.123
        session.merge(run)
    specs = [json.loads(chart.proto.spec) for chart in test.run().get("plotly_chart")]
    assert 0.123 in [y for trace in specs[0]["data"] for y in trace["y"]]


def test_nothing_is_drawn_before_it_comes_into_sight(
    here: Home, runs: dict[str, int], open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.parts.sight.seen", lambda _key: False)
    assert not open_page("results.py").get("plotly_chart")


def test_files_are_offered_only_once_the_menu_is_open(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    assert not open_page("results.py").get("download_button")


def test_importing_loads_no_figure_class_and_no_pandas() -> None:
    """Streamlit itself loads a shell of Plotly; its figure class is what takes long."""
    code = "import sys, ui.results.figures, ui.results.exports\n"
    code += "print([m for m in ('plotly.graph_objs._figure', 'pandas') if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
