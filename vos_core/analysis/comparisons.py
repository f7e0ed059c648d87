"""Two runs side by side: what each object and each video gained or lost, and who is ahead how often."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from vos_core.errors import InputError

TIE = 0.0005
"""Fraction of J&F: a smaller difference is a tie, as it does not show in the official tables (three decimals)."""


class ObjectScore(Protocol):
    """Mean J and F of one object of a video over its evaluated frames, fractions."""

    @property
    def video(self) -> str:
        """Name of the video."""

    @property
    def object_id(self) -> int:
        """Object in the video, from 1."""

    @property
    def j_mean(self) -> float:
        """Mean J."""

    @property
    def f_mean(self) -> float:
        """Mean F."""


@dataclass(frozen=True)
class ObjectDifference:
    """One object in both runs: mean J and F in A and in B, fractions; differences are B minus A."""

    video: str
    object_id: int
    j_a: float
    f_a: float
    j_b: float
    f_b: float

    @property
    def a(self) -> float:
        """J&F in A."""
        return (self.j_a + self.f_a) / 2

    @property
    def b(self) -> float:
        """J&F in B."""
        return (self.j_b + self.f_b) / 2

    @property
    def difference(self) -> float:
        """J&F of B minus that of A."""
        return self.b - self.a

    @property
    def j_difference(self) -> float:
        """J of B minus that of A."""
        return self.j_b - self.j_a

    @property
    def f_difference(self) -> float:
        """F of B minus that of A."""
        return self.f_b - self.f_a

    @property
    def sequence(self) -> str:
        """The official tables' row name, `{video}_{k}`."""
        return f"{self.video}_{self.object_id}"


@dataclass(frozen=True)
class VideoDifference:
    """One video in both runs: J&F in A and in B as means over its common objects, fractions."""

    video: str
    objects: int
    a: float
    b: float

    @property
    def difference(self) -> float:
        """J&F of B minus that of A."""
        return self.b - self.a


@dataclass(frozen=True)
class Tally:
    """How often B is better than A, worse, or within `TIE` of it."""

    wins: int
    losses: int
    ties: int

    @classmethod
    def of(cls, differences: Iterable[float], tie: float = TIE) -> Tally:
        """Count differences B minus A."""
        values = list(differences)
        wins = sum(value > tie for value in values)
        losses = sum(value < -tie for value in values)
        return cls(wins, losses, len(values) - wins - losses)

    @property
    def total(self) -> int:
        """All that was compared."""
        return self.wins + self.losses + self.ties


@dataclass(frozen=True)
class Comparison:
    """Two runs over what both scored. `objects` and `videos` are sorted by size of the difference, largest first.

    What only one run has is listed and left out of every number: (video, object) pairs of `only_in_a` and
    `only_in_b`.
    """

    objects: tuple[ObjectDifference, ...]
    videos: tuple[VideoDifference, ...]
    only_in_a: tuple[tuple[str, int], ...]
    only_in_b: tuple[tuple[str, int], ...]

    @property
    def a(self) -> float:
        """J&F of A as the official mean over the common objects; NaN when there are none."""
        return _mean([row.a for row in self.objects])

    @property
    def b(self) -> float:
        """J&F of B as the official mean over the common objects; NaN when there are none."""
        return _mean([row.b for row in self.objects])

    @property
    def difference(self) -> float:
        """J&F of B minus that of A over the common objects; NaN when there are none."""
        return self.b - self.a

    @cached_property
    def object_tally(self) -> Tally:
        """Wins, losses and ties over objects."""
        return Tally.of(row.difference for row in self.objects)

    @cached_property
    def video_tally(self) -> Tally:
        """Wins, losses and ties over videos."""
        return Tally.of(row.difference for row in self.videos)

    def scope(self, names: tuple[str, str] = ("A", "B")) -> str:
        """A sentence that says what was compared, and what was left out because only one run has it."""
        if not self.objects:
            return f"{names[0]} and {names[1]} have no video in common: there is nothing to compare."
        text = f"Compared over {_count(len(self.videos), 'video')} ({_count(len(self.objects), 'object')})"
        left = [
            f"only in {name}: {listed(left_out(pairs, {row.video for row in self.objects}))}"
            for name, pairs in zip(names, (self.only_in_a, self.only_in_b))
            if pairs
        ]
        if not left:
            return f"{text}, all that both runs have."
        return f"{text} that both runs have; left out, {'; '.join(left)}."


def compare(a: Sequence[ObjectScore], b: Sequence[ObjectScore]) -> Comparison:
    """Per-object and per-video differences of two runs, B minus A, over the objects that both scored.

    Raises InputError when a run lists an object twice or has a score that is no number.
    """
    rows_a, rows_b = _by_object(a, "first"), _by_object(b, "second")
    objects = [
        ObjectDifference(*key, row.j_mean, row.f_mean, rows_b[key].j_mean, rows_b[key].f_mean)
        for key, row in rows_a.items()
        if key in rows_b
    ]
    by_video: dict[str, list[ObjectDifference]] = {}
    for row in objects:
        by_video.setdefault(row.video, []).append(row)
    videos = [
        VideoDifference(video, len(rows), _mean([row.a for row in rows]), _mean([row.b for row in rows]))
        for video, rows in by_video.items()
    ]
    return Comparison(
        objects=tuple(sorted(objects, key=lambda row: (-abs(row.difference), row.video, row.object_id))),
        videos=tuple(sorted(videos, key=lambda row: (-abs(row.difference), row.video))),
        only_in_a=tuple(sorted(rows_a.keys() - rows_b.keys())),
        only_in_b=tuple(sorted(rows_b.keys() - rows_a.keys())),
    )


def _by_object(rows: Sequence[ObjectScore], which: str) -> dict[tuple[str, int], ObjectScore]:
    found: dict[tuple[str, int], ObjectScore] = {}
    for row in rows:
        key = (row.video, row.object_id)
        if key in found:
            raise InputError(
                f"The {which} run lists object {row.object_id} of video {row.video} twice: score it again."
            )
        if not (math.isfinite(row.j_mean) and math.isfinite(row.f_mean)):
            raise InputError(
                f"The {which} run's score of object {row.object_id} of video {row.video} is no number: score it again."
            )
        found[key] = row
    return found


def left_out(pairs: Sequence[tuple[str, int]], common: set[str]) -> list[str]:
    """Whole videos by name; single objects of a common video as `{video}_{k}`."""
    return list(dict.fromkeys(f"{video}_{k}" if video in common else video for video, k in pairs))


def listed(names: Sequence[str], most: int = 5) -> str:
    """The first `most` names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
