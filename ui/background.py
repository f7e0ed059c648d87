"""What the app does besides serving: opens the database and brings a dead dispatcher back while work is queued."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

from ui.store import home
from vos_core.errors import VosLabError
from vos_core.execution.submit import ensure_dispatcher

WATCH_SECONDS = 5.0
_log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """Watch over the dispatcher for as long as the app is served. Stopping the app leaves the dispatcher running."""
    watch = asyncio.create_task(_watch())
    try:
        yield
    finally:
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch


async def _watch() -> None:
    while True:
        try:
            if await asyncio.to_thread(_revive):
                _log.info("A dispatcher was started: work was queued and nobody dispatched.")
        except (VosLabError, OSError) as error:
            _log.warning("%s", error)
        except Exception:  # the watch must outlive whatever one look at the database brings
            _log.exception("Looking for queued work failed; trying again in %.0f s.", WATCH_SECONDS)
        await asyncio.sleep(WATCH_SECONDS)


def _revive() -> bool:
    return ensure_dispatcher(home())
