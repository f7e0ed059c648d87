"""The Compare page: what it says of 2 to 8 runs, what it leaves out and why, and where its marks lead."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from db import queries
from tests.pages.conftest import OpenPage, table_called, text_of
from tests.ui.seed import STRANGE
from ui.theme import plain
from ui.wording import distinctions
from vos_core.analysis.bootstrap import paired_difference
from vos_core.analysis.lineup import Lineup, line_up
from vos_core.home import Home


def found(here: Home, *ids: int) -> Lineup:
    rows = queries.object_rows_of(here.database, ids)
    return line_up([rows[run_id] for run_id in ids])


def name(here: Home, run_id: int) -> str:
    run = queries.run_by_id(here.database, run_id)
    assert run is not None
    title = {"static": "Static", "flow": "Flow", "propagation": "Propagation"}[run.model]
    return f"#{run_id} {title}, {f'N = {run.memory_size}' if run.memory_size else 'no memory'}"


def opened(here: Home, open_page: OpenPage, *ids: int, **query: object) -> AppTest:
    test = open_page("compare.py", runs=",".join(map(str, ids)), **query)
    assert not test.exception
    return test


def test_without_two_scored_runs_it_says_what_to_do(here: Home, open_page: OpenPage) -> None:
    test = open_page("compare.py")
    assert not test.exception
    assert "Nothing to compare yet" in text_of(test)


@pytest.mark.parametrize(("first", "second"), [("static", "done"), ("done", "static")])
def test_two_runs_which_is_better_how_sure_and_over_what(
    here: Home, runs: dict[str, int], open_page: OpenPage, first: str, second: str
) -> None:
    a, b = runs[first], runs[second]
    test = opened(here, open_page, a, b)
    expected, who = found(here, a, b), (name(here, a), name(here, b))
    text = text_of(test)
    assert plain(paired_difference(expected.pairs[0]).sentence(who)) in text
    assert f"{plain(name(here, runs['done']))} is ahead by" in text
    assert plain(expected.scope(who)) in text
    rows = table_called(test, "The runs that are compared")["rows"]
    assert [row["id"] for row in rows] == [str(a), str(b)]
    assert [row["cells"]["jf_mean"] for row in rows] == list(expected.means)
    assert rows[0]["cells"].get("over") is None
    assert rows[1]["cells"]["over"] == pytest.approx(100 * (expected.means[1] - expected.means[0]))


def test_figures_over_all_objects_are_the_official_ones(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    rows = table_called(opened(here, open_page, runs["static"], runs["done"]), "The runs that are compared")["rows"]
    for row, which in zip(rows, ("static", "done")):
        run = queries.run_by_id(here.database, runs[which])
        for key in ("jf_mean", "j_mean", "j_recall", "j_decay", "f_mean", "f_recall", "f_decay"):
            assert row["cells"][key] == pytest.approx(getattr(run, key)), key


def test_only_settings_that_differ_are_columns(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    def columns(*ids: int) -> list[str]:
        data = table_called(opened(here, open_page, *ids), "The runs that are compared")
        return [column["label"] for column in data["columns"] if column["key"].startswith("setting-")]

    assert columns(runs["done"], runs["done"] - 1) == ["Memory"]
    assert columns(runs["done"], runs["flow"]) == ["Model", "Memory"]


def test_the_best_of_four_is_held_against_the_next_where_it_is_a_itself(
    here: Home, runs: dict[str, int], open_page: OpenPage
) -> None:
    ids = (runs["done"], runs["static"], runs["done"] - 1, runs["flow"])
    means = found(here, *ids).means
    assert sorted(means, reverse=True)[:2] == [means[0], means[2]]
    told = text_of(opened(here, open_page, *ids))
    assert plain("Against the next, C: ") in told


def test_an_option_that_the_others_lack_is_named_only_where_it_is(here: Home, runs: dict[str, int]) -> None:
    told = distinctions(queries.runs(here.database, [runs["leaked"], runs["done"], runs["static"]]))
    assert [told[runs[which]] for which in ("leaked", "done", "static")] == [
        "Propagation, N = 2, use_all_masks = True",
        "Propagation, N = 7",
        "Static, no memory",
    ]


def test_four_runs_the_best_is_named_and_each_is_held_against_a(
    here: Home, runs: dict[str, int], open_page: OpenPage
) -> None:
    ids = (runs["flow"], runs["static"], runs["done"], runs["done"] - 1)
    test = opened(here, open_page, *ids)
    expected, text = found(here, *ids), text_of(test)
    assert expected.means[2] == max(expected.means)
    assert plain(f"C {name(here, ids[2])} has the highest J&F of the 4, {expected.means[2]:.3f}.") in text
    names = [f"{letter} {name(here, run_id)}" for letter, run_id in zip("ABCD", ids)]
    for pair, other in zip(expected.pairs, names[1:]):
        assert plain(paired_difference(pair).sentence((names[0], other))) in text
    heat = table_called(test, "J&F of each video")
    assert [column["label"] for column in heat["columns"]] == list("ABCD")
    by_spread = sorted(expected.videos, key=lambda line: (-line.spread, line.video))
    assert [(row["label"], tuple(row["values"])) for row in heat["rows"]] == [
        (line.video, line.values) for line in by_spread
    ]
    asked = parse_qs(urlsplit(heat["rows"][0]["href"]).query)
    assert asked == {
        "run": [str(ids[0])],
        "with": [",".join(map(str, ids[1:]))],
        "video": [heat["rows"][0]["label"]],
    }


@pytest.mark.parametrize("chosen", [1, 2])
def test_bars_are_of_the_pair_in_the_address_largest_gain_first(
    here: Home, runs: dict[str, int], open_page: OpenPage, chosen: int
) -> None:
    ids = (runs["flow"], runs["static"], runs["done"])
    test = opened(here, open_page, *ids, pair=ids[chosen])
    bars = {row["id"]: row["bars"][0]["value"] for row in table_called(test, "Points of J&F")["marks"]}
    assert list(bars.values()) == sorted(bars.values(), reverse=True)
    gains = {line.video: 100 * (line.values[chosen] - line.values[0]) for line in found(here, *ids).videos}
    assert bars == pytest.approx(gains)
    assert STRANGE in gains


def test_cells_may_show_what_is_gained_over_a(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    heat = table_called(opened(here, open_page, runs["static"], runs["done"], colour="difference"), "J&F of each video")
    for row in heat["rows"]:
        assert row["shown"] == [None, pytest.approx(100 * (row["values"][1] - row["values"][0]))]
    assert heat["signed"] and heat["high"] == -heat["low"] >= max(row["shown"][1] for row in heat["rows"])


def test_objects_are_sorted_by_difference_and_lead_to_both_runs(
    here: Home, runs: dict[str, int], open_page: OpenPage
) -> None:
    a, b = runs["static"], runs["done"]
    rows = table_called(opened(here, open_page, a, b, view="objects"), "Each object")["rows"]
    expected = found(here, a, b).pairs[0].objects
    assert [row["id"] for row in rows] == [row.sequence for row in expected]
    assert [row["cells"]["difference"] for row in rows] == [100 * row.difference for row in expected]
    asked = parse_qs(urlsplit(rows[0]["href"]).query)
    first = expected[0]
    assert asked == {"run": [str(a)], "with": [str(b)], "video": [first.video], "object": [str(first.object_id)]}


@pytest.mark.parametrize(("marks", "count"), [("video", 3), ("object", 6)])
def test_scatter_has_a_mark_a_video_or_an_object(
    here: Home, runs: dict[str, int], open_page: OpenPage, marks: str, count: int
) -> None:
    test = opened(here, open_page, runs["static"], runs["done"], marks=marks)
    assert len(table_called(test, "J&F in A")["rows"]) == count


def test_attributes_are_measured_once_and_say_how_many_objects(
    here: Home, runs: dict[str, int], open_page: OpenPage
) -> None:
    ids = (runs["static"], runs["done"])
    test = opened(here, open_page, *ids, view="attributes")
    rows = table_called(test, "J&F by attribute")["rows"]
    shown = {row["id"]: row for row in rows}
    two = shown["Objects in the video/2 objects"]
    assert two["facts"] == [6, 3] and two["values"] == pytest.approx(found(here, *ids).means)
    kept = list((here.state / "attributes").glob("*.json"))
    assert len(kept) == 1
    before = kept[0].stat().st_mtime_ns
    opened(here, open_page, *ids, view="attributes")
    assert kept[0].stat().st_mtime_ns == before


def test_a_run_under_way_is_compared_over_what_both_have(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    text = text_of(opened(here, open_page, runs["done"], runs["running"]))
    assert "Compared over 1 video" in text and "left out, of" in text


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        ("done", "agreement", "measure different things"),
        ("leaked", "done", "measure different things"),
        ("done", "mose", "has no scores: its split is annotated on first frames only"),
        ("done", "queued", "has no scores yet: it is queued"),
        ("done", None, "There is no run 999"),
    ],
)
def test_what_cannot_be_compared_is_told_and_the_rest_is_compared(
    here: Home, runs: dict[str, int], open_page: OpenPage, first: str, second: str | None, sentence: str
) -> None:
    other = runs[second] if second else 999
    test = opened(here, open_page, runs[first], other)
    assert sentence in test.error[0].value.replace("\\", "")
    with pytest.raises(AssertionError, match="no table"):
        table_called(test, "The runs that are compared")
    if first == "done":
        test = opened(here, open_page, runs[first], other, runs["flow"])
        assert sentence in test.warning[0].value.replace("\\", "") and not test.error
        rows = table_called(test, "The runs that are compared")["rows"]
        assert [row["id"] for row in rows] == [str(runs["done"]), str(runs["flow"])]


def test_one_run_leads_to_others_like_it(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    test = opened(here, open_page, runs["done"])
    links = [str(element.proto) for element in test.get("page_link")]
    assert any(f"runs={runs['done']}%2C{runs['flow']}" in one for one in links), links
    assert not any(f"%2C{runs['agreement']}" in one for one in links)


@pytest.mark.parametrize("asked", ["", "x", "999,1000"])
def test_an_address_without_runs_shows_two_that_are_alike(
    runs: dict[str, int], open_page: OpenPage, asked: str
) -> None:
    test = open_page("compare.py", runs=asked)
    assert not test.exception
    chosen = test.multiselect(key="compare-runs")
    assert len(set(chosen.value)) == 2
    assert test.query_params["runs"] == ",".join(chosen.value)
    assert str(runs["mose"]) not in chosen.options


def test_choice_swap_and_baseline_live_in_the_address(runs: dict[str, int], open_page: OpenPage) -> None:
    a, b, c = runs["static"], runs["done"], runs["flow"]
    test = open_page("compare.py", runs=f"{a},{b}")
    test.button(key="compare-swap").click().run()
    assert test.query_params["runs"] == f"{b},{a}"
    test.multiselect(key="compare-runs").set_value([str(b), str(a), str(c)]).run()
    assert test.query_params["runs"] == f"{b},{a},{c}"
    test.selectbox(key="compare-baseline").set_value(str(c)).run()
    assert test.query_params["runs"] == f"{c},{b},{a}"
    assert test.multiselect(key="compare-runs").value == [str(c), str(b), str(a)]


def test_more_than_eight_are_cut_and_it_says_so(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    ids = [*range(runs["static"], runs["done"] + 1), runs["failed"], runs["running"]]
    assert len(ids) == 9
    test = opened(here, open_page, *ids)
    assert "more than 8 runs" in test.warning[0].value
    assert len(table_called(test, "The runs that are compared")["rows"]) == 8


def test_run_page_leads_here(runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("run.py", run=runs["done"])
    assert f"runs={runs['done']}" in "".join(str(element.proto) for element in test.get("page_link"))
