"""`server-score`: what a challenge server said of a run's submission, typed in and kept apart."""

from __future__ import annotations

import argparse
import sys

from db import queries
from db.intents import add_server_score, remove_server_score
from vos_core.cli.selection import find_runs
from vos_core.cli.tables import server_lines
from vos_core.errors import InputError
from vos_core.home import Home
from vos_core.server_figures import read_figures


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "server-score",
        help="note what a challenge server said of a run's submission",
        description="Note what a challenge server said of a run's submission. It is kept apart from the scores that "
        "are computed here, and always shown as the server's. Without --figure, lists what was noted.",
    )
    parser.add_argument("selected", metavar="RUN", help="id or name")
    parser.add_argument("--server", metavar="NAME", help="who gave the score: CodaLab")
    parser.add_argument(
        "--figure",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=NUMBER",
        help="a figure as the server calls it: 'J&F=0.712' or 'J&F=71.2%%'; several may follow",
    )
    parser.add_argument("--notes", default="", help="anything to remember it by")
    parser.add_argument("--remove", type=int, metavar="ID", help="forget a noted score")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Always 0. Raises InputError for a figure that is no number, an unknown run or score; nothing is written then."""
    home = Home.from_environment()
    (row,) = find_runs(home, [args.selected])
    if args.remove is not None:
        if args.server or args.figure:
            raise InputError("Give --remove by itself, or --server with --figure.")
        if args.remove not in [score.id for score in queries.server_scores(home.database, row.id)]:
            raise InputError(f"Run {row.name} has no server score {args.remove}.")
        remove_server_score(home.database, args.remove)
    elif args.server or args.figure:
        if not args.server:
            raise InputError("Say which server gave the score: --server NAME.")
        add_server_score(home.database, row.id, args.server, read_figures(args.figure), args.notes)
    lines = server_lines(queries.server_scores(home.database, row.id))
    for line in lines:
        print(line)
    if not lines:
        print(f"No server score of {row.name} is noted.", file=sys.stderr)
    return 0
