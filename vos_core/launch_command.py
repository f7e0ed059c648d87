"""The command that does what the Launch page does: a grid in the words of `python -m vos_core run`."""

from __future__ import annotations

import contextlib
import shlex

from vos_core.datasets import find_datasets, open_dataset
from vos_core.datasets.layout import has_layout
from vos_core.errors import InputError
from vos_core.home import Home
from vos_core.models.registry import find_model
from vos_core.runs import Grid


def command_line(grid: Grid, home: Home, name: str = "", *, partly: bool = False) -> str:
    """The equivalent `python -m vos_core run ...`, one line.

    Datasets that their names alone tell go into one command; each other one needs its own. `partly`: some cells are
    refused, and the others are to be launched.
    """
    named: list[str] = []
    alone: list[list[str]] = []
    known = find_datasets(home)
    for dataset, stored, split in grid.datasets:
        root, default = home.locate(stored), "val"
        flags: list[str] = []
        with contextlib.suppress(InputError):  # not here: the command will say so too
            default = open_dataset(root, dataset).default_split
        at_hand = known[dataset].root == root if dataset in known else root.parent == home.data and not has_layout(root)
        if not at_hand:
            flags += ["--davis_path", str(root)]
        if split != default:
            flags += ["--set", split]
        if flags:
            alone.append(["--dataset", dataset, *flags])
        else:
            named.append(dataset)
    shared = [*_axes(grid), *(["--name", name] if name else []), *(["--skip_refused"] if partly else [])]
    heads = [["--dataset", *named]] if named else []
    words = [["python", "-m", "vos_core", "run", *head, *shared] for head in [*heads, *alone]]
    return " && ".join(map(shlex.join, words))


def _axes(grid: Grid) -> list[str]:
    """All of a grid but its datasets, as words."""
    words = ["--model", *grid.models]
    if grid.memory_sizes and any(find_model(model).has_memory for model in grid.models):
        words += ["--memory_size", *map(str, grid.memory_sizes)]
    if any(find_model(model).memory_modes for model in grid.models):
        words += ["--memory_mode", *grid.memory_modes]
        for flag, values in (("--memory_temporal_stride", grid.strides), ("--max_obj_ptrs", grid.pointers)):
            words += [flag, *map(str, values)] if values else []
    if grid.videos:
        words += ["--video", *grid.videos]
    for option, value in grid.options:
        words += ["--option", f"{option}={value}"]
    return words + grid.placement.words()
