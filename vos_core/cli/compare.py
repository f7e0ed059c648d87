"""`compare`: two runs side by side, with an interval for their difference."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any

from db import queries
from db.models import Run
from db.states import ScoreKind
from vos_core.analysis.bootstrap import PairedDifference, paired_difference
from vos_core.analysis.comparisons import Comparison, compare
from vos_core.cli.selection import find_runs
from vos_core.cli.tables import no_official_score, number, table
from vos_core.errors import InputError
from vos_core.home import Home


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "compare",
        help="two runs: is B better than A, on which videos and objects",
        description="Differences are B minus A over what both runs scored, largest first; the interval is a paired "
        "bootstrap over videos.",
    )
    parser.add_argument("a", metavar="A", help="id or name")
    parser.add_argument("b", metavar="B", help="id or name")
    parser.add_argument("--json", action="store_true", help="as JSON, for scripts")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Always 0. Raises InputError when the runs cannot be compared."""
    home = Home.from_environment()
    a, b = find_runs(home, [args.a, args.b])
    if a.id == b.id:
        raise InputError(f"{args.a} and {args.b} are the same run, {a.name}: name two.")
    if (a.score_kind, a.reference) != (b.score_kind, b.reference):
        raise InputError(
            f"{a.name} and {b.name} are not scored against the same ({_measure(a)}; {_measure(b)}): "
            "their figures cannot be compared."
        )
    rows = [queries.object_rows(home.database, one.id) for one in (a, b)]
    for one, objects in zip((a, b), rows):
        if not objects:
            raise InputError(f"Run {one.name} has no scores ({one.state}): there is nothing to compare.")
    comparison = compare(*rows)
    difference = paired_difference(comparison)
    if args.json:
        print(json.dumps(_as_json(a, b, comparison, difference), indent=2))
    else:
        _print(a, b, comparison, difference)
    return 0


def _measure(run: Run) -> str:
    return "J&F" if run.score_kind == ScoreKind.OFFICIAL.value else no_official_score(run)


def _names(a: Run, b: Run) -> tuple[str, str]:
    names = (a.title or a.name, b.title or b.name)
    return names if names[0] != names[1] else (a.name, b.name)


def _print(a: Run, b: Run, comparison: Comparison, difference: PairedDifference) -> None:
    names = _names(a, b)
    print(difference.sentence(names) + ".")
    print(comparison.scope(names))
    if a.score_kind != ScoreKind.OFFICIAL.value:
        print(f"The figures are no J&F: {no_official_score(a)}.")
    print(f"\nA: {names[0]}\nB: {names[1]}\n")
    videos = [
        [row.video, str(row.objects), number(row.a), number(row.b), _signed(row.difference)]
        for row in comparison.videos
    ]
    print(table(["video", "objects", "A", "B", "B - A"], videos))
    print()
    objects = [
        [row.sequence, *map(number, (row.j_a, row.j_b)), _signed(row.j_difference), *map(number, (row.f_a, row.f_b))]
        + [_signed(row.f_difference), _signed(row.difference)]
        for row in comparison.objects
    ]
    j, f = ("J", "F") if a.score_kind == ScoreKind.OFFICIAL.value else ("region", "contour")
    print(table(["object", f"{j} of A", f"{j} of B", "B - A", f"{f} of A", f"{f} of B", "B - A", "both"], objects))


def _signed(value: float) -> str:
    return f"{value:+.3f}"


def _as_json(a: Run, b: Run, comparison: Comparison, difference: PairedDifference) -> dict[str, Any]:
    return {
        "a": {"id": a.id, "name": a.name, "mean": comparison.a},
        "b": {"id": b.id, "name": b.name, "mean": comparison.b},
        "measure": _measure(a),
        "sentence": difference.sentence(_names(a, b)),
        "scope": comparison.scope(_names(a, b)),
        "difference": difference.difference,
        "interval": None if difference.low is None else [difference.low, difference.high],
        "confidence": difference.confidence,
        "interval_kind": difference.kind,
        "clear": difference.clear,
        "tally": asdict(difference.tally),
        "videos": [asdict(row) | {"difference": row.difference} for row in comparison.videos],
        "objects": [asdict(row) | {"difference": row.difference} for row in comparison.objects],
        "only_in_a": comparison.only_in_a,
        "only_in_b": comparison.only_in_b,
    }
