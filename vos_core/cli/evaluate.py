"""`python -m vos_core evaluate`: the official toolkit's command, with its flags, tables and CSV files."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vos_core.datasets import Dataset

_MOST_PROCESSES = 8


def add_parser(subparsers: Any) -> None:
    """Add the command `evaluate`."""
    parser = subparsers.add_parser(
        "evaluate",
        help="score predictions exactly as the official DAVIS toolkit does",
        description="Score a folder of predictions, <video>/<frame>.png, exactly as the official DAVIS toolkit does: "
        "prints its two tables and writes its two CSV files beside the predictions.",
    )
    parser.add_argument("--davis_path", "--davis-path", required=True, help="dataset folder (Annotations, ImageSets)")
    parser.add_argument("--results_path", "--results-path", required=True, help="folder of the videos' predictions")
    parser.add_argument(
        "--set", default="val", help="split to score, or subset of a dataset that is known here (default: val)"
    )
    parser.add_argument("--task", default="semi-supervised", choices=["semi-supervised"], help="kind of evaluation")
    parser.add_argument("--videos", nargs="+", metavar="VIDEO", help="only these videos of the split (no CSV files)")
    parser.add_argument("--json", metavar="FILE", help="write all scores at full precision")
    parser.add_argument("--per-frame", "--per_frame", metavar="CSV", help="write J and F of every frame")
    parser.add_argument("--processes", type=int, help=f"default: one a core, at most {_MOST_PROCESSES}")
    parser.add_argument(
        "--extra-objects",
        "--extra_objects",
        choices=["error", "ignore"],
        default="error",
        help="what to do with predicted objects that the annotations do not have (default: error)",
    )
    parser.add_argument(
        "--official-decay",
        "--official_decay",
        action="store_true",
        help="reproduce the toolkit's decay, which is wrong from 256 frames on",
    )
    parser.add_argument(
        "--metric",
        choices=["davis", "dot"],
        default="davis",
        help="davis: the toolkit's J and F (default); dot: MOSEv2's J&F-dot with its disappearance (d) and "
        "reappearance (r) scores, no CSV files",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it. Raises InputError and PredictionError (see `evaluation.evaluate`); writes nothing then."""
    if args.metric == "dot":
        return _run_dot(args)
    from vos_core.evaluation import evaluate
    from vos_core.evaluation.report import per_frame_csv, tables, write_json, write_official, write_text

    started = time.perf_counter()
    processes = _processes(args)
    bar = _ProgressBar() if sys.stderr.isatty() else None
    try:
        evaluation = evaluate(
            _dataset(args),
            args.results_path,
            set=args.set,
            task=args.task,
            videos=args.videos,
            processes=processes,
            extra_objects=args.extra_objects,
            official_decay=args.official_decay,
            progress=bar,
        )
    finally:
        if bar is not None:
            bar.close()
    for warning in evaluation.warnings:
        print(f"Warning: {warning}", file=sys.stderr)
    if args.json:
        write_json(evaluation, Path(args.json))
    if args.per_frame:
        write_text(Path(args.per_frame), per_frame_csv(evaluation))
    if args.videos:
        print("Some videos only: the CSV files of the whole split are not written.", file=sys.stderr)
    else:
        for path, name in zip(write_official(evaluation, Path(args.results_path)), ("Global", "Per-sequence")):
            print(f"{name} results saved in {path}")
    print(tables(evaluation))
    print(f"Total time: {time.perf_counter() - started:.2f} s")
    return 0


def _run_dot(args: argparse.Namespace) -> int:
    from vos_core.errors import InputError
    from vos_core.evaluation.folders import evaluate_dot
    from vos_core.evaluation.report import dot_tables, write_json

    if args.per_frame or args.official_decay:
        raise InputError(
            "--per-frame and --official-decay belong to the toolkit's J and F: leave them out with --metric dot."
        )
    started = time.perf_counter()
    bar = _ProgressBar("videos") if sys.stderr.isatty() else None
    try:
        evaluation = evaluate_dot(
            _dataset(args),
            args.results_path,
            split=args.set,
            videos=args.videos,
            processes=_processes(args),
            extra_objects=args.extra_objects,
            progress=bar,
        )
    finally:
        if bar is not None:
            bar.close()
    for warning in evaluation.warnings:
        print(f"Warning: {warning}", file=sys.stderr)
    if args.json:
        write_json(evaluation, Path(args.json))
    print(dot_tables(evaluation))
    print(f"Total time: {time.perf_counter() - started:.2f} s")
    return 0


def _processes(args: argparse.Namespace) -> int:
    return min(os.cpu_count() or 1, _MOST_PROCESSES) if args.processes is None else args.processes


def _dataset(args: argparse.Namespace) -> Dataset:
    """Under the name that it has in the home, whose subsets go by it, where the split is none of its own."""
    from vos_core.datasets import open_dataset
    from vos_core.datasets.catalogue import dataset_in
    from vos_core.home import Home

    opened = open_dataset(args.davis_path)
    known = args.set in opened.splits or args.set == "all"
    return opened if known else dataset_in(Home.from_environment(), args.davis_path)


class _ProgressBar:
    """A bar on the terminal; spares a short command the import of a library."""

    _WIDTH = 30

    def __init__(self, unit: str = "frames") -> None:
        self._unit = unit

    def __call__(self, done: int, total: int) -> None:
        full = self._WIDTH * done // total
        bar = "#" * full + "." * (self._WIDTH - full)
        print(f"\r{bar} {done}/{total} {self._unit}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Clear the line."""
        print("\r\033[K", end="", file=sys.stderr, flush=True)
