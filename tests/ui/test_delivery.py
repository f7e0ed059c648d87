"""Messages of a page's run that has ended go to the browser as they were drawn, whatever begins behind it."""

from __future__ import annotations

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import app_session
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

from ui.delivery import WholePages, deliver_whole_pages


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


def test_sessions_are_given_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_session, "ForwardMsgQueue", ForwardMsgQueue)
    deliver_whole_pages()
    assert app_session.ForwardMsgQueue is WholePages
