"""The Runs page: its table's rows, the filter by ablation, the empty state."""

from __future__ import annotations

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from db import queries
from db.models import Run
from db.session import writing
from tests.pages.conftest import OpenPage, component_data, text_of
from ui.wording import DOT_TIPS
from vos_core.home import Home

SEVEN = ("jf_mean", "j_mean", "j_recall", "j_decay", "f_mean", "f_recall", "f_decay")


def rows(test: AppTest) -> dict[int, dict[str, Any]]:
    return {int(row["id"]): row["cells"] for row in component_data(test)["rows"]}


def test_empty_home_says_what_to_do_next(here: Home, open_page: OpenPage) -> None:
    test = open_page("runs.py")
    assert not test.exception
    assert "make demo" in text_of(test)
    assert "Launch an ablation" in json.dumps([str(element.proto) for element in test.get("page_link")])


def test_table_has_the_seven_official_columns_of_every_run(
    here: Home, runs: dict[str, int], open_page: OpenPage
) -> None:
    test = open_page("runs.py")
    assert not test.exception
    shown = rows(test)
    stored = {run.id: run for run in queries.runs(here.database) if run.score_kind == "official"}
    assert set(shown) == set(stored)
    for run_id, cells in shown.items():
        assert {name: cells[name] for name in SEVEN} == {name: getattr(stored[run_id], name) for name in SEVEN}
    assert shown[runs["done"]]["jf_mean"] > shown[runs["flow"]]["jf_mean"] > shown[runs["static"]]["jf_mean"]
    labels = [column["label"] for column in component_data(test)["columns"]]
    assert "J&F-Mean" in labels and labels.index("J-Recall") + 1 == labels.index("J-Decay")


@pytest.mark.parametrize(
    ("which", "state", "progress"),
    [
        ("done", "done", "3/3"),
        ("failed", "failed", "1/3"),
        ("cancelled", "cancelled", "0/3"),
        ("running", "running", "1/3"),
        ("queued", "queued", "0/3"),
        ("mose", "done", "1/1"),
    ],
)
def test_row_tells_state_and_progress(
    runs: dict[str, int], open_page: OpenPage, which: str, state: str, progress: str
) -> None:
    cells = rows(open_page("runs.py"))[runs[which]]
    assert (cells["state"], cells["progress"]["text"]) == (state, progress)


def test_filter_by_ablation_lives_in_the_address(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    mose = queries.run_by_id(here.database, runs["mose"])
    assert mose is not None
    test = open_page("runs.py", ablation=mose.ablation_id)
    assert set(rows(test)) == {runs["mose"]}
    test.selectbox[0].set_value("all").run()
    assert len(rows(test)) == 12
    assert test.query_params["ablation"] == "all"


def test_curve_is_drawn_only_where_there_is_one(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    assert "J&F against memory size" in [item.value for item in open_page("runs.py").subheader]
    mose = queries.run_by_id(here.database, runs["mose"])
    assert mose is not None
    assert not open_page("runs.py", ablation=mose.ablation_id).subheader


def test_figures_that_are_no_official_score_stand_apart_and_say_what_they_are(
    here: Home, runs: dict[str, int], open_page: OpenPage
) -> None:
    test = open_page("runs.py")
    others = component_data(test, 1)
    cells = {int(row["id"]): row["cells"] for row in others["rows"]}
    assert {runs[which]: cells[runs[which]]["meaning"] for which in ("agreement", "leaked")} == {
        runs["agreement"]: "agreement with sample_submission",
        runs["leaked"]: "prompted with its own annotations",
    }
    assert not set(rows(test)) & set(cells)
    assert "Not J&F" in [item.value for item in test.subheader]
    assert not [column for column in others["columns"] if column["label"].startswith(("J", "F-"))]
    for run_id, shown in cells.items():
        run = queries.run_by_id(here.database, run_id)
        assert run is not None and run.jf_mean is None and run.other_scores
        assert {name: shown[name] for name in SEVEN} == run.other_scores


def test_seconds_are_those_with_a_worker_on_the_run(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    shown = rows(open_page("runs.py"))
    for run in queries.runs(here.database):
        if run.id in shown:
            assert shown[run.id]["seconds"] == (run.active_s or None)


def test_published_scores_of_the_datasets_shown_stand_apart_with_source_and_reason(
    here: Home, runs: dict[str, int], open_page: OpenPage
) -> None:
    test = open_page("runs.py", ablation=mose_ablation(here, runs))
    (box,) = test.expander
    assert "Published scores" in box.label and not box.proto.expanded
    shown = [row["cells"] for row in component_data(test, 1)["rows"]]
    assert {row["dataset"].split(" vs")[0] for row in shown} == {"MOSE v1 valid"}
    assert all(row["source"] and row["kind"] for row in shown)
    agreement = [row for row in shown if row["agreement"] is not None]
    assert agreement and all(row["jf_mean"] is None and "not J&F" in row["why"] for row in agreement)


def mose_ablation(here: Home, runs: dict[str, int]) -> int:
    mose = queries.run_by_id(here.database, runs["mose"])
    assert mose is not None
    return mose.ablation_id


def test_columns_that_no_run_has_anything_for_are_not_there(runs: dict[str, int], open_page: OpenPage) -> None:
    keys = {column["key"] for column in component_data(open_page("runs.py"))["columns"]}
    assert not keys & {"verify", *DOT_TIPS}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"jf_mean": 0.8925}, "pass"),
        ({"jf_mean": 0.88}, "differs by -0.0138"),
        ({"jf_mean": 0.8925, "objects": 60}, "not comparable"),
    ],
)
def test_runs_with_published_figures_say_whether_they_reproduce_them(
    here: Home, runs: dict[str, int], open_page: OpenPage, changed: dict[str, float], told: str
) -> None:
    settings = {"dataset": "DAVIS", "model": "sam2_hiera_large", "memory_size": 7, "memory_mode": "naive"}
    with writing(here.database) as session:
        run = session.get_one(Run, runs["done"])
        for name, value in (settings | {"videos": 30, "videos_done": 30, "objects": 61} | changed).items():
            setattr(run, name, value)
    shown = rows(open_page("runs.py"))
    assert shown[runs["done"]]["verify"] == told
    assert {cells["verify"] for run_id, cells in shown.items() if run_id != runs["done"]} == {""}


def test_a_second_metric_has_columns_of_its_own(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    figures = {"J&F-dot": 0.61, "J-dot": 0.6, "F-dot": 0.62, "J&F-dot-d": None, "J&F-dot-r": None}
    before = rows(open_page("runs.py"))
    with writing(here.database) as session:
        session.get_one(Run, runs["done"]).dot_scores = figures
    test = open_page("runs.py")
    assert not test.exception
    shown = rows(test)
    assert {name: shown[runs["done"]][name] for name in DOT_TIPS} == figures
    assert {name: shown[runs["done"]][name] for name in SEVEN} == {name: before[runs["done"]][name] for name in SEVEN}
    assert not set(DOT_TIPS) & set(shown[runs["flow"]])
