"""What a page has drawn reaches the browser whole, also where a part of it draws itself again at once.

Streamlit collects messages and sends them every few milliseconds. When a fragment's run begins, it drops what waits of
that fragment, for it is about to be drawn anew; but the word that the whole page's run has ended stays. The browser
then takes the fragment's elements for gone, removes them, and gets them again a moment later as new ones: a table has
lost what was ticked and how far it was scrolled, a field its cursor, the player its frame.
"""

from __future__ import annotations

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import app_session
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue


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


def deliver_whole_pages() -> None:
    """Have the sessions that begin from now on send pages whole: Streamlit has no setting for it."""
    app_session.ForwardMsgQueue = WholePages  # type: ignore[misc]
