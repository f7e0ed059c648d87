"""`datasets` and `models`: what there is to launch."""

from __future__ import annotations

import argparse

from vos_core.cli.tables import table
from vos_core.datasets import find_datasets
from vos_core.errors import InputError
from vos_core.home import Home
from vos_core.models.registry import MODELS


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare both commands."""
    subparsers.add_parser("datasets", help="the datasets that are here").set_defaults(run=datasets)
    subparsers.add_parser("models", help="the registered models").set_defaults(run=models)


def datasets(args: argparse.Namespace) -> int:
    """Always 0."""
    home = Home.from_environment()
    found = find_datasets(home)
    if not found:
        print(f"No datasets in {home.data}. Generate the demo set: python -m vos_core demo --only_data")
        return 0
    rows = []
    for name, dataset in found.items():
        for split in dataset.splits:
            try:
                count = str(len(dataset.video_names(split)))
            except InputError as error:
                count = str(error)
            rows.append([name, split, count])
    print(table(["dataset", "split", "videos"], rows, left=3))
    return 0


def models(args: argparse.Namespace) -> int:
    """Always 0."""
    home = Home.from_environment()
    rows = []
    for spec in MODELS.values():
        sizes = f"{spec.memory_sizes[0]}-{spec.memory_sizes[-1]}" if spec.has_memory else "-"
        there = "-"
        if spec.checkpoint:
            there = "here" if (home.checkpoints / spec.checkpoint).is_file() else f"fetch {spec.name}"
        rows.append([spec.name, sizes, there, spec.description])
    print(table(["model", "memory sizes", "checkpoint", "what it is"], rows, left=4))
    return 0
