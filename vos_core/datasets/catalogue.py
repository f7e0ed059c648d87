"""The datasets that this home knows, by name: DAVIS-layout folders beneath its data root, and registered ones."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from vos_core.datasets.layout import NAMED, Dataset, folders_in, has_layout, holds_videos, open_dataset
from vos_core.datasets.subsets import with_subsets
from vos_core.errors import InputError, NotFetched
from vos_core.home import Home
from vos_core.places import all_places

FETCHED = ("davis", "mose", "mose-train", "mosev2", "secvos", "demo")  # names that `vos_core.downloads.jobs` knows
# Ends the name of a folder in the data folder whose own name is registered for another one. No name that somebody
# gives may have an @ (`subsets.checked_name`), and a folder that ends so itself gets it twice: so none is taken.
IN_DATA = "@data"


def find_datasets(home: Home) -> dict[str, Dataset]:
    """Datasets beneath the data root by name, and registered ones; `VOSLAB_DATA` may itself be a dataset.

    Each has the home's subsets of it among its splits. A registered one keeps its name, also while it is away: a folder
    of that name beneath the data root is called as `beneath_data` says. What cannot be read is left out.
    """
    found = beneath_data(home)
    for name, folder in all_places(home).datasets.items():
        dataset = opened_or_none(folder, name)
        if dataset is not None:
            found[name] = dataset
    return {name: with_subsets(home, dataset) for name, dataset in found.items()}


def beneath_data(home: Home) -> dict[str, Dataset]:
    """Datasets beneath the data root by name, without their subsets; what cannot be read is left out.

    One whose name, letter case aside, is registered for another folder is called `MOSE@data`: runs by the name go over
    the data that they always went over.
    """
    one = _is_one_dataset(home.data)
    folders = [home.data] if one else [home.data / name for name in folders_in(home.data)]
    opened = [opened_or_none(folder) for folder in folders if has_layout(folder)]
    known = all_places(home).datasets
    found = [replace(dataset, name=_name_beside(known, dataset)) for dataset in opened if dataset is not None]
    return {dataset.name: dataset for dataset in found}


def opened_or_none(folder: Path, name: str | None = None) -> Dataset | None:
    """As `open_dataset`; None where there is no dataset, or it cannot be read."""
    try:
        return open_dataset(folder, name)
    except InputError:
        return None


def _name_beside(known: Mapping[str, Path], dataset: Dataset) -> str:
    """The name of a dataset beneath the data root, beside the registered ones."""
    name, root = dataset.name, os.path.realpath(dataset.root)
    others = {other.casefold() for other, path in known.items() if os.path.realpath(path) != root}
    return f"{name}{IN_DATA}" if name.casefold() in others or name.endswith(IN_DATA) else name


def check_collection(home: Home) -> None:
    """Raises InputError where the data folder is itself a dataset: another one within it would never be found, and
    somebody's dataset is only read."""
    if _is_one_dataset(home.data):
        raise InputError(
            f"The data folder {home.data} is one dataset, so no other is put into it: set VOSLAB_DATA to the folder "
            f"above, {home.data.parent}."
        )


def _is_one_dataset(root: Path) -> bool:
    # A data root that holds a DAVIS folder is a collection, though it could be opened as a dataset too; so is one
    # with a `train` or `test` alone, which may be anybody's dataset.
    if any(has_layout(root / name) for name in NAMED):
        return False
    return any(map(holds_videos, (root, root / "valid", root / "val")))


def find_dataset(home: Home, name: str) -> Dataset:
    """The dataset called `name` (letter case does not matter, unless it tells two apart).

    Raises InputError that lists what there is, names the two, or says that the registered one is away.
    """
    datasets = find_datasets(home)
    if name in datasets:
        return datasets[name]
    alike = [dataset for known, dataset in datasets.items() if known.casefold() == name.casefold()]
    if len(alike) > 1:
        which = " or ".join(f"{one.name} ({one.root})" for one in alike)
        raise InputError(f"Dataset {name!r} may be {which}: write the name as one of them is written.")
    if alike:
        return alike[0]
    for known, folder in all_places(home).datasets.items():
        if known.casefold() == name.casefold():
            raise InputError(
                f"Dataset {known} is registered, and its folder {folder} is not there now or cannot be read: bring it "
                f"back, or forget the name (`python -m vos_core datasets remove {known}`)."
            )
    there = f"it holds {', '.join(datasets)}" if datasets else "it holds none"
    item = name.casefold()
    way = "Put its folder there, register it (`python -m vos_core datasets add PATH`)"
    if item in FETCHED:
        way = (
            "Generate it (`python -m vos_core demo`)"
            if item == "demo"
            else f"Fetch it (`python -m vos_core fetch {item}`)"
        )
    text = f"There is no dataset {name!r} in {home.data} ({there}). {way}, or give its path (--davis_path)."
    raise NotFetched(text, item) if item in FETCHED else InputError(text)


def dataset_at(home: Home, name: str, path: Path | str | None) -> Dataset:
    """Dataset `name` in folder `path`, or the one of that name that the home knows when `path` is None."""
    return with_subsets(home, open_dataset(path, name=name)) if path else find_dataset(home, name)


def dataset_in(home: Home, path: Path | str) -> Dataset:
    """The dataset in folder `path`, under the name that this home knows it by, if any. Raises as `open_dataset`."""
    opened = open_dataset(path)
    return known_as(find_datasets(home), opened.root) or opened


def known_as(datasets: Mapping[str, Dataset], root: Path | str) -> Dataset | None:
    """The one of `datasets` that lies in folder `root`, links followed; None where it is none of them."""
    real = os.path.realpath(root)
    return next((dataset for dataset in datasets.values() if os.path.realpath(dataset.root) == real), None)


def stored_dataset(home: Home, name: str, stored: str) -> Dataset:
    """The dataset that a run names: `name`, in the stored path (`Home.store`), with the home's subsets of it.

    Raises InputError when it is not (any more) there.
    """
    return with_subsets(home, open_dataset(home.locate(stored), name))
