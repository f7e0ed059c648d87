"""Choices that live in the address: the address is followed, and a choice is never lost to an older address."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest


def _page() -> None:
    import streamlit as st
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    from ui.navigation import begin, chosen, remember, switch

    context = get_script_run_ctx()
    assert context is not None
    context.is_history_navigation = st.session_state.pop("back", False)
    if st.session_state.pop("poll", False):  # a fragment's run: nothing before it is drawn
        context.fragment_ids_this_run = ["a part of the page"]
    else:
        begin(st.query_params.get("page", "one"))
    told = [
        chosen("run", "Run", ["1", "2", "3"], forget=("frame",)),
        switch("view", "View", {"all": "All", "few": "Few"}),
        switch("cut", "Cut", {"whole": "Whole", "near": "Near"}),
    ]
    st.button("Turn", on_click=lambda: remember({"turn": "2"}))
    st.button("Look")
    st.text(" ".join(told))


def opened(**query: str) -> AppTest:
    test = AppTest.from_function(_page)
    return at(test, **query).run()


def at(test: AppTest, **query: str) -> AppTest:
    """The next run comes from a browser whose address says so."""
    test.query_params.clear()
    for name, value in query.items():
        test.query_params[name] = value
    return test


def back(test: AppTest, **query: str) -> AppTest:
    """Go there by the browser's Back."""
    test.session_state["back"] = True
    return at(test, **query).run()


def address(test: AppTest) -> dict[str, str]:
    return {name: values[0] if isinstance(values, list) else values for name, values in test.query_params.items()}


@pytest.mark.parametrize(
    ("query", "drawn"),
    [
        ({}, "1 all whole"),
        ({"run": "2"}, "2 all whole"),
        ({"run": "2", "cut": "near"}, "2 all near"),
        ({"run": "x", "view": "few"}, "1 few whole"),
    ],
)
def test_the_address_is_followed(query: dict[str, str], drawn: str) -> None:
    test = opened(run="3", view="few", cut="near")
    assert test.text[0].value == "3 few near"
    assert back(test, **query).text[0].value == drawn
    assert opened(**query).text[0].value == drawn


def test_a_second_choice_keeps_the_first_that_the_browser_has_not_heard_of() -> None:
    before = {"run": "1", "frame": "7", "zoom": "3"}
    test = opened(**before)
    test.selectbox[0].set_value("2").run()
    assert address(test) == {"run": "2", "zoom": "3"}
    at(test, **before).segmented_control[0].set_value("few").run()
    assert address(test) == {"run": "2", "view": "few", "zoom": "3"}
    assert test.text[0].value == "2 few whole"
    at(test, **before).button[0].click().run()
    assert address(test) == {"run": "2", "view": "few", "turn": "2", "zoom": "3"}


def test_what_comes_right_after_a_choice_brings_an_older_address_and_leaves_the_choice_alone() -> None:
    before = {"run": "2", "view": "few", "zoom": "3"}
    test = opened(**before)
    test.segmented_control[0].set_value("all").run()
    test.button[1].click()  # a widget that writes nothing to the address
    at(test, **before).run()
    assert test.text[0].value == "2 all whole"
    assert test.segmented_control[0].value == "all"
    assert address(test) == {"run": "2", "zoom": "3"}
    assert back(test, **before).text[0].value == "2 few whole"


def test_a_poll_that_left_before_a_choice_does_not_undo_it() -> None:
    test = opened(run="2", zoom="3")
    test.segmented_control[0].set_value("few").run()
    for query in ({"run": "2", "zoom": "3"}, {"run": "2", "view": "few", "zoom": "3"}):
        test.session_state["poll"] = True
        at(test, **query).run()
        assert test.text[0].value == "2 few whole"
        assert test.segmented_control[0].value == "few"
    assert back(test, run="2").text[0].value == "2 all whole"


def test_what_the_browser_writes_itself_after_a_choice_stays() -> None:
    test = opened(run="1", frame="7")
    test.selectbox[0].set_value("2").run()
    assert address(test) == {"run": "2"}, "the frame of another run means nothing"
    at(test, run="2", frame="9", view="few").run()  # as a player does
    assert address(test) == {"run": "2", "frame": "9", "view": "few"}
    assert test.text[0].value == "2 few whole"
    at(test, run="2", frame="7", view="few").run()  # the same number, of this run's
    assert address(test)["frame"] == "7"
    at(test, run="2", frame="11", view="few").segmented_control[1].set_value("near").run()
    assert address(test) == {"run": "2", "frame": "11", "view": "few", "cut": "near"}


def test_after_back_an_older_choice_does_not_return() -> None:
    test = opened(run="1")
    test.segmented_control[0].set_value("few").run()
    back(test, run="1")
    test.segmented_control[1].set_value("near").run()
    assert address(test) == {"run": "1", "cut": "near"}


def test_the_first_choice_of_a_row_is_not_written() -> None:
    test = opened(view="few")
    test.segmented_control[0].set_value("all").run()
    assert address(test) == {}


def test_another_page_knows_nothing_of_this_ones_choices() -> None:
    test = opened(page="one")
    test.segmented_control[0].set_value("few").run()
    at(test, page="two").run()
    test.segmented_control[1].set_value("near").run()
    assert address(test) == {"page": "two", "cut": "near"}
