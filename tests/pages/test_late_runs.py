"""Two script runs of one session at once, as a click during `st.rerun` has them: each shows what it was asked for."""

from __future__ import annotations

from typing import Any

import pytest
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from tests.pages.conftest import OpenPage, text_of


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the run before writes when this one has begun: its page (by path) and address; nothing while empty."""
    told: dict[str, str] = {}
    set_up = st.set_page_config

    def begun(**settings: Any) -> None:
        set_up(**settings)
        context = get_script_run_ctx()
        if told and context is not None:
            if (poll := told.pop("poll", None)) is not None and context.script_requests is not None:
                context.script_requests.request_rerun(RerunData(fragment_id=poll, is_auto_rerun=True))
            context.pages_manager.set_script_intent(calc_hash(told["page"]), "")
            context.pages_manager.set_current_page_script_hash(calc_hash(told["page"]))
            with context.session_state.query_params() as query:
                query.populate_from_query_string(told["query"])

    monkeypatch.setattr(st, "set_page_config", begun)
    return told


@pytest.mark.parametrize("page", ["launch", "queue"])
def test_a_page_that_was_left_does_not_come_back(
    late: dict[str, str], open_page: OpenPage, runs: dict[str, int], page: str
) -> None:
    late.update(page=page, query="sizes=1")
    test = open_page("run.py", run=runs["done"])
    assert f"<p>run {runs['done']} on" in text_of(test)


def test_nor_while_a_poll_of_it_waits(late: dict[str, str], open_page: OpenPage, runs: dict[str, int]) -> None:
    test = open_page("run.py", run=runs["done"])
    late.update(page="launch", query="sizes=1", poll="of the page that was left")
    test.query_params["run"] = str(runs["done"])
    test.run()
    assert f"<p>run {runs['done']} on" in text_of(test)


def _two_pages() -> None:
    import streamlit as st
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    from ui import navigation

    one, two = (st.Page(lambda: None, title=name, url_path=name) for name in ("one", "two"))
    page = st.navigation([one, two])
    st.text(page.title)
    navigation._run.page = page._script_hash
    context = get_script_run_ctx()
    if context is not None and not st.session_state.get("seen"):
        st.session_state["seen"] = True
        context.pages_manager.set_current_page_script_hash(two._script_hash)
        navigation.again()


def test_a_run_begins_anew_on_its_own_page() -> None:
    """Whatever page the session is said to be on by then."""
    assert AppTest.from_function(_two_pages).run().text[0].value == "one"


def test_an_older_address_of_the_same_page_does_not_come_back(
    late: dict[str, str], open_page: OpenPage, runs: dict[str, int]
) -> None:
    test = open_page("run.py", run=runs["done"])
    late.update(page="run", query=f"run={runs['failed']}")
    test.query_params["run"] = str(runs["done"])
    test.run()
    assert f"<p>run {runs['done']} on" in text_of(test)
