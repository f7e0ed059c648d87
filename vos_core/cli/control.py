"""`cancel`, `retry`, `resume`, `pause`, `delete`: what the buttons of a run do."""

from __future__ import annotations

import argparse
import sys

from vos_core.cli.cluster import add_address_argument, apply_address
from vos_core.cli.selection import find_runs
from vos_core.errors import InputError
from vos_core.execution import submit
from vos_core.home import Home

LINES = {
    "cancel": "stop runs; what is finished stays",
    "retry": "queue the failed videos of runs again",
    "resume": "queue what cancelled, paused or failed runs are missing",
    "pause": "hand out no more videos of runs",
    "delete": "remove ended runs from the database",
}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the five commands."""
    for command, line in LINES.items():
        parser = subparsers.add_parser(command, help=line)
        parser.add_argument("selected", nargs="+", metavar="RUN", help="id or name")
        if command == "resume":
            add_address_argument(parser)
        if command == "delete":
            parser.add_argument("--files", action="store_true", help="delete their masks too")
            parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 when the dispatcher has done it."""
    home = Home.from_environment()
    if args.command == "resume":
        apply_address(args, home)
    runs = find_runs(home, args.selected)
    ids = [row.id for row in runs]
    names = ", ".join(row.name for row in runs)
    if args.command == "delete":
        if not args.yes:
            if not sys.stdin.isatty():
                raise InputError("delete asks first: answer beforehand with --yes.")
            if input(f"Delete {names}{' and their masks' if args.files else ''}? [y/N] ").strip().lower() != "y":
                return 1
        intent = submit.delete(home, ids, files=args.files)
    else:
        intent = getattr(submit, args.command)(home, ids)
    answer = submit.wait(home, intent)
    if args.command in ("retry", "resume") and not answer["runs"]:
        print(f"nothing to {args.command}: {names}")
    else:
        print(f"{args.command}: {names}")
    return 0
