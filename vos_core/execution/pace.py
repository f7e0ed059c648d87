"""What videos took on this machine, from its own past runs: for the minutes that a launch is told beforehand."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from db import launches
from vos_core.execution.cost import fit_cost, typical_load
from vos_core.forecast import Pace, RunPace
from vos_core.models.sam2_pace import VideoSeconds
from vos_core.provenance import cpu_name
from vos_core.runs import RunSettings

AT_LEAST = 3  # videos: fewer tell too little
# Options that change how fast SAM 2 is; the others do so by a few percent at most.
_SPEED = ("image_size", "exact", "compile", "objects_at_once", "frames_at_once")


def past_pace(database: Path) -> Pace:
    """(settings, device name) -> the pace of such a run on that device, None where nothing like it was run there.

    That of the same memory size and mode where this machine has run it, else that of the same model at others, which
    says so.
    """

    @cache
    def videos_of(model: str, device: str, speed: tuple[Any, ...]) -> Mapping[Any, list[launches.TimedVideo]]:
        if not database.exists():
            return {}
        settings = _settings(database, model)
        by_memory: dict[Any, list[launches.TimedVideo]] = defaultdict(list)
        for video in launches.timed_videos(database, model, device):
            run = settings.get(video.run_id)
            if run is not None and _speed(run) == speed:
                by_memory[run.memory_size, run.memory_mode].append(video)
        return by_memory

    @cache
    def pace(settings: RunSettings, device: str) -> RunPace | None:
        by_memory = videos_of(settings.model, device, _speed(settings))
        same = _fit(by_memory.get((settings.memory_size, settings.memory_mode), ()), "")
        others = (video for videos in by_memory.values() for video in videos)
        return same or _fit(others, "from other memory sizes")

    return pace


def past_cpu_seconds(database: Path) -> VideoSeconds:
    """(model, frames, objects) -> seconds of a video on this processor; None for a model with too few past videos."""
    pace = past_pace(database)

    def seconds(model: str, frames: int, objects: int) -> float | None:
        told = pace(RunSettings("", "", "", model), cpu_name())
        return told.seconds(frames, objects) if told else None

    return seconds


def _fit(videos: Iterable[launches.TimedVideo], note: str) -> RunPace | None:
    rows = list(videos)
    if len(rows) < AT_LEAST:
        return None
    loads = [row.load_s for row in rows if row.load_s > 0]
    cost = fit_cost(((row.frames, row.objects, row.seconds) for row in rows), at_least=AT_LEAST)
    return RunPace(cost.cost, typical_load(loads) if loads else 0.0, note)


def _settings(database: Path, model: str) -> dict[int, RunSettings]:
    """Settings by run; without those that a newer VOS Lab wrote."""
    told = {}
    for run_id, values in launches.run_settings(database, model).items():
        with contextlib.suppress(TypeError, ValueError):
            told[run_id] = RunSettings.from_values(values)
    return told


def _speed(run: RunSettings) -> tuple[Any, ...]:
    return tuple(run.option(name) for name in _SPEED)
