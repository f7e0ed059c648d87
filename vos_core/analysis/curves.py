"""J&F and seconds against memory size, and J&F against speed: series for plots from runs and published rows."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vos_core.analysis.summaries import (
    RunSummary,
    chosen_videos,
    gpu_words,
    place_of,
    run_devices,
    run_gpus,
    telling_options,
    was_timed,
)
from vos_core.models.registry import MODELS, MemoryMode
from vos_core.reference import ReferenceRow
from vos_core.runs import SHORT

MEMORY_OFF = 0


@dataclass(frozen=True)
class MemoryPoint:
    """One run on a curve: J&F (fraction) at a memory size. What is not known is None.

    `seconds` is the run's wall time, `frames_per_second` all its frames by it. `shared` marks a run of the other
    memory mode at a size at which both modes compute the same. Published points have no `run_id`.
    """

    memory_size: int
    jf_mean: float | None
    seconds: float | None
    frames_per_second: float | None
    source: str
    shared: bool = False
    run_id: int | None = None


@dataclass(frozen=True)
class MemoryCurve:
    """Runs of one model, memory mode and split, by memory size.

    `memory_off` is the run at memory size 0, which skips memory altogether (object pointers too): it is no point of
    the curve. `videos` is empty for the whole split; `options` are those that differ from the model's defaults;
    `devices` is told of curves of seconds only. `published` curves come from reference rows and have no
    `dataset_path`.
    """

    dataset: str
    split: str
    model: str
    memory_mode: str | None
    points: tuple[MemoryPoint, ...]
    memory_off: MemoryPoint | None = None
    videos: tuple[str, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()
    devices: str = ""
    published: bool = False
    dataset_path: str = ""

    @property
    def label(self) -> str:
        """For legends: `sam2_hiera_large naive, image_size=512, 5 videos`."""
        parts = [" ".join(part for part in (self.model, self.memory_mode) if part)]
        parts += [f"{SHORT.get(name, name)}={value}" for name, value in self.options]
        if self.videos:
            parts.append(f"{len(self.videos)} video{'' if len(self.videos) == 1 else 's'}")
        if self.devices:
            parts.append(self.devices)
        if self.published:
            parts.append("published")
        return ", ".join(parts)

    @property
    def best(self) -> MemoryPoint | None:
        """The point with the highest J&F, the smallest memory of equals; None where no point has one."""
        scored = [(point.jf_mean, -point.memory_size, point) for point in self.points if point.jf_mean is not None]
        return max(scored, key=lambda entry: entry[:2])[2] if scored else None


@dataclass(frozen=True)
class SpeedPoint:
    """One run's J&F (fraction) against its speed.

    `frames_per_second` is what the person waited for, `frames_per_worker_second` what one worker (one GPU) does.
    `on_front`: no other run over the same videos on the same devices is both faster per worker and at least as good.
    """

    run_id: int
    run: str
    dataset: str
    dataset_path: str
    split: str
    model: str
    memory_size: int | None
    memory_mode: str | None
    videos: tuple[str, ...]
    options: tuple[tuple[str, Any], ...]
    devices: tuple[str, ...]
    jf_mean: float
    frames_per_second: float
    frames_per_worker_second: float
    on_front: bool


@dataclass(frozen=True)
class _Key:
    dataset: str
    split: str
    model: str
    memory_mode: str | None
    videos: tuple[str, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()
    devices: str = ""
    dataset_path: str = ""


def memory_curves(runs: Iterable[RunSummary]) -> tuple[MemoryCurve, ...]:
    """A curve for each dataset folder, split (or choice of its videos), model, memory mode and set of options, sorted.

    Only runs with an official J&F and a memory size count; of several at one size the first listed. A run at a size
    at which the memory modes agree (the trained one, and memory off) stands on the other mode's curve too, if there
    is one.
    """
    return _curves((run for run in runs if run.jf_mean is not None), on_devices=False)


def time_curves(runs: Iterable[RunSummary]) -> tuple[MemoryCurve, ...]:
    """Curves of wall seconds of finished runs that were computed here, scored or not, as `memory_curves`.

    Runs on different numbers or kinds of GPUs are different curves.
    """
    return _curves((run for run in runs if run.state == "done" and was_timed(run)), on_devices=True)


def _curves(runs: Iterable[RunSummary], *, on_devices: bool) -> tuple[MemoryCurve, ...]:
    found: dict[_Key, dict[int, MemoryPoint]] = {}
    for run in runs:
        if run.memory_size is None:
            continue
        devices = gpu_words(run_gpus(run)) if on_devices else ""
        options = telling_options(run)
        videos = chosen_videos(run)
        key = _Key(run.dataset, run.split, run.model, run.memory_mode, videos, options, devices, run.dataset_path)
        point = MemoryPoint(
            memory_size=run.memory_size,
            jf_mean=run.jf_mean,
            seconds=run.active_s if was_timed(run) else None,
            frames_per_second=run.frames / run.active_s if was_timed(run) else None,
            source=run.name,
            run_id=run.id,
        )
        found.setdefault(key, {}).setdefault(run.memory_size, point)
    own = {key: dict(points) for key, points in found.items()}
    for key, points in own.items():
        for mode in MemoryMode:
            other = replace(key, memory_mode=mode.value)
            if other != key and other in own:
                for size in agreeing_sizes(key.model):
                    if size in points:
                        found[other].setdefault(size, replace(points[size], shared=True))
    return _sorted(found, published=False)


def published_curves(rows: Sequence[ReferenceRow], dataset: str, split: str) -> tuple[MemoryCurve, ...]:
    """Curves of the published rows that give J&F at several memory sizes on this dataset and split.

    Draw one only beside runs of its own memory mode. Rows without a mode (single results) are no curve.
    """
    return _published((row for row in rows if row.jf_mean is not None), dataset, split, on_devices=False)


def published_times(rows: Sequence[ReferenceRow], dataset: str, split: str) -> tuple[MemoryCurve, ...]:
    """Curves of published seconds, as `published_curves`, each on its own GPUs; what the row scores does not matter."""
    return _published((row for row in rows if row.seconds is not None), dataset, split, on_devices=True)


def _published(rows: Iterable[ReferenceRow], dataset: str, split: str, *, on_devices: bool) -> tuple[MemoryCurve, ...]:
    found: dict[_Key, dict[int, MemoryPoint]] = {}
    for row in rows:
        if not row.is_on(dataset, split) or row.memory_size is None or not row.memory_mode:
            continue
        devices = f"{row.gpus} x {row.gpu_name}" if on_devices and row.gpus else ""
        key = _Key(dataset, split, row.model_name or row.model, row.memory_mode, devices=devices)
        point = MemoryPoint(row.memory_size, row.jf_mean, row.seconds, None, row.source)
        found.setdefault(key, {})[row.memory_size] = point
    return _sorted({key: points for key, points in found.items() if len(points) > 1}, published=True)


def _sorted(found: Mapping[_Key, Mapping[int, MemoryPoint]], *, published: bool) -> tuple[MemoryCurve, ...]:
    curves = [
        MemoryCurve(
            dataset=key.dataset,
            split=key.split,
            model=key.model,
            memory_mode=key.memory_mode,
            points=tuple(points[size] for size in sorted(points) if size != MEMORY_OFF),
            memory_off=points.get(MEMORY_OFF),
            videos=key.videos,
            options=key.options,
            devices=key.devices,
            published=published,
            dataset_path=key.dataset_path,
        )
        for key, points in found.items()
    ]
    return tuple(sorted(curves, key=_order))


def speed_points(runs: Iterable[RunSummary]) -> tuple[SpeedPoint, ...]:
    """J&F against frames a second, slowest first, of runs with an official J&F that were timed here."""
    grounds: dict[tuple[object, ...], list[tuple[float, float, RunSummary]]] = {}
    for run in runs:
        if run.jf_mean is not None and was_timed(run):
            ground = place_of(run), chosen_videos(run), run_devices(run)
            grounds.setdefault(ground, []).append((run.frames / run.busy_s, run.jf_mean, run))
    points = []
    for timed in grounds.values():
        best = -1.0  # J&F of all that are faster
        by_speed = itertools.groupby(sorted(timed, key=lambda entry: -entry[0]), key=lambda entry: entry[0])
        for speed, equals in by_speed:
            alike = list(equals)
            points += [_speed_point(run, speed, score, on_front=score > best) for _, score, run in alike]
            best = max(best, *(score for _, score, _ in alike))
    return tuple(sorted(points, key=lambda point: (point.frames_per_worker_second, point.run)))


def _speed_point(run: RunSummary, speed: float, score: float, *, on_front: bool) -> SpeedPoint:
    return SpeedPoint(
        run_id=run.id,
        run=run.name,
        dataset=run.dataset,
        dataset_path=run.dataset_path,
        split=run.split,
        model=run.model,
        memory_size=run.memory_size,
        memory_mode=run.memory_mode,
        videos=chosen_videos(run),
        options=telling_options(run),
        devices=run_devices(run),
        jf_mean=score,
        frames_per_second=run.frames / run.active_s,
        frames_per_worker_second=speed,
        on_front=on_front,
    )


def agreeing_sizes(model: str) -> tuple[int, ...]:
    """Memory sizes at which both memory modes give the same masks: the trained size, and memory off."""
    spec = MODELS.get(model)
    if spec is None or not spec.memory_modes or spec.default_memory_size is None:
        return ()
    return (MEMORY_OFF, spec.default_memory_size)


def _order(curve: MemoryCurve) -> tuple[str, ...]:
    return (
        curve.dataset,
        curve.split,
        curve.model,
        curve.memory_mode or "",
        str(curve.videos),
        str(curve.options),
        curve.devices,
        curve.dataset_path,
    )
