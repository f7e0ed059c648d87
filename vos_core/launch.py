"""Planning a launch: a grid against the datasets and models that are here. Writes nothing, queues nothing."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from vos_core.cores import cpu_workers
from vos_core.cuda import Graphics, graphics
from vos_core.datasets import Dataset, find_datasets, open_dataset
from vos_core.datasets.checks import VideoFacts, check_videos
from vos_core.errors import InputError
from vos_core.gpus import Placement, visible_gpus
from vos_core.home import Home
from vos_core.models.registry import find_model
from vos_core.models.sam2_options import LATER
from vos_core.models.sam2_pace import VideoSeconds, cpu_seconds
from vos_core.runs import Grid, RunSettings

_Place = tuple[str, str, str, bool]  # dataset, stored path, split, whether objects may appear later


@dataclass(frozen=True)
class PlannedRun:
    """One run that a launch would queue, with what is known of its videos."""

    settings: RunSettings
    default_split: str
    videos: tuple[VideoFacts, ...]
    predictions: str | None = None  # stored path of masks that are there already: they are scored only
    reference: str | None = None  # stored path: scored against this, not against annotations

    @property
    def frames(self) -> int:
        """Frames over all videos."""
        return sum(video.frames for video in self.videos)

    @property
    def scorable(self) -> bool:
        """Whether any video has annotations beyond the first frame."""
        return any(video.annotated > 2 for video in self.videos)


@dataclass(frozen=True)
class LaunchPlan:
    """A checked ablation, ready to be queued."""

    name: str
    command: str
    runs: tuple[PlannedRun, ...]
    outputs: str = "outputs:."  # stored path of the root that the runs' folders are made in
    placement: Placement = field(default_factory=Placement)

    @property
    def videos(self) -> int:
        """Video tasks over all runs."""
        return sum(len(run.videos) for run in self.runs)

    @property
    def frames(self) -> int:
        """Frames over all runs."""
        return sum(run.frames for run in self.runs)

    def to_payload(self) -> dict[str, Any]:
        """JSON-able form that travels in the launch intent."""
        return {
            "name": self.name,
            "command": self.command,
            "outputs": self.outputs,
            "placement": asdict(self.placement),
            "runs": [
                {
                    "settings": run.settings.to_json(),
                    "default_split": run.default_split,
                    "videos": [asdict(video) for video in run.videos],
                    "predictions": run.predictions,
                    "reference": run.reference,
                }
                for run in self.runs
            ],
        }

    @classmethod
    def from_payload(cls, payload: dict[str, Any]) -> LaunchPlan:
        """Inverse of `to_payload`."""
        runs = tuple(
            PlannedRun(
                RunSettings.from_json(run["settings"]),
                run["default_split"],
                tuple(VideoFacts(**video) for video in run["videos"]),
                run.get("predictions"),
                run.get("reference"),
            )
            for run in payload["runs"]
        )
        placed = payload.get("placement", {})
        placement = Placement(tuple(placed.get("gpus", ())), placed.get("workers_per_gpu", 0))
        return cls(payload["name"], payload["command"], runs, payload.get("outputs", "outputs:."), placement)


def plan_launch(
    grid: Grid, home: Home, name: str = "", *, machine: Graphics | None = None, past: VideoSeconds | None = None
) -> LaunchPlan:
    """Expand `grid` and check every run of it against what is on disk, and against this machine.

    Args:
        grid: what is asked for.
        home: where things are.
        name: of the ablation; made of its axes when empty.
        machine: what there is for SAM 2; looked for when None.
        past: what videos took on this machine's CPU, for the hours that SAM 2 would take there.

    Raises InputError, with every problem on a line of its own, when anything in it cannot be run: unknown model,
    memory size out of range, missing checkpoint, missing dataset, damaged list, frames or annotations, SAM 2 without
    a GPU (unless its device is `cpu`), outputs that cannot be written.
    """
    if not grid.datasets:
        raise InputError("Choose at least one dataset.")
    if not grid.models:
        raise InputError("Choose at least one model.")
    problems: list[str] = []
    _collect(problems, lambda: grid.placement.check(visible_gpus()))
    settings = _collect(problems, grid.expand) or ()
    for model in dict.fromkeys(run.model for run in settings):
        _collect(problems, lambda model=model: check_model(model, [s for s in settings if s.model == model], home))
    _collect(problems, cpu_workers)
    _collect(problems, lambda: check_outputs(home))
    facts: dict[_Place, tuple[Dataset, tuple[VideoFacts, ...]]] = {}
    places: list[_Place] = [_place(run) for run in settings] or [(*one, False) for one in grid.datasets]
    for place in dict.fromkeys(places):
        found = _collect(problems, lambda place=place: _facts(home, place, grid.videos))
        if found:
            facts[place] = found
    runs = []
    for run in settings:
        dataset, videos = facts.get(_place(run), (None, ()))
        runs.append(PlannedRun(run, dataset.default_split if dataset else "", videos))
    _collect(problems, lambda: check_devices(runs, machine or graphics(), past))
    if problems:
        raise InputError("\n".join(problems))
    outputs = home.store(home.outputs)
    command = command_line(grid, home)
    return LaunchPlan(name or ablation_name(grid), command, tuple(runs), outputs, grid.placement)


def check_model(name: str, settings: list[RunSettings], home: Home) -> None:
    """Raises InputError when a model's options or checkpoint cannot be used."""
    spec = find_model(name)
    if spec.family.startswith("sam2"):
        from vos_core.models.checkpoints import find_checkpoint
        from vos_core.models.sam2_settings import check_options

        for run in settings:
            check_options(run)
            find_checkpoint(run, home)


def check_devices(runs: Sequence[PlannedRun], machine: Graphics, past: VideoSeconds | None = None) -> None:
    """Raises InputError when SAM 2 would have to run on the CPU and nobody asked for that, with the time it takes."""
    problem = machine.problem()
    wanting = [run for run in runs if _is_sam2(run) and run.settings.option("device", "auto") != "cpu"]
    if problem is None or not wanting:
        return
    if any(run.settings.option("device") == "cuda" for run in wanting):
        raise InputError(f"SAM 2 was to run on the device cuda, but {problem}.")
    seconds = cpu_seconds(
        ((run.settings, [(video.frames, video.objects) for video in run.videos]) for run in wanting),
        cpu_workers(),
        past,
    )
    time = f"take about {duration(seconds)}" if seconds else "take hours or days"
    raise InputError(
        f"SAM 2 finds no GPU here: {problem}. On this machine's CPU these runs would {time}; to have that all the "
        'same, add --device cpu (on the Launch page: the tick "On the CPU").'
    )


def check_outputs(home: Home) -> None:
    """Raises InputError when no run's folder could be made: better now than when the first video is done."""
    place = home.outputs
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise InputError(f"Masks cannot be written to {home.outputs}: {place} is no folder; set VOSLAB_OUTPUTS anew.")
    if not os.access(place, os.W_OK | os.X_OK):
        raise InputError(
            f"Masks cannot be written to {home.outputs}: {place} is not writable for this user; mend its permissions, "
            "or set VOSLAB_OUTPUTS to another folder."
        )


def duration(seconds: float) -> str:
    """`20 minutes`, `3 hours`, `4 days`: as exact as an estimate is."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 1.5 * length or unit == "minute":
            number = max(1, round(seconds / length))
            return f"{number} {unit}{'' if number == 1 else 's'}"
    raise AssertionError


def ablation_name(grid: Grid) -> str:
    """A name for people: datasets x models x sizes."""
    parts = [", ".join(name for name, _, _ in grid.datasets), ", ".join(grid.models)]
    if grid.memory_sizes and any(find_model(model).has_memory for model in grid.models):
        parts.append("N = " + ", ".join(str(size) for size in sorted(set(grid.memory_sizes))))
    return " × ".join(parts)


def command_line(grid: Grid, home: Home) -> str:
    """The equivalent `python -m vos_core run ...` command, one line; several datasets need one command each."""
    commands = []
    for name, stored, split in grid.datasets:
        words = ["python", "-m", "vos_core", "run", "--dataset", name]
        dataset = open_dataset(home.locate(stored), name)
        known = find_datasets(home).get(name)
        if known is None or known.root != dataset.root:
            words += ["--davis_path", str(dataset.root)]
        if split != dataset.default_split:
            words += ["--set", split]
        words += ["--model", *grid.models]
        if grid.memory_sizes and any(find_model(model).has_memory for model in grid.models):
            words += ["--memory_size", *(str(size) for size in grid.memory_sizes)]
        if any(find_model(model).memory_modes for model in grid.models):
            words += ["--memory_mode", *grid.memory_modes]
            for flag, values in (("--memory_temporal_stride", grid.strides), ("--max_obj_ptrs", grid.pointers)):
                words += [flag, *map(str, values)] if values else []
        if grid.videos:
            words += ["--video", *grid.videos]
        for option, value in grid.options:
            words += ["--option", f"{option}={value}"]
        words += grid.placement.words()
        commands.append(shlex.join(words))
    return " && ".join(commands)


def _place(run: RunSettings) -> _Place:
    return run.dataset, run.dataset_path, run.split, bool(run.option(LATER, False))


def _is_sam2(run: PlannedRun) -> bool:
    return find_model(run.settings.model).family.startswith("sam2")


def _facts(home: Home, place: _Place, subset: tuple[str, ...]) -> tuple[Dataset, tuple[VideoFacts, ...]]:
    name, stored, split, later = place
    dataset = open_dataset(home.locate(stored), name)
    names = dataset.video_names(split)
    unknown = [video for video in subset if video not in names]
    if unknown:
        raise InputError(f"Split {split} of dataset {name} has no video {', '.join(map(repr, unknown))}.")
    return dataset, check_videos(dataset, subset or names, later)


def _collect(problems: list[str], action: Any) -> Any:
    """Run `action`; an InputError's lines join `problems` so that all are told at once."""
    try:
        return action()
    except InputError as error:
        problems += [line for line in str(error).splitlines() if line not in problems]
        return None
