"""`score`: the masks of runs scored again, as tasks of their own; by a second metric where it is asked for."""

from __future__ import annotations

import argparse

from vos_core.cli.run import follow_to_the_end
from vos_core.cli.selection import find_runs
from vos_core.execution import submit
from vos_core.home import Home


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "score",
        help="score the masks of runs again, or by MOSEv2's J&F-dot too",
        description="Score the masks of ended runs again, from the annotations as they are now; nothing is segmented. "
        "With --metric dot MOSEv2's J&F-dot is computed along with the official figures, and kept apart from them.",
    )
    parser.add_argument("selected", nargs="+", metavar="RUN", help="id or name")
    parser.add_argument("--metric", choices=["davis", "dot"], default="davis", help="davis (default), or dot as well")
    parser.add_argument("--detach", action="store_true", help="queue the scoring and return")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Exit code as of `run`. Raises InputError for a run that is not over, or cannot be scored so."""
    home = Home.from_environment()
    ids = list(dict.fromkeys(row.id for row in find_runs(home, args.selected)))
    submit.wait(home, submit.score(home, ids, dot=args.metric == "dot"))
    return follow_to_the_end(home, ids, detach=args.detach, as_json=args.json)
