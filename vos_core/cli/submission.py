"""`submission`: the zip of a run's masks for a challenge's server."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vos_core.cli.selection import find_runs
from vos_core.cli.tables import counted
from vos_core.datasets import stored_dataset
from vos_core.home import Home
from vos_core.submission import write_submission


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "submission",
        help="the zip of a run's masks for a challenge's server (MOSE), checked",
        description="Write the zip that a challenge's server scores: every frame of every video of the run's split, "
        "videos at the zip's root. Everything is checked first; all problems are listed and nothing is written then.",
    )
    parser.add_argument("selected", metavar="RUN", help="id or name")
    parser.add_argument("--out", required=True, metavar="FILE", help="the zip to write")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 when the zip is written. Raises PredictionError, InputError as `write_submission`."""
    home = Home.from_environment()
    row = find_runs(home, [args.selected])[0]
    dataset = stored_dataset(home, row.dataset, row.dataset_path)
    videos = [dataset.video(name) for name in dataset.video_names(row.split)]

    def progress(done: int, total: int) -> None:
        print(f"\rchecked {done}/{total} videos", end="\n" if done == total else "", file=sys.stderr, flush=True)

    report = write_submission(
        home.locate(row.predictions), videos, Path(args.out), progress if sys.stderr.isatty() else None
    )
    if report.left_out:
        print(f"Left out, not of split {row.split}: {', '.join(report.left_out[:10])}", file=sys.stderr)
    print(
        f"{report.path}: {counted(report.videos, 'video')}, {counted(report.frames, 'frame')}, "
        f"{counted(report.objects, 'object')}, "
        f"{report.size / 1e6:.1f} MB"
    )
    return 0
