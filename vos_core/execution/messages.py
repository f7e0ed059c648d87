"""What dispatcher and worker say to each other: small dataclasses, one JSON object a line."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from vos_core.errors import VosLabError


@dataclass(frozen=True)
class Assign:
    """Dispatcher -> worker: do this video task.

    `folder` is the run's folder, `predictions` that of its masks (the same, but for imported ones), `reference` what to
    score against instead of the dataset's annotations; all absolute.
    """

    task_id: int
    attempt: int
    kind: str
    video: str
    settings: str  # RunSettings.to_json()
    folder: str
    predictions: str
    reference: str | None = None


@dataclass(frozen=True)
class Upcoming:
    """Dispatcher -> worker: this video is likely the next that you will be assigned. Only a hint: it may be wrong."""

    video: str
    settings: str  # RunSettings.to_json()


@dataclass(frozen=True)
class Cancel:
    """Dispatcher -> worker: stop this attempt between two frames."""

    task_id: int
    attempt: int


@dataclass(frozen=True)
class Stop:
    """Dispatcher -> worker: stop what you do and exit."""


@dataclass(frozen=True)
class Ready:
    """Worker -> dispatcher: started, or idle again."""

    pid: int
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """Worker -> dispatcher: `stage` is loading, segmenting or scoring."""

    task_id: int
    attempt: int
    stage: str
    frames_done: int
    frames_per_second: float | None = None


@dataclass(frozen=True)
class Finished:
    """Worker -> dispatcher: the video's folder is in its place, with its sidecar."""

    task_id: int
    attempt: int


@dataclass(frozen=True)
class Failed:
    """Worker -> dispatcher: `sentence` says why. `whole_run`: no video of this run can be done (its model does not
    load)."""

    task_id: int
    attempt: int
    sentence: str
    whole_run: bool = False


@dataclass(frozen=True)
class Stopped:
    """Worker -> dispatcher: the attempt was stopped on request; nothing of it is left."""

    task_id: int
    attempt: int


@dataclass(frozen=True)
class Unfit:
    """Worker -> dispatcher, its last word: this process cannot use its device any more, `sentence` says why.

    `by_video`: it may be the video's doing.
    """

    task_id: int
    attempt: int
    sentence: str
    by_video: bool = False


Message = Assign | Upcoming | Cancel | Stop | Ready | Progress | Finished | Failed | Stopped | Unfit
_TYPES: dict[str, type[Any]] = {
    cls.__name__: cls for cls in (Assign, Upcoming, Cancel, Stop, Ready, Progress, Finished, Failed, Stopped, Unfit)
}
M = TypeVar("M")


def encode(message: Message) -> bytes:
    """One line, newline included."""
    return json.dumps({"type": type(message).__name__, **asdict(message)}).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Inverse of `encode`. Raises VosLabError for a line that is no message."""
    try:
        values = json.loads(line)
        message: Message = _TYPES[values.pop("type")](**values)
    except (ValueError, KeyError, TypeError) as error:
        raise VosLabError(f"not a message: {line[:200]!r}") from error
    return message
