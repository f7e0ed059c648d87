"""`models`: what there is to launch."""

from __future__ import annotations

import argparse

from vos_core.cli.tables import table
from vos_core.home import Home
from vos_core.models.registry import MODELS


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    subparsers.add_parser("models", help="the registered models").set_defaults(run=models)


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
