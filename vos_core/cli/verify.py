"""`verify`: does a SAM 2.0 run on DAVIS 2017 val reproduce the published scores?"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from vos_core.analysis.verify import TOLERANCE, Outcome, verify
from vos_core.cli.selection import find_runs
from vos_core.cli.tables import OFFICIAL, number, table
from vos_core.errors import InputError
from vos_core.home import Home

EXIT_CODES = {Outcome.PASS: 0, Outcome.DIFFERS: 1, Outcome.NOT_COMPARABLE: 2}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "verify",
        help="hold a SAM 2.0 run on DAVIS 2017 val against the published scores",
        description="Hold a finished SAM 2.0 run on DAVIS 2017 val against the published scores. Exit code: 0 it "
        "reproduces them, 1 it differs, 2 it cannot be compared (the sentence says why).",
    )
    parser.add_argument("selected", metavar="RUN", help="id or name")
    parser.add_argument(
        "--tolerance", type=float, default=TOLERANCE, help=f"difference of J&F that passes (default {TOLERANCE})"
    )
    parser.add_argument("--json", action="store_true", help="as JSON, for scripts")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 pass, 1 differs, 2 not comparable."""
    if not 0 <= args.tolerance < 1:
        raise InputError(f"--tolerance {args.tolerance:g} is no fraction of J&F: give a number such as {TOLERANCE}.")
    (row,) = find_runs(Home.from_environment(), [args.selected])
    verdict = verify(row, tolerance=args.tolerance)
    if args.json:
        figures = {
            name: {"published": check.published, "ours": check.ours, "difference": check.difference}
            for name, check in zip(OFFICIAL, verdict.figures)
        }
        print(
            json.dumps(
                {
                    "run": verdict.run,
                    "outcome": verdict.outcome.value,
                    "sentence": verdict.sentence,
                    "reasons": verdict.reasons,
                    "figures": figures,
                    "reference": asdict(verdict.reference) if verdict.reference else None,
                    "tolerance": verdict.tolerance,
                },
                indent=2,
            )
        )
    else:
        print(verdict.sentence)
        if verdict.figures:
            rows = [
                [name, number(check.published, 4), number(check.ours, 4)]
                + ["-" if check.difference is None else f"{check.difference:+.4f}"]
                for name, check in zip(OFFICIAL, verdict.figures)
            ]
            print()
            print(table(["", "published", "this run", "difference"], rows))
    return EXIT_CODES[verdict.outcome]
