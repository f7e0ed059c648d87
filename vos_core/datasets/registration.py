"""Datasets that lie elsewhere get a name in this home; their files are neither moved nor touched."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from vos_core.datasets.catalogue import beneath_data, find_datasets, opened_or_none
from vos_core.datasets.layout import BENEATH, Dataset, open_dataset
from vos_core.datasets.subsets import LONGEST_NAME, checked_name, with_subsets
from vos_core.errors import InputError
from vos_core.home import Home
from vos_core.places import Places, all_places, change_places


@dataclass(frozen=True)
class Registered:
    """A dataset outside of the data folder that has a name here.

    `there` is False while its folder is away or cannot be read: while `find_datasets` leaves it out.
    """

    name: str
    path: Path
    there: bool


def registered(home: Home) -> tuple[Registered, ...]:
    """By name. Raises InputError when `places.json` was damaged by hand."""
    folders = all_places(home).datasets
    return tuple(Registered(name, path, opened_or_none(path) is not None) for name, path in sorted(folders.items()))


def register(home: Home, path: Path | str, name: str | None = None) -> Dataset:
    """Give the dataset in folder `path` a name (default: `default_name`), by which it is found from now on.

    The same folder under the same name again changes nothing. Raises InputError when the folder is no dataset, lies
    within another's frames or annotations, or is known already under another name; when the name cannot be one, or is
    another dataset's (the sentence suggests one that is free).
    """
    opened = open_dataset(path)
    root = opened.root
    name = name_for(home, path, name)

    def add(known: Places) -> Places:
        _check_name(name, root, _roots(home), known.datasets)
        return replace(known, datasets={**known.datasets, name: root})

    change_places(home, add)
    return with_subsets(home, replace(opened, name=name))


def check_folder(home: Home, path: Path | str) -> None:
    """Raise InputError where `register` would refuse folder `path` whatever the name; registers nothing."""
    _check_place(home, open_dataset(path))


def name_for(home: Home, path: Path | str, name: str | None = None) -> str:
    """The name that `register` would give the dataset in folder `path`. Raises as it does; registers nothing."""
    opened = open_dataset(path)
    name = checked_name(default_name(opened.root) if name is None else name)
    _check_place(home, opened)
    _check_name(name, opened.root, _roots(home), all_places(home).datasets)
    return name


def unregister(home: Home, name: str) -> Path:
    """Forget a registered dataset; returns its folder, which stays as it is, as do its subsets and runs.

    Raises InputError when none is registered under that name, or it lies in the data folder.
    """
    gone: list[Path] = []

    def forget(known: Places) -> Places:
        if name not in known.datasets:
            raise InputError(_why_not_registered(home, name, known.datasets))
        gone.append(known.datasets[name])
        return replace(known, datasets={one: path for one, path in known.datasets.items() if one != name})

    change_places(home, forget)
    return gone[0]


def adopt_places(home: Home, datasets: Iterable[Dataset], checkpoints: Iterable[Path]) -> dict[str, Path]:
    """Register a project's datasets and checkpoint files; returns the datasets' folders by the names they have here.

    A dataset that is known stays as it is; one whose name is another's gets the next free one (`DAVIS-2`), since runs
    by the name would else go over other data. A checkpoint that is registered already is pointed anew.
    """
    files = {path.name: path for path in checkpoints}
    names: dict[str, Path] = {}

    def add(known: Places) -> Places:
        folders = dict(known.datasets)
        here = _roots(home)
        for dataset in datasets:
            present = {**folders, **here}
            own = next((one for one, path in present.items() if _same(path, dataset.root)), None)
            if own is None:
                taken = {one.casefold() for one in present}
                name = default_name(dataset.root) if "@" in dataset.name else dataset.name
                own = _free(name, taken) if name.casefold() in taken else name
                folders[own] = dataset.root
            names[own] = dataset.root
        return Places(folders, {**known.checkpoints, **files})

    change_places(home, add)
    return names


def default_name(root: Path) -> str:
    """A name made of the folder's: `DAVIS`; of a folder `train`, its parent's too: `MOSE-train`."""
    words = [root.parent.name, root.name] if root.name in BENEATH and root.name not in ("DAVIS",) else [root.name]
    name = "-".join(re.sub(r"[^\w.+-]+", "-", word).strip("-.") for word in words).strip("-")
    return name.encode()[:LONGEST_NAME].decode(errors="ignore") or "dataset"


def _check_place(home: Home, opened: Dataset) -> None:
    root = Path(os.path.realpath(opened.root))
    for folder in (one for pair in opened.folders for one in pair):
        if root.is_relative_to(os.path.realpath(folder)):
            raise InputError(f"{opened.root} lies within itself: {folder} leads back to it. Mend that link.")
    for other in find_datasets(home).values():
        if _same(other.root, root):
            continue
        for folder in (one for pair in other.folders for one in pair):
            if root.is_relative_to(os.path.realpath(folder)):
                raise InputError(
                    f"{opened.root} lies within dataset {other.name} ({folder}), so it is no dataset of its own: "
                    "give the folder that holds its JPEGImages."
                )


def _roots(home: Home) -> dict[str, Path]:
    return {name: found.root for name, found in beneath_data(home).items()}


def _same(one: Path, other: Path) -> bool:
    # `Path.resolve` raises where links lead in a circle.
    return os.path.realpath(one) == os.path.realpath(other)


def _free(name: str, taken: Collection[str]) -> str:
    """`name` with the first number that makes it none of `taken` (in lower case)."""
    return next(free for n in range(2, len(taken) + 3) if (free := f"{name}-{n}").casefold() not in taken)


def _check_name(name: str, root: Path, here: Mapping[str, Path], known: Mapping[str, Path]) -> None:
    for other, path in here.items():
        if _same(path, root):
            raise InputError(f"{root} is in the data folder already, as dataset {other}: it needs no other name.")
    for other, path in known.items():
        if _same(path, root) and other != name:
            raise InputError(f"{root} is registered already, as {other}: remove that first to rename it.")
    taken = {other.casefold(): (other, path) for other, path in {**known, **here}.items()}
    if name.casefold() in taken:
        other, path = taken[name.casefold()]
        if _same(path, root):
            return
        free = _free(name, taken)
        raise InputError(
            f"There is a dataset {other} already ({path}): give this one another name, for example {free}."
        )


def _why_not_registered(home: Home, name: str, known: Mapping[str, Path]) -> str:
    inside = beneath_data(home)
    if name in inside:
        return (
            f"Dataset {name} lies in the data folder ({inside[name].root}) and is found there: to be rid of it, move "
            "its folder away."
        )
    there = ", ".join(sorted(known)) or "none"
    return f"No dataset {name!r} is registered (registered: {there})."
