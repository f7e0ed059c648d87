"""The datasets that this home knows, by name: every DAVIS-layout folder beneath its data root, and adopted ones."""

from __future__ import annotations

from pathlib import Path

from vos_core.datasets.layout import NAMED, Dataset, has_layout, open_dataset
from vos_core.errors import InputError
from vos_core.home import Home
from vos_core.places import read_places


def find_datasets(home: Home) -> dict[str, Dataset]:
    """Datasets beneath the data root by name, and adopted ones; `VOSLAB_DATA` may itself be a dataset."""
    found = _beneath_data(home)
    for name, folder in read_places(home).datasets.items():
        if name not in found and has_layout(folder):
            found[name] = open_dataset(folder, name)
    return found


def _beneath_data(home: Home) -> dict[str, Dataset]:
    # A data root that holds a DAVIS folder is a collection, though it could be opened as a dataset too.
    if has_layout(home.data) and not any(has_layout(home.data / name) for name in NAMED):
        dataset = open_dataset(home.data)
        return {dataset.name: dataset}
    if not home.data.is_dir():
        return {}
    folders = sorted(p for p in home.data.iterdir() if p.is_dir() and p.name[0] != "." and has_layout(p))
    return {folder.name: open_dataset(folder) for folder in folders}


def find_dataset(home: Home, name: str) -> Dataset:
    """The dataset called `name` (letter case does not matter). Raises InputError that lists what there is."""
    datasets = find_datasets(home)
    for known, dataset in datasets.items():
        if known.casefold() == name.casefold():
            return dataset
    there = f"it holds {', '.join(datasets)}" if datasets else "it holds none"
    ways = {
        "davis": "Fetch it (`python -m vos_core fetch davis`)",
        "mose": "Fetch it (`python -m vos_core fetch mose`)",
        "demo": "Generate it (`python -m vos_core demo`)",
    }
    way = ways.get(name.casefold(), "Put its folder there, correct the name")
    raise InputError(f"There is no dataset {name!r} in {home.data} ({there}). {way}, or give its path (--davis_path).")


def dataset_at(home: Home, name: str, path: Path | str | None) -> Dataset:
    """Dataset `name` in folder `path`, or the one of that name beneath the data root when `path` is None."""
    return open_dataset(path, name=name) if path else find_dataset(home, name)
