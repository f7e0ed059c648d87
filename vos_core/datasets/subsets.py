"""Subsets of a dataset: lists of videos in the home (`state/subsets/<dataset>/<subset>.txt`), which are splits too.

A dataset's own folder belongs to somebody else and is only read.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from vos_core.datasets.layout import ALL, Dataset
from vos_core.datasets.lists import read_own_list
from vos_core.errors import InputError
from vos_core.home import Home
from vos_core.locks import in_turn

LONGEST_NAME = 60  # it is part of a run's folder name, for which file systems have 255


def subsets_of(home: Home, dataset: str) -> Mapping[str, Path]:
    """Subset -> list file, of the dataset called `dataset`; by name."""
    folder = _folder(home, dataset)
    if folder is None:
        return {}
    with contextlib.suppress(OSError):
        return {path.stem: path for path in sorted(folder.glob("[!.]*.txt"))}
    return {}


def with_subsets(home: Home, dataset: Dataset) -> Dataset:
    """The dataset with the home's subsets of it as further splits; a split of its own goes before one."""
    own = {name.casefold() for name in (*dataset.own_splits, ALL)}
    subsets = {name: path for name, path in subsets_of(home, dataset.name).items() if name.casefold() not in own}
    return replace(dataset, subsets=subsets) if subsets or dataset.subsets else dataset


def write_subset(home: Home, dataset: Dataset, name: str, videos: Iterable[str], split: str | None = None) -> Path:
    """Keep `videos`, all of `split` (default: of the dataset), in their order as the split `name`; returns the list.

    Raises InputError for a name that cannot be one, or is one of the dataset's splits already; an unknown or repeated
    video; no video.
    """
    name = checked_name(name)
    if name.casefold() in {one.casefold() for one in (*dataset.own_splits, ALL)}:
        raise InputError(f"{name!r} is a split of dataset {dataset.name} itself: give the subset another name.")
    chosen = _checked(dataset, tuple(videos), split)
    folder = _folder(home, dataset.name)
    if folder is None:
        raise InputError(f"The dataset's name {dataset.name!r} is no folder's: register it under another name.")
    path = folder / f"{name}.txt"
    draft = path.with_name(f".{name}.{os.getpid()}.tmp")
    try:
        with in_turn(home.state / "subsets" / ".lock"):
            _check_free(home, dataset.name, name)
            folder.mkdir(parents=True, exist_ok=True)
            draft.write_text("".join(f"{video}\n" for video in chosen), encoding="utf-8")
            draft.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}.") from error
    return path


def read_subset_file(dataset: Dataset, path: Path, split: str | None = None) -> tuple[str, ...]:
    """Videos of a list file, one a line, all of `split` (default: of the dataset).

    Raises InputError with file and line for whatever is wrong.
    """
    return read_own_list(path, known=frozenset(_there(dataset, split)))


def remove_subset(home: Home, dataset: str, name: str) -> None:
    """Forget a subset; runs over it keep their videos. Raises InputError when there is none of that name."""
    path = subsets_of(home, dataset).get(name)
    if path is None:
        there = ", ".join(subsets_of(home, dataset)) or "none"
        raise InputError(f"Dataset {dataset} has no subset {name!r}: it has {there}.")
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be removed: {error.strerror or error}.") from error


def checked_name(text: str) -> str:
    """`text` as a name that people type and folders have. Raises InputError when it cannot be one."""
    name = text.strip()
    if not name:
        raise InputError("Give it a name: letters, digits, -, _ and dots.")
    if len(name.encode()) > LONGEST_NAME:
        raise InputError(f"The name {name!r} is too long: it has room for {LONGEST_NAME} bytes.")
    if name[0] in ".-" or not all(one.isalnum() or one in "-_.+" for one in name):
        raise InputError(f"{name!r} is no name: letters, digits, -, _ and dots, and neither - nor a dot in front.")
    return name


def _check_free(home: Home, dataset: str, name: str) -> None:
    if taken := [one for one in subsets_of(home, dataset) if one.casefold() == name.casefold()]:
        raise InputError(
            f"Dataset {dataset} has a subset {taken[0]!r} already: give this one another name, or remove that one."
        )


def _checked(dataset: Dataset, videos: tuple[str, ...], split: str | None) -> tuple[str, ...]:
    if not videos:
        raise InputError("A subset needs at least one video.")
    there = set(_there(dataset, split))
    where = f"split {split} of dataset {dataset.name}" if split else f"dataset {dataset.name}"
    if unknown := [video for video in videos if video not in there]:
        more = f" and {len(unknown) - 1} more" if unknown[1:] else ""
        raise InputError(f"There is no video {unknown[0]!r}{more} in {where}: correct the name.")
    if twice := [video for index, video in enumerate(videos) if video in videos[:index]]:
        raise InputError(f"Video {twice[0]!r} is named twice: name each once.")
    return videos


def _there(dataset: Dataset, split: str | None) -> tuple[str, ...]:
    return dataset.video_names(split or ALL)


def _folder(home: Home, dataset: str) -> Path | None:
    """None for a dataset's name that is no folder's."""
    if dataset in ("", ".", "..") or set(dataset) & set("/\\\0"):
        return None
    return home.state / "subsets" / dataset
