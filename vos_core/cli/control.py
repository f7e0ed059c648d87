"""`cancel`, `retry`, `resume`, `pause`, `reorder`, `delete`: what the buttons of a run do."""

from __future__ import annotations

import argparse
import json
import sys

from db import queries
from db.queue import queue_overview
from db.schema import ensure
from vos_core.cli.cluster import add_address_argument, apply_address
from vos_core.cli.selection import find_ablation, find_runs
from vos_core.errors import InputError
from vos_core.execution import submit
from vos_core.home import Home

LINES = {
    "cancel": "stop runs; what is finished stays",
    "retry": "queue the failed videos of runs again",
    "resume": "queue what cancelled, paused or failed runs are missing; without a run: go on with what is queued",
    "pause": "hand out no more videos of runs; those under way finish",
    "reorder": "let runs take each other's places in the queue, in the order given",
    "delete": "remove ended runs from the database",
}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the commands."""
    for command, line in LINES.items():
        parser = subparsers.add_parser(command, help=line)
        parser.add_argument("selected", nargs="*", metavar="RUN", help="id or name")
        parser.add_argument("--ablation", metavar="ABLATION", help="all runs of an ablation, by its id or name")
        parser.add_argument("--json", action="store_true", help="say as JSON which runs it concerned, for scripts")
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
    if not args.selected and not args.ablation:
        if args.command == "resume":
            return _go_on(home, args.json)
        raise InputError(f"Name the runs to {args.command}: their ids or names, or --ablation.")
    runs = find_runs(home, args.selected)
    if args.ablation:
        chosen = find_ablation(home, args.ablation)
        runs += [row for row in reversed(queries.runs(home.database)) if row.ablation_id == chosen]
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
    if args.json:
        print(json.dumps({"command": args.command, "runs": answer["runs"]}))
    elif args.command in ("retry", "resume") and not answer["runs"]:
        print(f"nothing to {args.command}: {names}")
    else:
        print(f"{args.command}: {names}")
    return 0


def _go_on(home: Home, as_json: bool) -> int:
    """Bring a dispatcher back for what an earlier one left queued (its job ended, its machine went down)."""
    ensure(home.database)
    if submit.ensure_dispatcher(home):
        line = "resume: the queue goes on"
    elif submit.dispatcher_alive(home):
        line = "resume: a dispatcher works on the queue already"
    else:
        line = "nothing is queued: name the runs to resume"
    waiting = [run.id for run in queue_overview(home.database).runs]
    print(json.dumps({"command": "resume", "runs": waiting}) if as_json else line)
    return 0
