"""`export`: tables and figures of runs for papers and other programs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from db import queries
from db.leaderboard import board_runs
from db.models import Run
from db.schema import ensure
from vos_core.cli.selection import find_ablation, find_runs
from vos_core.errors import InputError
from vos_core.home import Home
from vos_core.reference import reference_rows
from vos_core.reports import FIGURES, FORMATS, figure, figure_csv, figure_html, inference_times, render

OFFICIAL = "official"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "export",
        help="tables and figures of runs for papers and other programs",
        description="What the Results page's Export button offers. Runs that were put away are left out unless named.",
    )
    kinds = parser.add_subparsers(dest="what", metavar="WHAT", required=True)

    times = kinds.add_parser(
        "inference-times",
        help="a CSV: Dataset, Model, MemSize, NumGPUs, GPU_Names, InferenceTime_s of each run that is done",
        description="InferenceTime_s: wall seconds with a worker on the run, model loading included.",
    )
    times.add_argument("--ablation", metavar="ABLATION", help="only this ablation's runs, by its id or name")
    times.add_argument("--csv", "--out", dest="out", type=Path, metavar="FILE", help="write it there (default: print)")
    times.set_defaults(run=_times)

    table = kinds.add_parser(
        "table",
        help="runs with their official scores, seconds, frames/s and GPUs",
        description="The best figures are bold among runs over the same videos (LaTeX, Markdown). Runs whose figures "
        "are no J&F stand in a table of their own; in CSV, in columns of their own.",
    )
    table.add_argument("--format", choices=list(FORMATS), default="csv", help="default: csv")
    table.add_argument("--percent", action="store_true", help="scores in percent with 1 decimal (default: 3 decimals)")
    _choose_runs(table)
    table.add_argument("--out", type=Path, metavar="FILE", help="write it there (default: print it)")
    table.set_defaults(run=_table)

    drawn = kinds.add_parser(
        "figure",
        help="J&F or seconds against memory size, or J&F against frames/s",
        description="An .html file opens offline; a .csv file holds the figure's data.",
    )
    drawn.add_argument("figure", choices=list(FIGURES), help="memory: J&F by memory size; speed: J&F by frames/s")
    _choose_runs(drawn)
    drawn.add_argument("--dataset", metavar="DATASET", help="only runs over it: J&F of several share one axis without")
    drawn.add_argument("--out", type=Path, metavar="FILE", required=True, help="a file that ends in .html or .csv")
    drawn.set_defaults(run=_figure)


def _choose_runs(parser: argparse.ArgumentParser) -> None:
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--ablation", metavar="ABLATION", help="only this ablation's runs, by its id or name")
    chosen.add_argument("--run", dest="runs", nargs="+", metavar="RUN", help="only these, by id, name or title")


def _times(args: argparse.Namespace) -> int:
    """Always 0. Raises InputError for an unknown ablation, and where no run is done."""
    home = Home.from_environment()
    ensure(home.database)
    runs = queries.timed_runs(home.database, find_ablation(home, args.ablation) if args.ablation else None)
    if not runs:
        raise InputError("No run is done that was computed here: there are no inference times to export yet.")
    return _deliver(inference_times(runs), args.out, len(runs))


def _table(args: argparse.Namespace) -> int:
    """Always 0. Raises InputError for runs that are not there."""
    runs = _runs(args)
    return _deliver(render(runs, args.format, percent=args.percent), args.out, len(runs))


def _figure(args: argparse.Namespace) -> int:
    """Always 0. Raises InputError for runs that are not there or have no such figure, and for another kind of file."""
    make = {".html": figure_html, ".csv": figure_csv}.get(args.out.suffix.lower())
    if make is None:
        raise InputError(f"{args.out} is no kind of file that figures are written to: let --out end in .html or .csv.")
    runs = [run for run in _runs(args) if run.score_kind == OFFICIAL and args.dataset in (None, run.dataset)]
    drawn = figure(args.figure, runs, reference_rows())
    if not drawn.series:
        raise InputError(
            f"These {len(runs)} runs have nothing to draw {drawn.title} of: it needs runs that are done"
            + (", at least two of them scored and timed." if args.figure == "speed" else " and have a memory size.")
        )
    return _deliver(make(drawn), args.out, len(runs))


def _runs(args: argparse.Namespace) -> Sequence[Run]:
    home = Home.from_environment()
    ensure(home.database)
    if args.runs:
        return find_runs(home, args.runs)
    runs = board_runs(home.database, ablation_id=find_ablation(home, args.ablation) if args.ablation else None)
    if not runs:
        raise InputError(f"There is no run in {home.root} to export: launch one, or name those put away by --run.")
    return runs


def _deliver(text: str, out: Path | None, runs: int) -> int:
    if out is None:
        print(text, end="")
        return 0
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    print(f"{runs} runs: {out}", file=sys.stderr)
    return 0
