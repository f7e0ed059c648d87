"""The Results page: the leaderboard's rows, what the address asks for, the empty state."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from db import queries
from db.intents import ask
from db.labels import label_runs
from db.models import Run
from db.session import writing
from db.states import IntentKind
from tests.db.test_queries import statements
from tests.pages.conftest import OpenPage, component_data, table_called, text_of
from tests.ui.seed import STRANGE, launch, write_dataset
from ui.results import overview
from ui.results.board import Asked, BoardState
from ui.wording import DOT_TIPS
from vos_core.home import Home
from vos_core.runs import Grid

SEVEN = ("jf_mean", "j_mean", "j_recall", "j_decay", "f_mean", "f_recall", "f_decay")


def rows(test: AppTest) -> dict[int, dict[str, Any]]:
    return {int(row["id"]): row["cells"] for row in component_data(test)["rows"]}


def test_empty_home_says_what_to_do_next(here: Home, open_page: OpenPage) -> None:
    test = open_page("results.py")
    assert not test.exception
    assert "make demo" in text_of(test)
    assert "Launch an ablation" in json.dumps([str(element.proto) for element in test.get("page_link")])


def test_empty_home_generates_the_demo_set_and_leads_to_its_ablation(
    here: Home, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr("vos_core.downloads.background.start", lambda home, names: started.append(names))
    test = open_page("results.py")
    test.button(key="fetch-demo").click().run()
    assert started == [["demo"]]
    write_dataset(here.data / "demo", {"one": 6})
    test.run()
    assert not test.exception and "fetch-demo" not in [button.key for button in test.button]
    assert "Launch the demo ablation" in json.dumps([str(element.proto) for element in test.get("page_link")])


def delete_all(home: Home) -> None:
    """As the dispatcher does; their ablations stay."""
    with writing(home.database) as session:
        for run in session.scalars(select(Run)):
            session.delete(run)


@pytest.mark.parametrize("query", [{}, {"ablation": 1}, {"archived": 1}], ids=str)
def test_when_all_runs_are_deleted_the_page_says_what_to_do_next(
    here: Home, runs: dict[str, int], open_page: OpenPage, query: dict[str, object]
) -> None:
    test = open_page("results.py", **query)
    delete_all(here)
    for page in (test.run(), open_page("results.py", **query)):
        assert not page.exception
        assert "make demo" in text_of(page) and "you launched" not in text_of(page)
        assert "Launch an ablation" in json.dumps([str(element.proto) for element in page.get("page_link")])
        assert not page.get("plotly_chart")


def test_after_the_last_run_only_what_was_launched_meanwhile_is_awaited(
    here: Home, runs: dict[str, int], open_page: OpenPage
) -> None:
    test = open_page("results.py")
    delete_all(here)
    ask(here.database, IntentKind.LAUNCH, {})
    test.run()
    assert not test.exception
    assert "about to queue what you launched" in text_of(test)
    assert not test.get("plotly_chart"), "of runs that are gone"
    assert test.session_state["results-shown"] == []


def test_two_datasets_of_one_name_are_told_apart(here: Home, open_page: OpenPage) -> None:
    roots = [write_dataset(folder / "demo", {"one": 4}) for folder in (here.data, here.root / "mine")]
    for root in roots:
        launch(here, Grid((("demo", here.store(root), "val"),), ("static",)))
    shown = [cells["dataset"] for cells in rows(open_page("results.py")).values()]
    assert sorted(shown) == sorted(["demo val (data/demo)", "demo val (root/mine/demo)"])


def test_table_has_the_seven_official_columns_of_every_run(
    here: Home, runs: dict[str, int], open_page: OpenPage
) -> None:
    test = open_page("results.py")
    assert not test.exception
    shown = rows(test)
    stored = {run.id: run for run in queries.runs(here.database)}
    assert set(shown) == set(stored)
    for run_id, cells in shown.items():
        assert {name: cells[name] for name in SEVEN} == {name: getattr(stored[run_id], name) for name in SEVEN}
    assert shown[runs["done"]]["jf_mean"] > shown[runs["flow"]]["jf_mean"] > shown[runs["static"]]["jf_mean"]
    labels = [column["label"] for column in component_data(test)["columns"]]
    assert "J&F-Mean" in labels and labels.index("J-Recall") + 1 == labels.index("J-Decay")


@pytest.mark.parametrize(
    ("which", "state", "share", "detail"),
    [
        ("done", "done", None, ""),
        ("failed", "failed", None, "1/3 videos"),
        ("cancelled", "cancelled", None, "0/3 videos"),
        ("running", "running", (24 + 8) / 52, "1/3 videos"),
        ("queued", "queued", None, ""),
        ("mose", "done", None, ""),
    ],
)
def test_row_tells_state_and_progress(
    runs: dict[str, int], open_page: OpenPage, which: str, state: str, share: float | None, detail: str
) -> None:
    cell = rows(open_page("results.py"))[runs[which]]["state"]
    assert (cell["state"], cell["share"], cell["detail"]) == (state, pytest.approx(share), detail)


def test_a_running_row_tells_frames_a_second_and_time_left(
    here: Home, runs: dict[str, int], open_page: OpenPage
) -> None:
    with writing(here.database) as session:
        run = session.get_one(Run, runs["running"])
        run.frames_per_second, run.seconds_left = 3.14, 95.0
    cell = rows(open_page("results.py"))[runs["running"]]["state"]
    assert cell["detail"].splitlines() == ["3.1 frames/s", "95.0 s left"]


def test_the_address_narrows_to_an_ablation_and_keeps_the_baseline(
    here: Home, runs: dict[str, int], open_page: OpenPage
) -> None:
    test = open_page("results.py", ablation=mose_ablation(here, runs), baseline=runs["done"])
    data = component_data(test)
    assert {int(row["id"]): row["guest"] for row in data["rows"]} == {runs["mose"]: False, runs["done"]: True}
    assert len(data["ablations"]) == len(queries.ablations(here.database))
    assert "J&F against memory size" not in [item.value for item in test.subheader], "a guest is no run shown"


def test_archived_runs_are_listed_only_when_asked_for(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    label_runs(here.database, [runs["flow"]], archived=True)
    test = open_page("results.py")
    assert runs["flow"] not in rows(test) and component_data(test)["archived"] == 1
    cells = rows(open_page("results.py", archived=1))[runs["flow"]]
    assert cells["run"]["archived"] is True


def test_labels_are_shown_and_searched(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    label_runs(here.database, [runs["flow"]], title=STRANGE, notes="Seen TWICE", add_tags=["Paper"])
    data = component_data(open_page("results.py"))
    (row,) = [row for row in data["rows"] if row["id"] == str(runs["flow"])]
    assert (row["cells"]["run"]["title"], row["cells"]["run"]["tags"]) == (STRANGE, ["Paper"])
    for word in (STRANGE.lower(), "seen twice", "paper", "flow", "demo val", "done", "demo_flow", f"#{runs['flow']}"):
        assert word in row["search"]


def test_only_runs_over_the_same_videos_are_compared(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    with writing(here.database) as session:
        run = session.get_one(Run, runs["static"])
        run.settings = {**run.settings, "videos": ["crossing"]}
    data = component_data(open_page("results.py"))
    peers = {int(row["id"]): row["peers"] for row in data["rows"]}
    assert peers[runs["done"]] == peers[runs["flow"]] != ""
    assert len({peers[runs[which]] for which in ("done", "static", "mose")}) == 3
    assert peers[runs["agreement"]] == peers[runs["leaked"]] == "", "no J&F"


@pytest.mark.parametrize(
    ("provenance", "told"),
    [
        ({"gpus": {"0": "NVIDIA H100 80GB HBM3", "1": "NVIDIA H100 80GB HBM3"}}, "2 x H100"),
        ({"gpus": {"0": "NVIDIA GeForce RTX 4090"}}, "1 x RTX 4090"),
        ({"gpus": {"0": "NVIDIA L4", "1": "NVIDIA A100-SXM4-40GB"}}, "1 x L4 + 1 x A100-SXM4-40GB"),
        ({"devices": ["Some CPU"]}, "CPU"),
    ],
)
def test_gpus_are_counted_and_speed_is_that_of_the_whole_run(
    here: Home, runs: dict[str, int], open_page: OpenPage, provenance: dict[str, Any], told: str
) -> None:
    with writing(here.database) as session:
        run = session.get_one(Run, runs["done"])
        run.provenance, run.busy_s = provenance, 8.0
        speed = run.frames_done / run.active_s
    cells = rows(open_page("results.py"))[runs["done"]]
    assert (cells["gpus"], cells["fps"]) == (told, pytest.approx(speed))
    assert rows(open_page("results.py"))[runs["queued"]]["fps"] is None


def test_a_poll_is_few_statements_however_many_runs_there_are(
    here: Home, runs: dict[str, int], open_page: OpenPage
) -> None:
    test = open_page("results.py")
    sent = statements(here.database)
    test.run()
    assert len(sent) <= 14, sent
    assert not [text for text in sent if "frame_score" in text or "object_score" in text]


def test_figures_that_are_no_official_score_stand_apart_and_say_what_they_are(
    here: Home, runs: dict[str, int], open_page: OpenPage
) -> None:
    test = open_page("results.py")
    others = table_called(test, "Runs whose figures are no J&F")
    cells = {int(row["id"]): row["cells"] for row in others["rows"]}
    assert {runs[which]: cells[runs[which]]["meaning"] for which in ("agreement", "leaked")} == {
        runs["agreement"]: "agreement with sample_submission",
        runs["leaked"]: "prompted with its own annotations",
    }
    board = rows(test)
    assert all(board[run_id][name] is None for run_id in cells for name in SEVEN)
    assert "Not J&F" in [item.value for item in test.subheader]
    assert not [column for column in others["columns"] if column["label"].startswith(("J", "F-"))]
    for run_id, shown in cells.items():
        run = queries.run_by_id(here.database, run_id)
        assert run is not None and run.jf_mean is None and run.other_scores
        assert {name: shown[name] for name in SEVEN} == run.other_scores


def test_seconds_are_those_with_a_worker_on_the_run(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    shown = rows(open_page("results.py"))
    for run in queries.runs(here.database):
        if run.id in shown:
            assert shown[run.id]["seconds"] == (run.active_s or None)


def test_published_scores_of_the_datasets_shown_stand_apart_with_source_and_reason(
    here: Home, runs: dict[str, int], open_page: OpenPage
) -> None:
    test = open_page("results.py", ablation=mose_ablation(here, runs))
    (box,) = test.expander
    assert "Published scores" in box.label and not box.proto.expanded
    shown = [row["cells"] for row in table_called(test, "Published")["rows"]]
    assert {row["dataset"].split(" vs")[0] for row in shown} == {"MOSE v1 valid"}
    assert all(row["source"] and row["kind"] for row in shown)
    agreement = [row for row in shown if row["agreement"] is not None]
    assert agreement and all(row["jf_mean"] is None and "not J&F" in row["why"] for row in agreement)


def mose_ablation(here: Home, runs: dict[str, int]) -> int:
    mose = queries.run_by_id(here.database, runs["mose"])
    assert mose is not None
    return mose.ablation_id


def test_columns_that_no_run_has_anything_for_are_not_there(runs: dict[str, int], open_page: OpenPage) -> None:
    keys = {column["key"] for column in component_data(open_page("results.py"))["columns"]}
    assert not keys & {"verify", *DOT_TIPS}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"jf_mean": 0.8925}, "pass"),
        ({"jf_mean": 0.88}, "differs by \N{MINUS SIGN}0.0138"),
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
    shown = rows(open_page("results.py"))
    assert shown[runs["done"]]["verify"] == told
    assert {cells["verify"] for run_id, cells in shown.items() if run_id != runs["done"]} == {""}


def test_a_second_metric_has_columns_of_its_own(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    figures = {"J&F-dot": 0.61, "J-dot": 0.6, "F-dot": 0.62, "J&F-dot-d": None, "J&F-dot-r": None}
    before = rows(open_page("results.py"))
    with writing(here.database) as session:
        session.get_one(Run, runs["done"]).dot_scores = figures
    test = open_page("results.py")
    assert not test.exception
    shown = rows(test)
    assert {name: shown[runs["done"]][name] for name in DOT_TIPS} == figures
    assert {name: shown[runs["done"]][name] for name in SEVEN} == {name: before[runs["done"]][name] for name in SEVEN}
    assert not set(DOT_TIPS) & set(shown[runs["flow"]])


def test_why_runs_were_not_put_away_stays_until_something_else_is_asked_for(
    here: Home, runs: dict[str, int], open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [Asked("archive", (runs["done"], 999))]
    monkeypatch.setattr(overview, "board", lambda *_, **__: BoardState(None, asked.pop() if asked else None))
    test = open_page("results.py")
    for _ in range(3):  # it polls
        (error,) = test.error
        assert "999" in error.value
        test.run()
    run = queries.run_by_id(here.database, runs["done"])
    assert run is not None and not run.archived, "all of them or none"
    asked.append(Asked("archive", (runs["done"],)))
    test.run()
    assert not test.error
    run = queries.run_by_id(here.database, runs["done"])
    assert run is not None and run.archived
