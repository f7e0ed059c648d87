"""Masks made elsewhere become runs: a folder of predictions, a whole project folder, a run held against another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vos_core.datasets import Dataset, open_dataset, stored_dataset
from vos_core.datasets.checks import VideoFacts, check_videos
from vos_core.datasets.layout import folder_at, has_layout
from vos_core.errors import InputError
from vos_core.existence import is_folder
from vos_core.home import Home
from vos_core.launch import LaunchPlan, PlannedRun
from vos_core.models.registry import MODELS, MemoryMode
from vos_core.runs import AGAINST, IMPORTED, RunSettings

LONGEST_NAME = 100  # it is part of a folder's name, for which file systems have 255


def plan_import(
    home: Home, dataset: Dataset, name: str, results: Path, split: str | None = None, against: Path | None = None
) -> LaunchPlan:
    """A run from `results/<video>/<frame>.png`, called `name`; scored where it lies, nothing is copied.

    `against` is a folder of masks that stands in for the annotations: the figures are then agreement, no J&F.
    Raises InputError when the folder is missing, has none of the split's videos, or the name is a model's.
    """
    results = _folder(results, "predictions")
    if not name.strip() or name in MODELS:
        raise InputError(f"Give the imported masks a name of their own: {name!r} is {'a model' if name else 'empty'}.")
    if len(name.strip().encode()) > LONGEST_NAME:
        raise InputError(f"The name of the imported masks is too long: it has room for {LONGEST_NAME} bytes.")
    split = split or dataset.default_split
    names = dataset.video_names(split)
    if not any((results / video).is_dir() for video in names):
        raise InputError(
            f"{results} has no folder for any video of {dataset.name} {split} (expected {results.name}/{names[0]}/"
            "<frame>.png): check the path, the dataset and the split."
        )
    options = [(IMPORTED, home.store(results))]
    reference = _folder(against, "reference masks") if against else None
    if reference:
        options.append((AGAINST, home.store(reference)))
    chosen = names if split in dataset.subsets else ()  # its list is the home's and may be another tomorrow
    stored = home.store(dataset.root)
    settings = RunSettings(dataset.name, stored, split, name.strip(), videos=chosen, options=tuple(sorted(options)))
    videos = _counted(dataset, names, reference)
    planned = PlannedRun(
        settings, dataset.default_split, videos, home.store(results), home.store(reference) if reference else None
    )
    return LaunchPlan(f"Imported: {name.strip()}", "", (planned,))


def plan_agreement(
    home: Home, settings: RunSettings, default_split: str, predictions: str, against: Path
) -> LaunchPlan:
    """The masks of a run (`predictions`: their stored path) held against the masks of a folder that is no truth."""
    reference = _folder(against, "reference masks")
    dataset = stored_dataset(home, settings.dataset, settings.dataset_path)
    names = settings.videos or dataset.video_names(settings.split)
    options = dict(settings.options) | {IMPORTED: predictions, AGAINST: home.store(reference)}
    videos = _counted(dataset, names, reference)
    agreement = replace(settings, options=tuple(sorted(options.items())))
    planned = PlannedRun(agreement, default_split, videos, predictions, home.store(reference))
    return LaunchPlan(f"Agreement with {reference.name}", "", (planned,))


@dataclass(frozen=True)
class AdoptedRun:
    """A run folder of the user's kind, as its name tells it."""

    folder: Path
    dataset: Dataset
    model: str
    memory_size: int


@dataclass(frozen=True)
class Project:
    """What `find_project` saw in a project folder. `problems` are sentences about what could not be taken over."""

    root: Path
    datasets: tuple[Dataset, ...]
    checkpoints: tuple[Path, ...]
    runs: tuple[AdoptedRun, ...]
    problems: tuple[str, ...]


UPSTREAM_CLONES = ("sam2", "segment-anything-2")  # folders that a clone of upstream gets
_RUN_FOLDER = re.compile(r"(?P<dataset>.+?)_(?P<model>sam2(?:\.1)?_hiera_[a-z_]+)_memsize(?P<size>\d+)")


def find_project(path: Path) -> Project:
    """Look through a project folder: `DAVIS/`, `MOSE/`, checkpoints, and `outputs/*_pred_pngs/*_memsizeN`.

    Raises InputError when there is no such folder; reads only.
    """
    root = _folder(path, "the project to adopt")
    datasets = {
        folder.name: open_dataset(folder)
        for base in (root, root / "data")
        for folder in sorted(base.glob("*"))
        if is_folder(folder) and folder.name not in ("outputs", "checkpoints", "data") and has_layout(folder)
    }
    checkpoints = [
        file
        for base in (root, root / "checkpoints", *(root / repo / "checkpoints" for repo in UPSTREAM_CLONES))
        for file in sorted(base.glob("*.pt"))
    ]
    runs, problems = [], []
    for folder in sorted((root / "outputs").glob("*_pred_pngs/*_memsize*")):
        match = _RUN_FOLDER.fullmatch(folder.name)
        if not folder.is_dir():
            continue
        if match is None or match["model"] not in MODELS:
            problems.append(f"{folder}: its name tells no known model (expected DATASET_sam2_hiera_SIZE_memsizeN).")
        elif match["dataset"] not in datasets:
            problems.append(f"{folder}: there is no dataset {match['dataset']} in {root} to score it against.")
        elif int(match["size"]) not in MODELS[match["model"]].memory_sizes:
            problems.append(f"{folder}: memory size {match['size']} is out of range for {match['model']}.")
        else:
            runs.append(AdoptedRun(folder, datasets[match["dataset"]], match["model"], int(match["size"])))
    return Project(root, tuple(datasets.values()), tuple(checkpoints), tuple(runs), tuple(problems))


def plan_adoption(home: Home, project: Project) -> tuple[LaunchPlan, tuple[str, ...]]:
    """Score tasks for a project's run folders, in memory mode naive (what the user's script did), and what hinders.

    Raises InputError when there is nothing to adopt at all.
    """
    planned, problems = [], list(project.problems)
    facts: dict[str, tuple[VideoFacts, ...]] = {}
    for run in project.runs:
        dataset = run.dataset
        try:
            if dataset.name not in facts:
                facts[dataset.name] = check_videos(dataset, dataset.video_names())
        except InputError as error:
            problems += [line for line in str(error).splitlines() if line not in problems]
            continue
        settings = RunSettings(
            dataset.name,
            home.store(dataset.root),
            dataset.default_split,
            run.model,
            run.memory_size,
            MemoryMode.NAIVE.value,
        )
        planned.append(PlannedRun(settings, dataset.default_split, facts[dataset.name], home.store(run.folder)))
    if not planned and not project.datasets and not project.checkpoints:
        raise InputError(
            f"{project.root} holds nothing to adopt: expected DAVIS/ or MOSE/, *.pt checkpoints, or "
            "outputs/DATASET_pred_pngs/DATASET_sam2_hiera_SIZE_memsizeN."
        )
    return LaunchPlan(f"Adopted from {project.root.name}", "", tuple(planned)), tuple(problems)


def _folder(path: Path, what: str) -> Path:
    path = folder_at(path)
    if not is_folder(path):
        raise InputError(f"There is no folder {path} ({what}): check the path.")
    return path


def _counted(dataset: Dataset, names: Sequence[str], reference: Path | None) -> tuple[VideoFacts, ...]:
    """With a reference, its masks are what counts as annotated. Raises InputError when it has none of these videos."""
    videos = check_videos(dataset, names)
    if reference is None:
        return videos
    counted = tuple(
        replace(facts, annotated=dataset.video(facts.name).held_against(reference / facts.name).annotated)
        for facts in videos
    )
    if not any(video.annotated > 2 for video in counted):
        raise InputError(
            f"{reference} has no masks of these videos to score against (expected "
            f"{reference.name}/{counted[0].name}/<frame>.png, or one folder an object below the video): check the path."
        )
    return counted
