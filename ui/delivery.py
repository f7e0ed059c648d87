"""What a page has drawn reaches the browser whole, also where a part of it draws itself again at once.

Streamlit collects messages and sends them every few milliseconds. When a fragment's run begins, it drops what waits of
that fragment, for it is about to be drawn anew; but the word that the whole page's run has ended stays. The browser
then takes the fragment's elements for gone, removes them, and gets them again a moment later as new ones: a table has
lost what was ticked and how far it was scrolled, a field its cursor, the player its frame.

And when a fragment asks to be run just as a run has ended, Streamlit takes a new runner for it, and passes over what
the old one has said and the event loop has not heard yet (its issue 9921). The page then lacks its end, or more: the
browser cannot place what comes after it ("Bad delta path").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import app_session, websocket_session_manager
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequestType

if TYPE_CHECKING:
    from streamlit.proto.ClientState_pb2 import ClientState


class WholePages(ForwardMsgQueue):
    """Messages on their way to one browser; a page's run that has ended is sent as it was drawn."""

    def clear(self, retain_lifecycle_msgs: bool = False, fragment_ids_this_run: list[str] | None = None) -> None:
        """Drop what need not be sent, as Streamlit does, but nothing of a whole run that the browser will see end."""
        drawn: list[ForwardMsg] = []
        if retain_lifecycle_msgs and fragment_ids_this_run is not None:
            end = max((place for place, message in enumerate(self._queue, 1) if _ends_a_page(message)), default=0)
            drawn, self._queue = self._queue[:end], self._queue[end:]
        super().clear(retain_lifecycle_msgs, fragment_ids_this_run)
        self._queue = drawn + self._queue


def _ends_a_page(message: ForwardMsg) -> bool:
    return bool(
        message.WhichOneof("type") == "script_finished" and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
    )


class PatientSession(app_session.AppSession):
    """One browser's session; a fragment's run begins behind all that the run before it has said."""

    def request_rerun(self, client_state: ClientState | None) -> None:
        runner = self._scriptrunner
        fragment = client_state is not None and bool(client_state.fragment_id)
        if fragment and runner is not None and runner._requests._state is ScriptRequestType.STOP:
            # Its thread has said everything by now: that waits in the event loop, and this goes behind it.
            self._event_loop.call_soon(super().request_rerun, client_state)
        else:
            super().request_rerun(client_state)


def deliver_whole_pages() -> None:
    """Have the sessions that begin from now on send pages whole: Streamlit has no setting for it."""
    app_session.ForwardMsgQueue = WholePages  # type: ignore[misc]
    websocket_session_manager.AppSession = PatientSession  # type: ignore[misc]
