"""`demo`: the demo dataset and its ablation, queued through the same code as the Launch page."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from vos_core.cli.run import launch_and_follow
from vos_core.datasets.catalogue import check_collection
from vos_core.datasets.demo import generate_demo
from vos_core.downloads import Progress, Stage
from vos_core.downloads.background import recorded
from vos_core.downloads.jobs import DEMO
from vos_core.home import Home
from vos_core.launch import plan_launch
from vos_core.runs import Grid

MODELS = ("static", "flow", "propagation")
MEMORY_SIZES = (1, 2, 3, 5, 7)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("demo", help="generate the demo dataset and launch the demo ablation")
    parser.add_argument("--wait", action="store_true", help="follow it to the end and print the table")
    parser.add_argument("--only_data", action="store_true", help="generate the dataset, launch nothing")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Exit code as of `run`."""
    home = Home.from_environment()
    root = home.data / DEMO
    check_collection(home)
    if not root.exists():
        print(f"generating the demo dataset in {root}", file=sys.stderr)
    generate(root, home)
    if args.only_data:
        return 0
    grid = Grid(datasets=((DEMO, home.store(root), "val"),), models=MODELS, memory_sizes=MEMORY_SIZES)
    plan = plan_launch(grid, home, name="Demo: memory size on a CPU")
    return launch_and_follow(plan, home, detach=not args.wait)


def generate(root: Path, home: Home) -> None:
    """`generate_demo` with a bar on a terminal, and a record that the pages show; neither where the set is there.

    Raises DownloadError while another process generates it; InputError as `generate_demo`.
    """
    quiet = not sys.stderr.isatty()
    with (
        recorded(DEMO, home) as record,
        tqdm(unit="frame", desc="demo dataset", file=sys.stderr, disable=quiet, leave=False) as bar,
    ):

        def progress(done: int, total: int) -> None:
            # The total is an estimate until every video is set up.
            bar.total = total
            bar.update(done - bar.n)
            record(Progress(DEMO, Stage.GENERATING, done, total))

        generate_demo(root, progress=progress)
