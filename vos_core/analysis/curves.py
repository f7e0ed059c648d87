"""J&F against memory size, and J&F against speed: series for plots from finished runs and published rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vos_core.analysis.summaries import RunSummary, chosen_videos, run_devices, telling_options, was_timed
from vos_core.models.registry import MODELS
from vos_core.reference import ReferenceRow
from vos_core.runs import SHORT

MEMORY_OFF = 0


@dataclass(frozen=True)
class MemoryPoint:
    """One run on a curve: J&F (fraction) at a memory size. Times are None where they are not known.

    `seconds` is the run's wall time, `frames_per_second` all its frames by it. `shared` marks a run of the other
    memory mode at a size at which both modes compute the same.
    """

    memory_size: int
    jf_mean: float
    seconds: float | None
    frames_per_second: float | None
    source: str
    shared: bool = False


@dataclass(frozen=True)
class MemoryCurve:
    """J&F against memory size of one model, memory mode and split, by size.

    `memory_off` is the run at memory size 0, which skips memory altogether (object pointers too): it is no point of
    the curve. `videos` is empty for the whole split; `options` are those that differ from the model's defaults.
    `published` curves come from reference rows.
    """

    dataset: str
    split: str
    model: str
    memory_mode: str | None
    points: tuple[MemoryPoint, ...]
    memory_off: MemoryPoint | None = None
    videos: tuple[str, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()
    published: bool = False

    @property
    def label(self) -> str:
        """For legends: `sam2_hiera_large naive, image_size=512, 5 videos`."""
        parts = [" ".join(part for part in (self.model, self.memory_mode) if part)]
        parts += [f"{SHORT.get(name, name)}={value}" for name, value in self.options]
        if self.videos:
            parts.append(f"{len(self.videos)} video{'' if len(self.videos) == 1 else 's'}")
        if self.published:
            parts.append("published")
        return ", ".join(parts)

    @property
    def best(self) -> MemoryPoint | None:
        """The point with the highest J&F, the smallest memory of equals."""
        return max(self.points, key=lambda point: (point.jf_mean, -point.memory_size), default=None)


@dataclass(frozen=True)
class SpeedPoint:
    """One run's J&F (fraction) against its speed.

    `frames_per_second` is what the person waited for, `frames_per_worker_second` what one worker (one GPU) does.
    `on_front`: no other run over the same videos on the same devices is both faster per worker and at least as good.
    """

    run: str
    dataset: str
    split: str
    model: str
    memory_size: int | None
    memory_mode: str | None
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
    videos: tuple[str, ...]
    options: tuple[tuple[str, Any], ...]


def memory_curves(runs: Iterable[RunSummary]) -> tuple[MemoryCurve, ...]:
    """A curve for each model, memory mode, split (or choice of its videos) and set of options, sorted by these.

    Only runs with an official J&F and a memory size count; of several at one size the first listed. A run at a size
    at which the memory modes agree (the trained one, and memory off) stands on the other mode's curve too, if there
    is one.
    """
    found: dict[_Key, dict[int, MemoryPoint]] = {}
    for run in runs:
        if run.jf_mean is None or run.memory_size is None:
            continue
        key = _Key(run.dataset, run.split, run.model, run.memory_mode, chosen_videos(run), telling_options(run))
        point = MemoryPoint(
            memory_size=run.memory_size,
            jf_mean=run.jf_mean,
            seconds=run.active_s if was_timed(run) else None,
            frames_per_second=run.frames / run.active_s if was_timed(run) else None,
            source=run.name,
        )
        found.setdefault(key, {}).setdefault(run.memory_size, point)
    own = {key: dict(points) for key, points in found.items()}
    for key, points in own.items():
        for other in own:
            if other != key and replace(other, memory_mode=key.memory_mode) == key:
                for size in agreeing_sizes(key.model):
                    if size in points:
                        found[other].setdefault(size, replace(points[size], shared=True))
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
        )
        for key, points in found.items()
    ]
    return tuple(sorted(curves, key=_order))


def published_curves(rows: Sequence[ReferenceRow], dataset: str, split: str) -> tuple[MemoryCurve, ...]:
    """Curves of the published rows that give J&F at several memory sizes on this dataset and split.

    Draw one only beside runs of its own memory mode. Rows without a mode (single results) are no curve.
    """
    found: dict[tuple[str, str], dict[int, MemoryPoint]] = {}
    for row in rows:
        if not row.is_on(dataset, split) or row.jf_mean is None or row.memory_size is None or not row.memory_mode:
            continue
        points = found.setdefault((row.model_name or row.model, row.memory_mode), {})
        points[row.memory_size] = MemoryPoint(row.memory_size, row.jf_mean, row.seconds, None, row.source)
    curves = [
        MemoryCurve(
            dataset=dataset,
            split=split,
            model=model,
            memory_mode=mode,
            points=tuple(points[size] for size in sorted(points) if size != MEMORY_OFF),
            memory_off=points.get(MEMORY_OFF),
            published=True,
        )
        for (model, mode), points in found.items()
        if len(points) > 1
    ]
    return tuple(sorted(curves, key=_order))


def speed_points(runs: Iterable[RunSummary]) -> tuple[SpeedPoint, ...]:
    """J&F against frames a second, slowest first, of runs with an official J&F that were timed here."""
    timed = [run for run in runs if run.jf_mean is not None and was_timed(run)]

    def ground(run: RunSummary) -> tuple[object, ...]:
        return run.dataset, run.split, chosen_videos(run), run_devices(run)

    def beaten(run: RunSummary) -> bool:
        assert run.jf_mean is not None
        return any(
            ground(other) == ground(run)
            and other.jf_mean is not None
            and other.jf_mean >= run.jf_mean
            and other.frames / other.busy_s > run.frames / run.busy_s
            for other in timed
        )

    points = [
        SpeedPoint(
            run=run.name,
            dataset=run.dataset,
            split=run.split,
            model=run.model,
            memory_size=run.memory_size,
            memory_mode=run.memory_mode,
            devices=run_devices(run),
            jf_mean=run.jf_mean,
            frames_per_second=run.frames / run.active_s,
            frames_per_worker_second=run.frames / run.busy_s,
            on_front=not beaten(run),
        )
        for run in timed
        if run.jf_mean is not None
    ]
    return tuple(sorted(points, key=lambda point: (point.frames_per_worker_second, point.run)))


def agreeing_sizes(model: str) -> tuple[int, ...]:
    """Memory sizes at which both memory modes give the same masks: the trained size, and memory off."""
    spec = MODELS.get(model)
    if spec is None or not spec.memory_modes or spec.default_memory_size is None:
        return ()
    return (MEMORY_OFF, spec.default_memory_size)


def _order(curve: MemoryCurve) -> tuple[str, ...]:
    return (curve.dataset, curve.split, curve.model, curve.memory_mode or "", str(curve.videos), str(curve.options))
