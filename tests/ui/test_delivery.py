"""Messages of a page's run that has ended go to the browser as they were drawn, whatever begins behind it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from unittest.mock import MagicMock

import pytest
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import app_session, websocket_session_manager
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.runtime import Runtime
from streamlit.runtime.script_data import ScriptData
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequestType

from tests.ui.loops import run
from ui.delivery import PatientSession, WholePages, deliver_whole_pages


def drawn(text: str, place: int, fragment: str = "") -> ForwardMsg:
    message = ForwardMsg()
    message.metadata.delta_path[:] = [0, place]
    message.delta.new_element.markdown.body = text
    message.delta.fragment_id = fragment
    return message


def ended(how: ForwardMsg.ScriptFinishedStatus.ValueType = ForwardMsg.FINISHED_SUCCESSFULLY) -> ForwardMsg:
    message = ForwardMsg()
    message.script_finished = how
    return message


def told(queue: ForwardMsgQueue) -> list[str]:
    """What is sent, in order: texts drawn, and how runs ended."""
    return [
        message.delta.new_element.markdown.body
        if message.WhichOneof("type") == "delta"
        else ForwardMsg.ScriptFinishedStatus.Name(message.script_finished)
        for message in queue.flush()
    ]


def filled(kind: type[ForwardMsgQueue], *messages: ForwardMsg) -> ForwardMsgQueue:
    queue = kind()
    for message in messages:
        queue.enqueue(message)
    return queue


def page() -> list[ForwardMsg]:
    return [drawn("head", 0), drawn("table", 1, "poll"), drawn("foot", 2), ended()]


def test_streamlit_itself_drops_a_part_of_a_page_that_it_says_is_whole() -> None:
    """Should this fail, Streamlit has mended it, and `ui.delivery` can go."""
    queue = filled(ForwardMsgQueue, *page())
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=["poll"])
    assert told(queue) == ["head", "foot", "FINISHED_SUCCESSFULLY"]


def test_a_poll_right_behind_a_page_takes_nothing_from_it() -> None:
    queue = filled(WholePages, *page())
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=["poll"])
    queue.enqueue(drawn("table again", 1, "poll"))
    queue.enqueue(ended(ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY))
    sent = ["head", "table", "foot", "FINISHED_SUCCESSFULLY", "table again", "FINISHED_FRAGMENT_RUN_SUCCESSFULLY"]
    assert told(queue) == sent


def test_a_poll_gives_way_to_the_next_and_a_page_to_the_next() -> None:
    queue = filled(WholePages, *page())
    for _ in range(2):
        queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=["poll"])
        queue.enqueue(drawn("table again", 1, "poll"))
        queue.enqueue(ended(ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY))
    assert told(queue)[4:] == ["FINISHED_EARLY_FOR_RERUN", "table again", "FINISHED_FRAGMENT_RUN_SUCCESSFULLY"]
    queue = filled(WholePages, *page())
    queue.clear(retain_lifecycle_msgs=True)
    assert told(queue) == ["FINISHED_EARLY_FOR_RERUN"]


def test_a_page_that_was_cut_short_is_not_held_to_be_whole() -> None:
    queue = filled(WholePages, drawn("head", 0), drawn("table", 1, "poll"), ended(ForwardMsg.FINISHED_EARLY_FOR_RERUN))
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=["poll"])
    assert told(queue) == ["head", "FINISHED_EARLY_FOR_RERUN"]


PAGE = """
import streamlit as st
st.markdown("head")
@st.fragment
def poll():
    st.markdown("table")
poll()
st.markdown("foot")
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run asks the server for its media files; there is none here."""
    monkeypatch.setattr(Runtime, "_instance", MagicMock())


async def said(kind: type[AppSession], script: Path) -> list[str]:
    """What a browser hears of a page and of a poll that comes when the page's run has ended, and nothing was sent."""
    script.write_text(PAGE)
    files = MemoryUploadedFileManager("/files")
    session = kind(ScriptData(str(script), False), files, ScriptCache(), lambda: None, {})
    try:
        session.request_rerun(None)
        runner = session._scriptrunner
        assert runner is not None
        until = time.monotonic() + 30
        while runner._requests._state is not ScriptRequestType.STOP:
            assert time.monotonic() < until, "the page's run did not end"
            time.sleep(0.01)  # the event loop hears nothing meanwhile, as on a busy machine
        (fragment,) = session._fragment_storage._fragments  # type: ignore[attr-defined]
        session.request_rerun(ClientState(fragment_id=fragment, is_auto_rerun=True))
        heard: list[str] = []
        until = time.monotonic() + 30
        while "FINISHED_FRAGMENT_RUN_SUCCESSFULLY" not in heard and time.monotonic() < until:
            await asyncio.sleep(0.05)
            for message in session.flush_browser_queue():
                if message.WhichOneof("type") == "script_finished":
                    heard.append(ForwardMsg.ScriptFinishedStatus.Name(message.script_finished))
                elif message.delta.new_element.markdown.body:
                    heard.append(message.delta.new_element.markdown.body)
        return heard
    finally:
        session.shutdown()


POLLED = ["table", "FINISHED_FRAGMENT_RUN_SUCCESSFULLY"]


@pytest.mark.usefixtures("server")
def test_streamlit_itself_loses_a_page_to_a_poll(tmp_path: Path) -> None:
    """Should this fail, Streamlit has mended it, and `PatientSession` can go."""
    assert run(said(AppSession, tmp_path / "page.py")) == POLLED


@pytest.mark.usefixtures("server")
def test_a_poll_waits_for_what_the_page_has_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_session, "ForwardMsgQueue", WholePages)
    page = ["head", "table", "foot", "FINISHED_SUCCESSFULLY"]
    assert run(said(PatientSession, tmp_path / "page.py")) == [*page, *POLLED]


def test_sessions_are_given_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_session, "ForwardMsgQueue", ForwardMsgQueue)
    monkeypatch.setattr(websocket_session_manager, "AppSession", AppSession)
    deliver_whole_pages()
    assert app_session.ForwardMsgQueue is WholePages
    assert websocket_session_manager.AppSession is PatientSession
