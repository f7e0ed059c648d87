"""The three figures of an ablation as plain values: J&F and seconds against memory size, J&F against speed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from vos_core.analysis.curves import (
    MEMORY_OFF,
    MemoryCurve,
    MemoryPoint,
    SpeedPoint,
    memory_curves,
    published_curves,
    published_times,
    speed_points,
    time_curves,
)
from vos_core.analysis.summaries import (
    Place,
    RunSummary,
    chosen_videos,
    gpu_words,
    place_names,
    place_of,
    run_gpus,
    telling_options,
    was_timed,
)
from vos_core.reference import ReferenceRow
from vos_core.reports.marks import model_colour, model_symbol, model_title
from vos_core.runs import SHORT


class SeriesKind(StrEnum):
    """What the marks of a series are."""

    RUNS = "runs"
    MEMORY_OFF = "memory off"  # memory size 0: no point of a curve
    NO_MEMORY = "no memory"  # one run of a model without memory, level over all sizes
    PUBLISHED = "published"
    PUBLISHED_OFF = "published, memory off"
    FRONT = "front"  # no run is both faster and better

    @property
    def published(self) -> bool:
        """Whether others measured it."""
        return self in (SeriesKind.PUBLISHED, SeriesKind.PUBLISHED_OFF)

    @property
    def off(self) -> bool:
        """Whether it is memory size 0."""
        return self in (SeriesKind.MEMORY_OFF, SeriesKind.PUBLISHED_OFF)


@dataclass(frozen=True)
class Mark:
    """One run in a figure, or one published row (no `run_id`). A level line has no `x`."""

    x: float | None
    y: float
    source: str
    memory_size: int | None
    run_id: int | None = None
    text: str = ""  # further facts for the tip


@dataclass(frozen=True)
class Series:
    """Marks that belong together, and how they look: `colour` as #RRGGBB, `symbol` and `dash` as Plotly names them.

    `line` is what series that look the same have in common over all figures; `name` may add devices.
    """

    name: str
    line: str
    kind: SeriesKind
    marks: tuple[Mark, ...]
    colour: str
    symbol: str
    dash: str
    dataset: str
    split: str
    model: str
    memory_mode: str | None
    devices: str = ""


@dataclass(frozen=True)
class Axis:
    """`name` is the column of the data, `title` is for people, with its unit."""

    name: str
    title: str


@dataclass(frozen=True)
class Figure:
    """A figure before it is drawn. `sizes` are its memory sizes, empty where x is not memory size."""

    key: str
    title: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    note: str
    sizes: tuple[int, ...] = ()


_Ground = tuple[str, Place, tuple[str, ...], tuple[tuple[str, Any], ...]]
Run = TypeVar("Run", bound=RunSummary)
_SIZE = Axis("memory_size", "memory size N")


class _Looks:
    """One look a line in all figures of the same runs: hue is the model, dash the memory mode, marker what is left."""

    def __init__(self, runs: Iterable[RunSummary]) -> None:
        listed = list(runs)
        grounds = {(r.model, place_of(r), chosen_videos(r), telling_options(r)) for r in listed}
        self._turns: dict[_Ground, int] = {}
        used: dict[str, int] = {}
        for ground in sorted(grounds, key=str):
            self._turns[ground] = used.get(ground[0], 0)
            used[ground[0]] = used.get(ground[0], 0) + 1
        self._places = place_names(listed)

    def name(self, line: MemoryCurve | SpeedPoint | RunSummary, devices: str = "", published: bool = False) -> str:
        """For legends: `SAM 2 large · DAVIS val · naive · stride = 2 · 8 x NVIDIA L4`."""
        videos, options = _apart(line)
        parts = [model_title(line.model)]
        if len(self._places) > 1:  # others' rows name no folder
            parts.append(self._places.get(place_of(line), f"{line.dataset} {line.split}"))
        if line.memory_mode == "naive":
            parts.append("naive")
        parts += [f"{SHORT.get(name, name)} = {value}" for name, value in options]
        if videos:
            parts.append(f"{len(videos)} video{'' if len(videos) == 1 else 's'}")
        parts += [devices] if devices else []
        return " · ".join([*parts, "published"] if published else parts)

    def series(
        self,
        line: MemoryCurve | SpeedPoint | RunSummary,
        kind: SeriesKind,
        marks: Iterable[Mark],
        devices: str = "",
        told: str = "",
    ) -> Series:
        """A series that looks as its line does in every figure; `told` are devices that the name must tell."""
        videos, options = _apart(line)
        turn = self._turns.get((line.model, place_of(line), videos, options), 0)
        level = kind.published or kind is SeriesKind.NO_MEMORY
        return Series(
            name=self.name(line, told, kind.published) + (", memory off" if kind.off else ""),
            line=self.name(line, published=kind.published),
            kind=kind,
            marks=tuple(marks),
            colour=model_colour(line.model),
            symbol=model_symbol(line.model, turn),
            dash="dash" if level else "dot" if line.memory_mode == "naive" else "solid",
            dataset=line.dataset,
            split=line.split,
            model=line.model,
            memory_mode=line.memory_mode,
            devices=devices,
        )


def memory_figure(runs: Sequence[RunSummary], references: Sequence[ReferenceRow] = ()) -> Figure:
    """J&F against memory size: a line a dataset, split, model, mode and set of options; published ones dashed.

    A published curve is drawn only where a run of its dataset, split, model and memory mode is. Of several runs at one
    place the first listed counts.
    """
    flat = [run for run in runs if run.memory_size is None and run.jf_mean is not None]
    return _against_memory(
        "memory",
        "J&F against memory size",
        Axis("jf_mean", "J&F-Mean"),
        _Looks(runs),
        memory_curves(runs),
        lambda dataset, split: published_curves(references, dataset, split),
        flat,
        lambda point: point.jf_mean,
        lambda run: run.jf_mean,
        "Dashed: methods without memory, and published scores of the same memory mode. Object pointers are independent "
        "of N: even at N = 1 some history remains.",
    )


def seconds_figure(runs: Sequence[RunSummary], references: Sequence[ReferenceRow] = ()) -> Figure:
    """Wall seconds of finished runs against memory size (`InferenceTime_s`), as `memory_figure`.

    Runs on other GPUs, or another number of them, are lines of their own. Runs need no scores to be in it.
    """
    flat = [run for run in runs if run.memory_size is None and run.state == "done" and was_timed(run)]
    curves = time_curves(runs)
    devices = {curve.devices for curve in curves} | {gpu_words(run_gpus(run)) for run in flat}
    note = "Seconds with a worker on the run, model loading included. "
    same = f"All on {'the CPU' if devices == {'CPU'} else min(devices, default='')}."
    note += same if len(devices) == 1 else "Runs on other GPUs, or another number of them, are lines of their own."
    return _against_memory(
        "seconds",
        "Seconds against memory size",
        Axis("seconds", "seconds of the run"),
        _Looks(runs),
        curves,
        lambda dataset, split: published_times(references, dataset, split),
        flat,
        lambda point: point.seconds,
        lambda run: run.active_s,
        note,
    )


def speed_figure(runs: Sequence[RunSummary], references: Sequence[ReferenceRow] = ()) -> Figure:
    """J&F against frames a second of one worker: a mark a run, and the front of those that nothing beats in both.

    A front is drawn for each choice of videos and devices on which at least two runs stand on it.
    """
    looks = _Looks(runs)
    points = speed_points(runs)
    found: dict[tuple[object, ...], list[SpeedPoint]] = {}
    fronts: dict[tuple[object, ...], list[SpeedPoint]] = {}
    for point in points:
        off = point.memory_size == MEMORY_OFF
        place = place_of(point)
        line = (place, point.model, point.memory_mode, point.videos, point.options, point.devices)
        found.setdefault((*line, off), []).append(point)
        if point.on_front and not off:
            fronts.setdefault((place, point.videos, point.devices), []).append(point)
    series = [
        Series(
            name="front: none is both faster and better",
            line="front: none is both faster and better",
            kind=SeriesKind.FRONT,
            marks=tuple(_speed_mark(point) for point in front),
            colour="#8A9296",
            symbol="circle",
            dash="solid",
            dataset=front[0].dataset,
            split=front[0].split,
            model="",
            memory_mode=None,
            devices=", ".join(front[0].devices),
        )
        for front in fronts.values()
        if len(front) > 1
    ]
    series += [
        looks.series(line[0], kind, map(_speed_mark, line), ", ".join(line[0].devices))
        for line in found.values()
        for kind in [SeriesKind.RUNS if line[0].memory_size != MEMORY_OFF else SeriesKind.MEMORY_OFF]
    ]
    return Figure(
        "speed",
        "J&F against speed",
        Axis("frames_per_worker_second", "frames/s of one worker"),
        Axis("jf_mean", "J&F-Mean"),
        tuple(series) if len(points) > 1 else (),
        "A number beside a mark is its memory size; hollow marks are of the naive mode. The grey line joins runs that "
        "no other run on the same device beats in both.",
    )


FIGURES: dict[str, Callable[[Sequence[RunSummary], Sequence[ReferenceRow]], Figure]] = {
    "memory": memory_figure,
    "seconds": seconds_figure,
    "speed": speed_figure,
}
"""Name -> the figure of runs and published rows. A figure without series has nothing to show."""


def figure(key: str, runs: Sequence[RunSummary], references: Sequence[ReferenceRow] = ()) -> Figure:
    """The figure `key` of FIGURES."""
    return FIGURES[key](runs, references)


def figures(runs: Sequence[RunSummary], references: Sequence[ReferenceRow] = ()) -> tuple[Figure, ...]:
    """Those of the figures that these runs have."""
    return tuple(drawn for key in FIGURES if (drawn := figure(key, runs, references)).series)


def by_split(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """`DAVIS val` -> the runs over it, those with most runs first: J&F of different videos share no axis.

    Two datasets of one name are told apart by their folders.
    """
    listed = list(runs)
    names = place_names(listed)
    found: dict[str, list[Run]] = {}
    for run in listed:
        found.setdefault(names[place_of(run)], []).append(run)
    return dict(sorted(found.items(), key=lambda item: (-sum(run.jf_mean is not None for run in item[1]), item[0])))


def _against_memory(
    key: str,
    title: str,
    y: Axis,
    looks: _Looks,
    ours: Sequence[MemoryCurve],
    published: Callable[[str, str], Sequence[MemoryCurve]],
    flat: Sequence[RunSummary],
    of_point: Callable[[MemoryPoint], float | None],
    of_run: Callable[[RunSummary], float | None],
    note: str,
) -> Figure:
    if not any(curve.points for curve in ours):
        return Figure(key, title, _SIZE, y, (), note)
    drawn = {(curve.dataset, curve.split, curve.model, curve.memory_mode) for curve in ours}
    theirs = [
        curve
        for place in dict.fromkeys((curve.dataset, curve.split) for curve in ours)
        for curve in published(*place)
        if (curve.dataset, curve.split, curve.model, curve.memory_mode) in drawn
    ]
    several_devices = len({curve.devices for curve in (*ours, *theirs)}) > 1
    series = []
    for curve in (*ours, *theirs):
        told = curve.devices if several_devices else ""
        kinds = (
            (SeriesKind.PUBLISHED, SeriesKind.PUBLISHED_OFF)
            if curve.published
            else (SeriesKind.RUNS, SeriesKind.MEMORY_OFF)
        )
        off = (curve.memory_off,) if curve.memory_off and not curve.memory_off.shared else ()
        for kind, points in zip(kinds, (curve.points, off)):
            marks = [_memory_mark(point, of_point(point)) for point in points]
            if marks:
                series.append(looks.series(curve, kind, marks, curve.devices, told))
    levels: dict[str, Series] = {}
    for run in flat:
        devices = gpu_words(run_gpus(run)) if key == "seconds" else ""
        mark = Mark(None, of_run(run) or 0.0, run.name, None, run.id)
        level = looks.series(run, SeriesKind.NO_MEMORY, [mark], devices, devices if several_devices else "")
        levels.setdefault(level.name, level)
    series += sorted(levels.values(), key=lambda one: one.name)
    sizes = {mark.memory_size for one in series for mark in one.marks if mark.memory_size is not None}
    return Figure(key, title, _SIZE, y, tuple(series), note, tuple(sorted(sizes)))


def _memory_mark(point: MemoryPoint, value: float | None) -> Mark:
    assert value is not None  # these curves are made of points that have it
    text = "run of the other memory mode: both agree here" if point.shared else ""
    return Mark(point.memory_size, value, point.source, point.memory_size, point.run_id, text)


def _speed_mark(point: SpeedPoint) -> Mark:
    text = f"{point.frames_per_second:.2f} frames/s in all, on {', '.join(point.devices) or 'unknown devices'}"
    return Mark(point.frames_per_worker_second, point.jf_mean, point.run, point.memory_size, point.run_id, text)


def _apart(line: MemoryCurve | SpeedPoint | RunSummary) -> tuple[tuple[str, ...], tuple[tuple[str, Any], ...]]:
    """The chosen videos and telling options of a line."""
    if isinstance(line, MemoryCurve | SpeedPoint):
        return line.videos, line.options
    return chosen_videos(line), telling_options(line)
