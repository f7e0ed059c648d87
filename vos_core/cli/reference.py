"""`reference`: published scores with their sources, and why some are no target."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from vos_core.cli.tables import number, table
from vos_core.errors import InputError
from vos_core.reference import reference_rows


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("reference", help="published scores with their sources, to hold runs against")
    parser.add_argument("--dataset", metavar="NAME", help="only rows of this dataset: DAVIS, MOSE")
    parser.add_argument("--json", action="store_true", help="as JSON, for scripts")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Always 0. Raises InputError for a dataset without published rows."""
    rows = [
        row
        for row in reference_rows()
        if not args.dataset or row.dataset.split()[0].casefold() == args.dataset.strip().casefold()
    ]
    if not rows:
        there = ", ".join(sorted({row.dataset.split()[0] for row in reference_rows()}))
        raise InputError(f"There are no published scores of {args.dataset}: there are some of {there}.")
    if args.json:
        extra = [{"measure": row.measure.value, "link": row.link, "why_no_target": row.why_no_target} for row in rows]
        print(json.dumps([asdict(row) | more for row, more in zip(rows, extra)], indent=2))
        return 0
    reasons = list(dict.fromkeys(row.why_no_target for row in rows if row.why_no_target))
    lines = [
        [
            row.dataset,
            f"{row.checkpoint_family} {row.model}".strip(),
            "-" if row.memory_size is None else str(row.memory_size),
            row.memory_mode or "-",
            "yes" if row.why_no_target is None else f"no [{reasons.index(row.why_no_target) + 1}]",
            row.source,
            number(row.jf_mean),
            number(row.j_mean),
            number(row.f_mean),
            number(row.agreement),
            number(row.seconds, 1),
            "-" if row.gpus is None else f"{row.gpus} x {row.gpu_name}",
        ]
        for row in rows
    ]
    header = ["dataset", "model", "N", "memory mode", "target", "source"]
    print(table([*header, "J&F", "J", "F", "agreement", "seconds", "GPUs"], lines, left=6))
    print()
    for index, reason in enumerate(reasons, start=1):
        print(f"[{index}] {reason}")
    for source, link in dict.fromkeys((row.source, row.link) for row in rows if row.link):
        print(f"{source}: {link}")
    return 0
