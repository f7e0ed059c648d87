"""Looking into several things at once, each for so long and no longer: a mount that stalls must stall nobody else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from vos_core.doctor.report import Finding, Level, Topic

SECONDS = 5.0

_hanging: dict[tuple[Topic, str], threading.Thread] = {}  # what has not come back in this process


@dataclass(frozen=True)
class Probe:
    """One look: `look` gives findings about `what` (words for a sentence) within `seconds`, or is given up."""

    topic: Topic
    what: str
    look: Callable[[], Iterable[Finding]]
    seconds: float = SECONDS


def examine(probes: Sequence[Probe]) -> Iterator[Finding]:
    """The findings of all probes, in their order. All look at once, in threads that a hanging call cannot hold.

    A probe that hangs since an earlier call is not started a second time. One that raises is a finding, too: what is
    examined may be damaged in ways that nobody thought of.
    """
    began = time.monotonic()
    started = [_start(probe) for probe in probes]
    for probe, (thread, found) in zip(probes, started):
        thread.join(max(0.0, began + probe.seconds - time.monotonic()))
        if thread.is_alive():
            _hanging[probe.topic, probe.what] = thread
            yield Finding(
                probe.topic,
                Level.PROBLEM,
                f"{probe.what} did not answer within {probe.seconds:g} s",
                "A folder on a network disk may hang: try `ls` on it, and tell whoever runs that disk.",
            )
        else:
            yield from list(found)


def _start(probe: Probe) -> tuple[threading.Thread, list[Finding]]:
    found: list[Finding] = []
    before = _hanging.get((probe.topic, probe.what))
    if before is not None and before.is_alive():
        return before, found

    def look() -> None:
        try:
            found.extend(probe.look())
        except ImportError as error:
            name = error.name or str(error)
            found.append(
                Finding(probe.topic, Level.NOTE, f"{probe.what}: not looked at, the package {name} is missing")
            )
        except Exception as error:
            words = " ".join(f"{type(error).__name__}: {error}".split())
            found.append(Finding(probe.topic, Level.PROBLEM, f"{probe.what} could not be looked at ({words})"))

    thread = threading.Thread(target=look, name=f"doctor {probe.what}", daemon=True)
    thread.start()
    return thread, found
