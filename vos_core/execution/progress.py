"""How fast a run goes and how long it will take: from its workers' rates, and the expected cost of what waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Underway:
    """A video that a worker is on. `rate` is in frames a second (None before the first frames); `expected_s` what the
    whole video was expected to take."""

    frames: int
    done: int
    rate: float | None
    expected_s: float


@dataclass(frozen=True)
class Pace:
    """Frames a second now, over all workers on a run, and the seconds that it still takes; None while not known."""

    frames_per_second: float | None
    seconds_left: float | None


def pace_of(underway: Sequence[Underway], waiting_s: float) -> Pace:
    """A run's pace.

    What waits is expected to take `waiting_s`, one video after the other, at the pace that past videos had. The videos
    underway say how far that is off here and now (another GPU, a busy machine, nothing known yet): their ratio of real
    to expected seconds holds for the others too. As many workers as are on it now share the rest, and no run ends
    before the longest of its videos does.

    Args:
        underway: the videos that workers are on, at least one.
        waiting_s: expected seconds of the run's waiting videos.
    """
    told = [(video, video.rate) for video in underway if video.rate]
    if not told:
        return Pace(None, None)
    real = sum(video.frames / rate for video, rate in told)
    expected = sum(video.expected_s for video, _ in told)
    off = real / expected if expected > 0 else 1.0
    remaining = [
        (video.frames - video.done) / video.rate if video.rate else video.expected_s * off for video in underway
    ]
    left = max((sum(remaining) + waiting_s * off) / len(underway), *remaining)
    return Pace(sum(rate for _, rate in told), left)
