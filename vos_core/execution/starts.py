"""The dispatchers that this process started for a home, and how they ended: those that crash at once are not for ever
replaced."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from vos_core.execution.worker_handle import is_by_itself

MOST_CRASHES = 5  # in a row
CRASH_SECONDS = (
    10.0  # a dispatcher that ends by itself this soon, with an exit code that is not 0, crashed at its start
)
AGAIN_SECONDS = 60.0  # after which one more is tried: what was wrong may have been mended


class Starts:
    """One home's. A dispatcher that was killed from outside tells nothing: it neither counts nor clears."""

    def __init__(self) -> None:
        self._running: list[tuple[subprocess.Popen[bytes], float]] = []
        self._crashes = 0
        self._crashed_at = 0.0

    def add(self, child: subprocess.Popen[bytes]) -> None:
        """One was started."""
        self._running.append((child, time.monotonic()))

    def is_under_way(self) -> bool:
        """Whether one that was started still runs."""
        for child, began in list(self._running):
            code = child.poll()  # or they stay zombies
            if code is None:
                continue
            self._running.remove((child, began))
            if code != 0 and is_by_itself(code) and time.monotonic() - began < CRASH_SECONDS:
                self._crashes, self._crashed_at = self._crashes + 1, time.monotonic()
            elif is_by_itself(code):
                self._crashes = 0
        return bool(self._running)

    def trouble(self, log: Path) -> str | None:
        """Why no further one is started now; None when one may be."""
        if self._crashes < MOST_CRASHES or time.monotonic() - self._crashed_at > AGAIN_SECONDS:
            return None
        return (
            f"The dispatcher ended {self._crashes} times in a row within seconds of its start: nothing is worked on. "
            f"The end of {log} says why."
        )
