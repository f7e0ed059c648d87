"""What a fetch says while it is at work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """What a fetch, a check, or the making of the demo set is doing."""

    DOWNLOADING = "downloading"
    WAITING = "waiting"
    VERIFYING = "verifying"
    UNPACKING = "unpacking"
    GENERATING = "generating"
    READY = "ready"


@dataclass(frozen=True)
class Progress:
    """One report: bytes or frames `done` of `total` (None: unknown), and a sentence where there is one to say: what a
    wait is for, which of several files it is, or (READY) what went otherwise than usual."""

    item: str
    stage: Stage
    done: int = 0
    total: int | None = None
    note: str = ""


Callback = Callable[[Progress], None]
"""Called often; may raise `Cancelled` to stop, which keeps what was transferred."""


def unheard(report: Progress) -> None:
    """Nobody listens."""
