"""What intents leave for the dispatcher to do once they are committed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Effects:
    """What the dispatcher must do in memory after the intents are committed."""

    at_work: frozenset[int] = frozenset()  # given: runs that a worker is on
    reload: set[int] = field(default_factory=set)  # runs whose queue changed
    stop: set[int] = field(default_factory=set)  # runs whose workers must stop
    remove: list[Path] = field(default_factory=list)  # run folders to delete
