"""What a launch will take, said before it: minutes from this machine's own past, and disk. Reads no database."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from vos_core.cores import cpu_workers
from vos_core.datasets.checks import VideoFacts
from vos_core.gpus import Gpu, Placement, workers_per_gpu
from vos_core.launch import PlannedRun
from vos_core.models.registry import find_model
from vos_core.provenance import cpu_name
from vos_core.runs import RunSettings

# A palette PNG as `write_mask` writes it, bytes a pixel: 38 masks of 480 x 854 took 2,296 bytes on average with one
# object and 2,797 with several (November 2026).
BYTES_PER_PIXEL = 0.0068
BLOCK = 4096  # a file takes whole blocks of the disk
SAMPLE_VIDEOS, SAMPLE_MASKS = 8, 12


@dataclass(frozen=True)
class RunPace:
    """How fast runs like one were: seconds of a video of (frames, objects), seconds to load the model, and a note
    where they were not quite like it."""

    seconds: Callable[[int, int], float]
    load_s: float = 0.0
    note: str = ""


Pace = Callable[[RunSettings, str], RunPace | None]
"""(settings, name of the device) -> the pace of past runs like that; None: there is none."""


@dataclass(frozen=True)
class RunForecast:
    """One run: its share of the disk, and the seconds of its videos one after the other (None: not known)."""

    bytes: int
    seconds: float | None
    note: str = ""


@dataclass(frozen=True)
class Forecast:
    """A launch: its runs' forecasts in the plan's order, its own seconds over all workers, and the disk.

    `seconds` counts the runs whose pace is known, None where none is; `unknown` names the models of the others.
    `masks_measured` says whether bytes come from masks that lie here, or from a constant.
    """

    runs: tuple[RunForecast, ...]
    seconds: float | None
    unknown: tuple[str, ...]
    free_bytes: int
    masks_measured: bool

    @property
    def bytes(self) -> int:
        """What the masks will take on the disk."""
        return sum(run.bytes for run in self.runs)

    @property
    def fits(self) -> bool:
        """Whether the disk of the outputs has that much free."""
        return self.bytes <= self.free_bytes


def forecast(
    runs: Sequence[PlannedRun],
    left: Sequence[float],
    outputs: Path,
    placement: Placement,
    gpus: Sequence[Gpu],
    pace: Pace,
    bytes_per_mask: Mapping[str, float],
) -> Forecast:
    """What is still to be done of `runs` will take.

    Args:
        runs: what will be queued.
        left: for each run the part of its frames that is still to be computed, 0 to 1.
        outputs: the folder that masks are written to; it need not exist yet.
        placement: which GPUs, and how many workers on each.
        gpus: those that may be used.
        pace: what past runs took.
        bytes_per_mask: dataset -> bytes that one of its masks takes on the disk, where that is known.
    """
    told, busy, longest = [], dict.fromkeys((True, False), 0.0), 0.0
    for run, part in zip(runs, left):
        on_gpu = _runs_on_gpu(run.settings, gpus)
        device = gpus[0].name if on_gpu else cpu_name()
        size = sum(video.frames * _mask_bytes(run.settings, video, bytes_per_mask) for video in run.videos)
        past = pace(run.settings, device) if part else RunPace(lambda frames, objects: 0.0)
        seconds = None
        if past is not None:
            each = [past.seconds(video.frames, video.objects) for video in run.videos]
            seconds = part * sum(each) + (past.load_s if part else 0.0)
            longest = max([longest, *each])
            busy[on_gpu] += part * sum(each) + min(len(each), _workers(placement, gpus, on_gpu)) * past.load_s
        told.append(RunForecast(math.ceil(size * part), seconds, past.note if past else ""))
    unknown = tuple(dict.fromkeys(run.settings.model for run, one in zip(runs, told) if one.seconds is None))
    known = any(one.seconds is not None for one in told)
    # GPUs and processor work side by side; no launch ends before its longest video.
    seconds = max(longest, *(busy[on_gpu] / _workers(placement, gpus, on_gpu) for on_gpu in busy)) if known else None
    measured = all(run.settings.dataset in bytes_per_mask for run in runs)
    return Forecast(tuple(told), seconds, unknown, free_bytes(outputs), measured)


def free_bytes(folder: Path) -> int:
    """Free bytes of the disk that holds `folder`, or will once it is made."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def bytes_per_mask(folders: Iterable[Path]) -> float | None:
    """What a mask takes on the disk, in whole blocks: the mean over a sample of those in these run folders."""
    sizes: list[int] = []
    for folder in folders:
        for video in islice(_entries(folder, directories=True), SAMPLE_VIDEOS):
            masks = islice(_entries(Path(video.path), directories=False), SAMPLE_MASKS)
            sizes += [math.ceil(mask.stat().st_size / BLOCK) * BLOCK for mask in masks if mask.name.endswith(".png")]
    return sum(sizes) / len(sizes) if sizes else None


def _entries(folder: Path, directories: bool) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if entry.is_dir() == directories and not entry.name.startswith(".")]
    except OSError:
        return []


def _mask_bytes(settings: RunSettings, video: VideoFacts, known: Mapping[str, float]) -> float:
    """Bytes of one frame's mask, or masks where each object has its own file."""
    guess = math.ceil(video.height * video.width * BYTES_PER_PIXEL / BLOCK) * BLOCK
    return known.get(settings.dataset, guess) * (video.objects if settings.option("per_obj_png_file", False) else 1)


def _runs_on_gpu(settings: RunSettings, gpus: Sequence[Gpu]) -> bool:
    return bool(gpus) and find_model(settings.model).family != "cpu" and settings.option("device", "auto") != "cpu"


def _workers(placement: Placement, gpus: Sequence[Gpu], on_gpu: bool) -> int:
    if not on_gpu:
        return cpu_workers()
    return (len(placement.gpus) or len(gpus) or 1) * (placement.workers_per_gpu or workers_per_gpu())
