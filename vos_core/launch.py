"""Planning a launch: a grid against the datasets and models that are here. Writes nothing, queues nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar

from vos_core.cores import cpu_workers
from vos_core.cuda import Graphics, graphics
from vos_core.datasets import Dataset, find_dataset, stored_dataset
from vos_core.datasets.checks import VideoFacts, check_videos
from vos_core.errors import InputError, NotFetched
from vos_core.existence import exists
from vos_core.gpus import Placement, visible_gpus
from vos_core.home import Home
from vos_core.launch_command import command_line
from vos_core.models.registry import find_model
from vos_core.models.sam2_options import LATER
from vos_core.models.sam2_pace import VideoSeconds, cpu_seconds
from vos_core.runs import Grid, RunSettings

_Place = tuple[str, str, str, bool]  # dataset, stored path, split, whether objects may appear later

T = TypeVar("T")


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


@dataclass(frozen=True)
class Refusal:
    """Why a run cannot be launched (a sentence a line), and what to fetch or generate to mend it."""

    sentence: str
    fetch: str | None = None


@dataclass(frozen=True)
class RefusedRun:
    """A cell of a grid that cannot be launched."""

    settings: RunSettings
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True)
class CheckedGrid:
    """A grid held against this machine: the plan of what can be launched, and the cells that cannot.

    `problems` stand against every run.
    """

    plan: LaunchPlan
    refused: tuple[RefusedRun, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """Everything that stands against the grid, each sentence once."""
        told = [*self.problems, *(refusal.sentence for run in self.refused for refusal in run.refusals)]
        return tuple(dict.fromkeys(line for text in told for line in text.splitlines()))


def plan_launch(
    grid: Grid, home: Home, name: str = "", *, machine: Graphics | None = None, past: VideoSeconds | None = None
) -> LaunchPlan:
    """The plan of the whole `grid`. Raises InputError listing every problem, one a line (arguments: `check_grid`)."""
    checked = check_grid(grid, home, name, machine=machine, past=past)
    if checked.sentences:
        raise InputError("\n".join(checked.sentences))
    return checked.plan


def check_grid(
    grid: Grid, home: Home, name: str = "", *, machine: Graphics | None = None, past: VideoSeconds | None = None
) -> CheckedGrid:
    """Expand `grid` and check every cell of it against what is on disk, and against this machine.

    Args:
        grid: what is asked for.
        home: where datasets, checkpoints and outputs are.
        name: the ablation's name; made from the grid when empty.
        machine: what there is for SAM 2; found out when not given.
        past: what videos took on this machine's CPU before.

    Raises:
        InputError: no dataset, model or memory mode is chosen, or a model is unknown: there is no grid.
    """
    if not grid.datasets:
        raise InputError("Choose at least one dataset.")
    if not grid.models:
        raise InputError("Choose at least one model.")
    if not grid.memory_modes and any(find_model(model).memory_modes for model in grid.models):
        raise InputError("Choose at least one memory mode.")
    everywhere = (
        _attempt(grid.placement.check, visible_gpus()),
        _attempt(cpu_workers),
        _attempt(check_outputs, home),
    )
    problems = tuple(found.sentence for found in everywhere if isinstance(found, Refusal))
    cells = grid.cells()
    places = _look(home, list(dict.fromkeys(map(_place, cells))), grid.videos)
    runs = [_planned(cell, places[_place(cell)]) for cell in cells]
    no_gpu = _attempt(check_devices, runs, machine or graphics(), past)
    against = []
    for cell in cells:
        found = (places[_place(cell)], _attempt(check_model, cell, home), no_gpu if _wants_gpu(cell) else None)
        against.append(tuple(refusal for refusal in found if isinstance(refusal, Refusal)))
    possible = tuple(run for run, refusals in zip(runs, against) if not refusals)
    command = command_line(grid, home, name, partly=len(possible) < len(runs))
    return CheckedGrid(
        LaunchPlan(name or ablation_name(grid), command, possible, home.store(home.outputs), grid.placement),
        tuple(RefusedRun(cell, refusals) for cell, refusals in zip(cells, against) if refusals),
        problems,
    )


def _planned(cell: RunSettings, place: _Found | Refusal) -> PlannedRun:
    """A cell with the facts of its videos; without them where its dataset cannot be used."""
    if isinstance(place, Refusal):
        return PlannedRun(cell, "", ())
    return PlannedRun(replace(cell, videos=place.chosen), place.dataset.default_split, place.facts)


def check_model(run: RunSettings, home: Home) -> None:
    """Raises InputError when a run's memory size, options or checkpoint cannot be used."""
    spec = find_model(run.model)
    if run.memory_size is not None:
        spec.check_memory_size(run.memory_size)
    if spec.family.startswith("sam2"):
        from vos_core.models.checkpoints import find_checkpoint
        from vos_core.models.sam2_settings import check_options

        check_options(run)
        find_checkpoint(run, home)


def check_devices(runs: Sequence[PlannedRun], machine: Graphics, past: VideoSeconds | None = None) -> None:
    """Raises InputError when SAM 2 would have to run on the CPU and nobody asked for that, with the time it takes."""
    problem = machine.problem()
    wanting = [run for run in runs if _wants_gpu(run.settings)]
    if problem is None or not wanting:
        return
    if any(run.settings.option("device") == "cuda" for run in wanting):
        raise InputError(f"SAM 2 was to run on the device cuda, but {problem}.")
    seconds = cpu_seconds(
        ((run.settings, [(video.frames, video.objects) for video in run.videos]) for run in wanting),
        cpu_workers(),
        past,
    )
    seconds *= all(run.videos for run in wanting)  # of videos that are not here nobody knows
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


def _place(run: RunSettings) -> _Place:
    return run.dataset, run.dataset_path, run.split, bool(run.option(LATER, False))


def _wants_gpu(run: RunSettings) -> bool:
    return find_model(run.model).family.startswith("sam2") and run.option("device", "auto") != "cpu"


@dataclass(frozen=True)
class _Found:
    """A place that can be run: the chosen videos (empty: the whole split), and the facts of those that will be.

    Of a subset all videos are named: its list is the home's and may be another tomorrow, and two settings never share
    a folder.
    """

    dataset: Dataset
    chosen: tuple[str, ...]
    facts: tuple[VideoFacts, ...]


def _look(home: Home, places: Sequence[_Place], subset: tuple[str, ...]) -> dict[_Place, _Found | Refusal]:
    """Every place with its facts, or what stands against it. Each takes those of the `subset` that are its own."""
    opened = {place: _attempt(_open, home, place) for place in places}
    there = [found for found in opened.values() if not isinstance(found, Refusal)]
    # A video that is nowhere may be of a dataset that is not here.
    nowhere = set(subset).difference(*(names for _, names in there)) if len(there) == len(opened) else set()
    return {
        place: found if isinstance(found, Refusal) else _attempt(_part, place, *found, subset, nowhere)
        for place, found in opened.items()
    }


def _part(
    place: _Place, dataset: Dataset, names: tuple[str, ...], subset: tuple[str, ...], nowhere: Collection[str]
) -> _Found:
    """The chosen videos of one place. Raises InputError when there is none, one is nowhere, or one cannot be run."""
    chosen = tuple(name for name in names if name in subset) if subset else names
    if nowhere or not chosen:
        missing = ", ".join(repr(name) for name in subset if name in nowhere or not chosen)
        raise InputError(f"Split {place[2]} of dataset {place[0]} has no video {missing}.")
    whole = len(chosen) == len(names) and place[2] not in dataset.subsets
    return _Found(dataset, () if whole else chosen, check_videos(dataset, chosen, place[3]))


def _open(home: Home, place: _Place) -> tuple[Dataset, tuple[str, ...]]:
    """A place's dataset, and the videos of its split. Raises InputError."""
    name, stored, split, _ = place
    root = home.locate(stored)
    # A name that is not in the data folder (yet) is told with what is there, and how to get it.
    there = exists(root) or root.parent != home.data
    dataset = stored_dataset(home, name, stored) if there else find_dataset(home, name)
    return dataset, dataset.video_names(split)


def _attempt(action: Callable[..., T], *arguments: Any) -> T | Refusal:
    """What `action` returns, or what stands against it where it raises an InputError."""
    try:
        return action(*arguments)
    except NotFetched as error:
        return Refusal(str(error), error.item)
    except InputError as error:
        return Refusal(str(error))
