"""`export`: tables of runs for other programs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from db import queries
from db.schema import ensure
from vos_core.cli.selection import find_ablation
from vos_core.errors import InputError
from vos_core.home import Home
from vos_core.reports import inference_times


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "export",
        help="tables of runs for other programs",
        description="inference-times: a CSV with Dataset, Model, MemSize, NumGPUs, GPU_Names, InferenceTime_s for each "
        "run that is done: wall seconds with a worker on it, model loading included.",
    )
    parser.add_argument("what", choices=["inference-times"])
    parser.add_argument("--ablation", metavar="ABLATION", help="only this ablation's runs, by its id or name")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write it there (default: print it)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Always 0. Raises InputError for an unknown ablation, and where no run is done."""
    home = Home.from_environment()
    ensure(home.database)
    runs = queries.timed_runs(home.database, find_ablation(home, args.ablation) if args.ablation else None)
    if not runs:
        raise InputError("No run is done that was computed here: there are no inference times to export yet.")
    text = inference_times(runs)
    if args.csv is None:
        print(text, end="")
        return 0
    args.csv.parent.mkdir(parents=True, exist_ok=True)
    args.csv.write_text(text, encoding="utf-8")
    print(f"{len(runs)} runs: {args.csv}", file=sys.stderr)
    return 0
