"""Besides serving, the app brings a dead dispatcher back while work is queued, and passes SIGTERM on to it."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import signal
import threading
import time
from collections.abc import AsyncIterator
from types import FrameType
from typing import Any

from db.holder import Holder, process_alive
from ui.delivery import deliver_whole_pages
from ui.store import home
from ui.warmup import warm_up
from vos_core.errors import VosLabError
from vos_core.execution.submit import ensure_dispatcher, stop_dispatcher

WATCH_SECONDS = 2.0
TRIM_SECONDS = 20.0
STOP_SECONDS = 10.0  # a job's end leaves no more
_log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """Watch over the dispatcher for as long as the app is served.

    Stopping the app (Ctrl-C) leaves the dispatcher running. SIGTERM is a job's end: it is passed on at once, and the
    app stays until the dispatcher has stopped cleanly, since a container ends with it.
    """
    deliver_whole_pages()
    end = _JobEnd()
    watch = asyncio.create_task(_watch(end))
    threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
    try:
        yield
    finally:
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch
        await end.wait()


class _JobEnd:
    """Stands before the server's own handler of SIGTERM."""

    def __init__(self) -> None:
        self.came = False
        self._stopped: Holder | None = None
        self._then = signal.getsignal(signal.SIGTERM)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        # On a thread: a signal handler must not wait for the database.
        threading.Thread(target=self.stop, daemon=True).start()
        if callable(self._then):
            self._then(number, frame)

    def stop(self) -> None:
        """Tell the dispatcher, if one lives here."""
        try:
            self._stopped = stop_dispatcher(home()) or self._stopped
        except Exception:  # whatever it is, the app must end
            _log.exception("The dispatcher could not be told to stop.")

    async def wait(self) -> None:
        """After a SIGTERM: until the dispatcher is gone, at most `STOP_SECONDS`."""
        if not self.came:
            return
        await asyncio.to_thread(self.stop)  # again: one may have been started in this very moment
        for _ in range(int(STOP_SECONDS / 0.1)):
            if self._stopped is None or not process_alive(self._stopped.pid, self._stopped.process_started):
                return
            await asyncio.sleep(0.1)


async def _watch(end: _JobEnd) -> None:
    said = ""
    trimmed = time.monotonic()
    while not end.came:
        if time.monotonic() - trimmed > TRIM_SECONDS:
            await asyncio.to_thread(_trim)
            trimmed = time.monotonic()
        try:
            if await asyncio.to_thread(_revive):
                _log.info("A dispatcher was started: work was queued and nobody dispatched.")
            said = ""
        except (VosLabError, OSError) as error:
            if str(error) != said:
                said = str(error)
                _log.warning("%s", said)
        except Exception:  # the watch must outlive whatever one look at the database brings
            _log.exception("Looking for queued work failed; trying again in %.0f s.", WATCH_SECONDS)
        await asyncio.sleep(WATCH_SECONDS)


def _trim() -> None:
    """Give memory that is free inside the process back to the system: sessions end on many threads, and glibc keeps
    what each thread's arena held."""
    with contextlib.suppress(OSError, AttributeError):  # another C library has no such call
        ctypes.CDLL(None).malloc_trim(0)


def _revive() -> bool:
    return ensure_dispatcher(home())
