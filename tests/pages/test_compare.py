"""The Compare page: what it says of two runs, what it refuses, and where its bars and rows lead."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from db import queries
from tests.pages.conftest import OpenPage, table_called, text_of
from ui.theme import plain
from vos_core.analysis.bootstrap import paired_difference
from vos_core.analysis.comparisons import Comparison, compare
from vos_core.home import Home


def found(here: Home, a: int, b: int) -> Comparison:
    return compare(queries.object_rows(here.database, a), queries.object_rows(here.database, b))


def names(here: Home, a: int, b: int) -> tuple[str, str]:
    stored = {run.id: run for run in queries.runs(here.database)}
    titles = {"static": "Static", "flow": "Flow", "propagation": "Propagation"}
    sizes = {run_id: f", N = {run.memory_size}" if run.memory_size else "" for run_id, run in stored.items()}
    first, second = (f"#{run_id} {titles[stored[run_id].model]}{sizes[run_id]}" for run_id in (a, b))
    return first, second


def test_without_two_scored_runs_it_says_what_to_do(here: Home, open_page: OpenPage) -> None:
    test = open_page("compare.py")
    assert not test.exception
    assert "Nothing to compare yet" in text_of(test)


@pytest.mark.parametrize(("first", "second"), [("static", "done"), ("done", "static")])
def test_says_which_is_better_how_sure_and_over_what(
    here: Home, runs: dict[str, int], open_page: OpenPage, first: str, second: str
) -> None:
    a, b = runs[first], runs[second]
    test = open_page("compare.py", runs=f"{a},{b}")
    assert not test.exception
    expected, who = found(here, a, b), names(here, a, b)
    text = text_of(test)
    assert plain(paired_difference(expected).sentence(who)) in text
    assert f"{plain(names(here, a, b)[first != 'done'])} is ahead by" in text
    assert plain(expected.scope(who)) in text
    assert [item.value for item in test.metric][:3] == [
        f"{expected.a:.3f}",
        f"{expected.b:.3f}",
        f"{100 * expected.difference:+.1f}",
    ]


def test_objects_are_sorted_by_difference_and_lead_to_the_worse_run(
    here: Home, runs: dict[str, int], open_page: OpenPage
) -> None:
    a, b = runs["static"], runs["done"]
    rows = table_called(open_page("compare.py", runs=f"{a},{b}"), "Each object")["rows"]
    expected = found(here, a, b).objects
    assert [row["id"] for row in rows] == [row.sequence for row in expected]
    assert [row["cells"]["difference"] for row in rows] == [100 * row.difference for row in expected]
    asked = parse_qs(urlsplit(rows[0]["href"]).query)
    assert expected[0].difference > 0
    assert asked == {"run": [str(a)], "video": [expected[0].video], "object": [str(expected[0].object_id)]}


def test_a_run_under_way_is_compared_over_what_both_have(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("compare.py", runs=f"{runs['done']},{runs['running']}")
    assert not test.exception
    assert "Compared over 1 video" in text_of(test) and "only in" in text_of(test)


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        ("done", "agreement", "measure different things"),
        ("leaked", "done", "measure different things"),
        ("done", "done", "one run twice"),
    ],
)
def test_what_cannot_be_compared_is_told(
    runs: dict[str, int], open_page: OpenPage, first: str, second: str, sentence: str
) -> None:
    test = open_page("compare.py", runs=f"{runs[first]},{runs[second]}")
    assert not test.exception
    assert sentence in test.error[0].value
    assert not test.metric


@pytest.mark.parametrize("asked", ["", "x", "999,1000", "8,12"])
def test_an_address_without_comparable_runs_shows_two_that_are(
    runs: dict[str, int], open_page: OpenPage, asked: str
) -> None:
    test = open_page("compare.py", runs=asked)
    assert not test.exception
    assert test.selectbox(key="compare-a").value != test.selectbox(key="compare-b").value
    assert str(runs["mose"]) not in test.selectbox(key="compare-a").options


def test_choice_and_swap_live_in_the_address(runs: dict[str, int], open_page: OpenPage) -> None:
    a, b, c = runs["static"], runs["done"], runs["flow"]
    test = open_page("compare.py", runs=f"{a},{b}")
    test.selectbox(key="compare-b").set_value(str(c)).run()
    assert test.query_params["runs"] == f"{a},{c}"
    test.button(key="compare-swap").click().run()
    assert (test.selectbox(key="compare-a").value, test.selectbox(key="compare-b").value) == (str(c), str(a))
    assert test.query_params["runs"] == f"{c},{a}"


def test_run_page_leads_here(runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("run.py", run=runs["done"])
    assert f"runs={runs['done']}" in "".join(str(element.proto) for element in test.get("page_link"))
