"""`import`, `agreement`, `adopt`: masks that were made elsewhere become runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vos_core.cli.run import launch_and_follow
from vos_core.cli.selection import find_runs
from vos_core.datasets import dataset_at, open_dataset
from vos_core.datasets.registration import adopt_places
from vos_core.home import Home
from vos_core.imports import find_project, plan_adoption, plan_agreement, plan_import
from vos_core.runs import RunSettings

MASKS = "folder with <video>/<frame>.png, or <video>/<object>/<frame>.png"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the three commands."""
    parser = subparsers.add_parser("import", help="make a run of a folder of masks, and score it")
    parser.add_argument("--dataset", required=True, metavar="NAME")
    parser.add_argument("--davis_path", metavar="DIR", help="folder of the dataset, where it is not in the data folder")
    parser.add_argument("--set", "--split", dest="split", metavar="SPLIT")
    parser.add_argument("--name", required=True, help="what the method is called: OSVOS")
    parser.add_argument("--results_path", required=True, metavar="DIR", help=MASKS)
    parser.add_argument("--against", metavar="DIR", help="score against these masks: agreement, no J&F")
    parser.set_defaults(run=run_import)

    parser = subparsers.add_parser("agreement", help="hold a run's masks against masks that are no ground truth")
    parser.add_argument("selected", metavar="RUN", help="id or name")
    parser.add_argument("--against", required=True, metavar="DIR", help=MASKS)
    parser.set_defaults(run=run_agreement)

    parser = subparsers.add_parser("adopt", help="take over a project folder: its datasets, checkpoints and outputs")
    parser.add_argument("path", metavar="DIR")
    parser.set_defaults(run=run_adopt)
    for command in ("import", "agreement", "adopt"):
        subparsers.choices[command].add_argument("--detach", action="store_true", help="queue the scoring and return")


def run_import(args: argparse.Namespace) -> int:
    """Exit code as of `run`."""
    home = Home.from_environment()
    dataset = dataset_at(home, args.dataset, args.davis_path)
    against = Path(args.against) if args.against else None
    plan = plan_import(home, dataset, args.name, Path(args.results_path), args.split, against)
    return launch_and_follow(plan, home, detach=args.detach)


def run_agreement(args: argparse.Namespace) -> int:
    """Exit code as of `run`."""
    home = Home.from_environment()
    (row,) = find_runs(home, [args.selected])
    settings = RunSettings.from_values(row.settings)
    default_split = open_dataset(home.locate(row.dataset_path), row.dataset).default_split
    plan = plan_agreement(home, settings, default_split, row.predictions, Path(args.against))
    return launch_and_follow(plan, home, detach=args.detach)


def run_adopt(args: argparse.Namespace) -> int:
    """Exit code as of `run`; 0 when there was nothing to score but data was found."""
    home = Home.from_environment()
    project = find_project(Path(args.path))
    plan, problems = plan_adoption(home, project)
    for dataset in project.datasets:
        print(f"dataset {dataset.name}: {dataset.root}", file=sys.stderr)
    for checkpoint in project.checkpoints:
        print(f"checkpoint: {checkpoint}", file=sys.stderr)
    for problem in problems:
        print(f"left alone: {problem}", file=sys.stderr)
    names = {root: name for name, root in adopt_places(home, project.datasets, project.checkpoints).items()}
    for dataset in project.datasets:
        if names[dataset.root] != dataset.name:
            print(f"{dataset.root} is known here as {names[dataset.root]}", file=sys.stderr)
    if not plan.runs:
        return 0
    return launch_and_follow(plan, home, detach=args.detach)
