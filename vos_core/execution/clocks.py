"""Seconds during which at least one worker was on a run, counted in memory until they are written down."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping


class RunClocks:
    """One clock a run; it stops while no worker is on the run."""

    def __init__(self) -> None:
        self._since: dict[int, float] = {}
        self._counted: dict[int, float] = {}

    def start(self, run_id: int) -> None:
        """A worker is on the run."""
        self._since.setdefault(run_id, time.monotonic())

    def stop(self, run_id: int) -> None:
        """The last worker left the run."""
        self._count(run_id)
        self._since.pop(run_id, None)

    def unwritten(self) -> dict[int, float]:
        """Run -> seconds to add to what is written of it."""
        for run_id in list(self._since):
            self._count(run_id)
        return dict(self._counted)

    def written(self, seconds: Mapping[int, float]) -> None:
        """Those seconds were committed."""
        for run_id in seconds:
            if run_id in self._since:
                self._counted[run_id] -= seconds[run_id]
            else:
                del self._counted[run_id]

    def _count(self, run_id: int) -> None:
        if run_id in self._since:
            now = time.monotonic()
            self._counted[run_id] = self._counted.get(run_id, 0.0) + now - self._since[run_id]
            self._since[run_id] = now


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """Seconds that are in at least one of the spans: what a clock would have counted."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total
