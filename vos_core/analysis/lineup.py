"""Several runs side by side over what all of them scored; the first is the baseline A that the others are held against.

Which runs may stand in one line-up is said by their `Ground`: figures of another dataset, or of another kind, measure
something else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from vos_core.analysis.comparisons import Comparison, ObjectScore, VideoDifference, compare, left_out, listed
from vos_core.errors import InputError

MOST = 8
"""Runs at most: more are no comparison any more, and no screen shows their frames side by side."""
LETTERS = "ABCDEFGH"


@dataclass(frozen=True)
class Ground:
    """What a run's figures measure: `meaning` (J&F, agreement with a reference) on a dataset, which lies in `place`."""

    dataset: str
    place: str
    meaning: str

    def objection(self, name: str, other: Ground, other_name: str) -> str | None:
        """Why `other` cannot be compared with this, a sentence; None where it can. Names begin the parts about each."""
        if other.meaning != self.meaning:
            return (
                f"The figures of {other_name} are {other.meaning}, those of {name} are {self.meaning}: they measure "
                "different things."
            )
        if other.place != self.place:
            return (
                f"{other_name} is on {other.dataset} in {other.place}, {name} on {self.dataset} in {self.place}: "
                "two datasets."
            )
        return None


@dataclass(frozen=True)
class VideoLine:
    """One video in all runs: J&F of each as mean over the video's common objects, fractions, in the runs' order."""

    video: str
    objects: int
    values: tuple[float, ...]

    @property
    def spread(self) -> float:
        """Largest J&F minus smallest."""
        return max(self.values) - min(self.values)

    @property
    def mean(self) -> float:
        """Mean J&F over the runs."""
        return _mean(self.values)


@dataclass(frozen=True)
class ObjectLine:
    """One object in all runs: mean J and F of each, fractions, in the runs' order."""

    video: str
    object_id: int
    j: tuple[float, ...]
    f: tuple[float, ...]

    @property
    def values(self) -> tuple[float, ...]:
        """J&F of each run."""
        return tuple((j + f) / 2 for j, f in zip(self.j, self.f))

    @property
    def sequence(self) -> str:
        """The official tables' row name, `{video}_{k}`."""
        return f"{self.video}_{self.object_id}"


@dataclass(frozen=True)
class Lineup:
    """`runs[i]` are the scores of run i over the common objects, in A's order; `left_out[i]` what only it has not in
    common with all others, as (video, object). Made by `line_up`."""

    runs: tuple[tuple[ObjectScore, ...], ...]
    left_out: tuple[tuple[tuple[str, int], ...], ...]

    @cached_property
    def objects(self) -> tuple[ObjectLine, ...]:
        """The common objects in A's order."""
        return tuple(
            ObjectLine(rows[0].video, rows[0].object_id, tuple(r.j_mean for r in rows), tuple(r.f_mean for r in rows))
            for rows in zip(*self.runs)
        )

    @cached_property
    def videos(self) -> tuple[VideoLine, ...]:
        """The common videos in A's order."""
        by_video: dict[str, list[tuple[float, ...]]] = {}
        for line in self.objects:
            by_video.setdefault(line.video, []).append(line.values)
        return tuple(
            VideoLine(video, len(values), tuple(_mean(run) for run in zip(*values)))
            for video, values in by_video.items()
        )

    @cached_property
    def means(self) -> tuple[float, ...]:
        """J&F of each run, the official mean over the common objects; NaN when there are none."""
        return tuple(_mean([(row.j_mean + row.f_mean) / 2 for row in rows]) for rows in self.runs)

    @cached_property
    def pairs(self) -> tuple[Comparison, ...]:
        """Each run but the first held against the first, over the objects that all runs have."""
        return tuple(compare(self.runs[0], rows) for rows in self.runs[1:])

    def differences(self, index: int) -> tuple[VideoDifference, ...]:
        """Videos by what run `index` gains over A, largest gain first and largest loss last."""
        rows = self.pairs[index - 1].videos
        return tuple(sorted(rows, key=lambda row: (-row.difference, row.video)))

    def scope(self, names: Sequence[str]) -> str:
        """A sentence that says what is compared, and what is left out because not every run has it."""
        every = "both" if len(self.runs) == 2 else f"the {len(self.runs)}"
        if not self.objects:
            return f"No video has scores in {every.replace('the', 'all')} runs: there is nothing to compare."
        common = {line.video for line in self.objects}
        told = f"Compared over {_count(len(common), 'video')} ({_count(len(self.objects), 'object')})"
        missing = [
            f"of {name}: {listed(left_out(pairs, common))}" for name, pairs in zip(names, self.left_out) if pairs
        ]
        if not missing:
            return f"{told}, all that {every} runs have."
        return f"{told} that {every.replace('the', 'all')} runs have; left out, {'; '.join(missing)}."


def line_up(runs: Sequence[Sequence[ObjectScore]]) -> Lineup:
    """The runs' object scores over the objects that all have. Raises InputError for less than two runs, more than
    `MOST`, and for scores that `compare` refuses."""
    if not 2 <= len(runs) <= MOST:
        raise InputError(f"{len(runs)} runs cannot be compared: name 2 to {MOST}.")
    found = [{(row.video, row.object_id): row for row in rows} for rows in runs]
    for rows, by_object in zip(runs, found):
        if len(rows) != len(by_object):
            raise InputError("A run lists an object of a video twice: score it again.")
    common = [key for key in found[0] if all(key in other for other in found)]
    kept = set(common)
    return Lineup(
        tuple(tuple(by_object[key] for key in common) for by_object in found),
        tuple(tuple(key for key in by_object if key not in kept) for by_object in found),
    )


def widest_gap(means: Sequence[Mapping[int, float]]) -> int | None:
    """The frame in which the runs differ most; where several do, the one with the lowest mean, then the earliest.

    `means[i]` is frame -> J&F of run i in one video. None when no frame is scored in all runs.
    """
    frames = set(means[0]).intersection(*means[1:]) if means else set()

    def order(frame: int) -> tuple[float, float, int]:
        values = [run[frame] for run in means]
        return min(values) - max(values), _mean(values), frame

    return min(frames, key=order, default=None)


def lowest(means: Mapping[int, float]) -> int | None:
    """The earliest frame of the lowest J&F (`means`: frame -> J&F); None when there is none."""
    return min(means, key=lambda frame: (means[frame], frame), default=None)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
