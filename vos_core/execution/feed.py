"""Messages on their way to the scoring process, sent by a thread of their own: a pipe takes no more than its other end
reads, and a frame that is slow to score must not hold up the model."""

from __future__ import annotations

import threading
from collections import deque
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler

MOST_MESSAGES, MOST_BYTES = 64, 128 * 2**20  # that wait: about 60 label maps of 1080p, or some frames of many objects


class Feed:
    """Sends what it is given, in order, as `Connection.send` would; the other end reads it by `Connection.recv`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._broken = self._closed = False
        self._thread = threading.Thread(target=self._send, daemon=True, name="scorer-feed")
        self._thread.start()

    def put(self, message: object) -> None:
        """Have `message` sent, once there is room for it; what is in it may be changed thereafter.

        Raises BrokenPipeError when the other end is gone, and what was put before may be lost.
        """
        packed = bytes(ForkingPickler.dumps(message))
        with self._changed:
            self._changed.wait_for(lambda: self._broken or self._has_room(len(packed)))
            if self._broken:
                raise BrokenPipeError("the other end is gone")
            self._waiting.append(packed)
            self._bytes += len(packed)
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget what was put and not sent yet."""
        with self._changed:
            self._waiting.clear()
            self._bytes = 0
            self._changed.notify_all()

    def close(self, seconds: float) -> None:
        """Send no more. Waits so long for a message that is on its way."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(seconds)

    def _has_room(self, more: int) -> bool:
        return not self._waiting or (len(self._waiting) < MOST_MESSAGES and self._bytes + more <= MOST_BYTES)

    def _send(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or bool(self._waiting))
                if self._closed:
                    return
                packed = self._waiting.popleft()
                self._bytes -= len(packed)
                self._changed.notify_all()
            try:
                self._connection.send_bytes(packed)
            except Exception:  # the other end is gone, or this one was closed under it
                with self._changed:
                    self._broken = True
                    self._changed.notify_all()
                return
