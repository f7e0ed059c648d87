"""`compare`: 2 to 8 runs side by side, each held against the first, with an interval for each difference."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from db.models import Run
from db.queries import object_rows_of
from db.states import ScoreKind
from vos_core.analysis.attributes import MEANINGS, AttributeLine, attribute_lines, collect, shapes_file
from vos_core.analysis.bootstrap import PairedDifference, paired_difference
from vos_core.analysis.comparisons import Comparison
from vos_core.analysis.lineup import LETTERS, MOST, Ground, Lineup, line_up
from vos_core.cli.selection import find_runs
from vos_core.cli.tables import no_official_score, number, table
from vos_core.datasets import open_dataset
from vos_core.errors import InputError
from vos_core.home import Home


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "compare",
        help="2 to 8 runs: is any better than the first, on which videos and objects",
        description="A is the first run. Differences are a run minus A over what all of them scored; each interval is "
        "a paired bootstrap over videos of one pair.",
    )
    parser.add_argument("runs", metavar="RUN", nargs="+", help="id or name; the first is A")
    parser.add_argument("--attributes", action="store_true", help="also by attribute: size, visibility, motion, ...")
    parser.add_argument("--json", action="store_true", help="as JSON, for scripts")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Always 0. Raises InputError when the runs cannot be compared."""
    if not 2 <= len(args.runs) <= MOST:
        raise InputError(f"compare takes 2 to {MOST} runs, not {len(args.runs)}: `compare A B`.")
    home = Home.from_environment()
    runs = find_runs(home, args.runs)
    _check(home, args.runs, runs)
    rows = object_rows_of(home.database, [one.id for one in runs])
    for one in runs:
        if not rows[one.id]:
            raise InputError(f"Run {one.name} has no scores ({one.state}): there is nothing to compare.")
    lineup = line_up([rows[one.id] for one in runs])
    if not lineup.objects:
        raise InputError(lineup.scope(_names(runs)) + " Compare runs over the same videos.")
    differences = [paired_difference(pair) for pair in lineup.pairs]
    lines = _attributes(home, runs[0], lineup) if args.attributes else None
    if args.json:
        print(json.dumps(_as_json(runs, lineup, differences, lines), indent=2))
    else:
        _print(runs, lineup, differences, lines)
    return 0


def _check(home: Home, words: Sequence[str], runs: Sequence[Run]) -> None:
    first = runs[0]
    for index, other in enumerate(runs):
        for before, earlier in enumerate(runs[:index]):
            if earlier.id == other.id:
                raise InputError(f"{words[before]} and {words[index]} are the same run, {other.name}: name each once.")
    for other in runs[1:]:
        objection = _ground(home, first).objection(first.name, _ground(home, other), other.name)
        if objection is not None:
            raise InputError(f"{objection[0].upper()}{objection[1:]} They cannot be compared.")


def _ground(home: Home, run: Run) -> Ground:
    return Ground(run.dataset, str(home.locate(run.dataset_path)), _measure(run))


def _measure(run: Run) -> str:
    return "J&F" if run.score_kind == ScoreKind.OFFICIAL.value else no_official_score(run)


def _names(runs: Sequence[Run]) -> list[str]:
    """Titles where they tell the runs apart, else names."""
    titles = [run.title or run.name for run in runs]
    return titles if len(set(titles)) == len(titles) else [run.name for run in runs]


def _attributes(home: Home, run: Run, lineup: Lineup) -> list[AttributeLine]:
    dataset = open_dataset(home.locate(run.dataset_path), run.dataset)
    videos = [line.video for line in lineup.videos]
    return attribute_lines(lineup, collect(dataset, videos, shapes_file(home.state, run.dataset_path)))


def _print(
    runs: Sequence[Run],
    lineup: Lineup,
    differences: Sequence[PairedDifference],
    lines: Sequence[AttributeLine] | None,
) -> None:
    names = _names(runs)
    for name, difference in zip(names[1:], differences):
        against = f"{name} against {names[0]}: " if len(runs) > 2 else ""
        print(f"{against}{difference.sentence((names[0], name))}.")
    print(lineup.scope(names))
    if len(runs) > 2:
        print(f"Each interval is for its own pair, run against A; none is widened for there being {len(differences)}.")
    if runs[0].score_kind != ScoreKind.OFFICIAL.value:
        print(f"The figures are no J&F: {no_official_score(runs[0])}.")
    print()
    for letter, name, mean in zip(LETTERS, names, lineup.means):
        print(f"{letter}: {name}" + (f"  {number(mean)}" if len(runs) > 2 else ""))
    print()
    letters = LETTERS[: len(runs)]
    minus = [f"{letter} - A" for letter in letters[1:]]
    videos = [
        [line.video, str(line.objects), *map(number, line.values), *_over_first(line.values)]
        for line in sorted(lineup.videos, key=lambda line: (-line.spread, line.video))
    ]
    print(table(["video", "objects", *letters, *minus], videos))
    print()
    if len(runs) == 2:
        _print_objects(lineup.pairs[0], runs[0])
    else:
        objects = [
            [line.sequence, *map(number, line.values), *_over_first(line.values)]
            for line in sorted(lineup.objects, key=lambda line: (min(line.values) - max(line.values), line.sequence))
        ]
        print(table(["object", *letters, *minus], objects))
    if lines is not None:
        print()
        by_attribute = [
            [line.attribute, line.value, str(line.objects), *map(number, line.means), *_over_first(line.means)]
            for line in lines
        ]
        print(table(["attribute", "value", "objects", *letters, *minus], by_attribute, left=2))
        print("\n" + "\n".join(f"{value}: {told}" for value, told in MEANINGS.items()))


def _print_objects(pair: Comparison, run: Run) -> None:
    rows = [
        [row.sequence, *map(number, (row.j_a, row.j_b)), _signed(row.j_difference), *map(number, (row.f_a, row.f_b))]
        + [_signed(row.f_difference), _signed(row.difference)]
        for row in pair.objects
    ]
    j, f = ("J", "F") if run.score_kind == ScoreKind.OFFICIAL.value else ("region", "contour")
    print(table(["object", f"{j} of A", f"{j} of B", "B - A", f"{f} of A", f"{f} of B", "B - A", "both"], rows))


def _over_first(values: Sequence[float]) -> list[str]:
    return [_signed(value - values[0]) for value in values[1:]]


def _signed(value: float) -> str:
    return f"{value:+.3f}"


def _as_json(
    runs: Sequence[Run],
    lineup: Lineup,
    differences: Sequence[PairedDifference],
    lines: Sequence[AttributeLine] | None,
) -> dict[str, Any]:
    """Two runs as one pair; more as `pairs`, each against `a`, beside all runs' values by video and object."""
    names = _names(runs)
    told = [{"id": run.id, "name": run.name, "mean": mean} for run, mean in zip(runs, lineup.means)]
    common: dict[str, Any] = {"measure": _measure(runs[0]), "scope": lineup.scope(names), "a": told[0]}
    if lines is not None:
        common["attributes"] = [asdict(line) for line in lines]
    pairs = [
        {"b": other, **_pair_json(difference, pair, (names[0], name))}
        for other, difference, pair, name in zip(told[1:], differences, lineup.pairs, names[1:])
    ]
    if len(runs) == 2:
        left_out = {"only_in_a": lineup.left_out[0], "only_in_b": lineup.left_out[1]}
        return {**common, **pairs[0], **left_out}
    return {
        **common,
        "runs": told,
        "pairs": pairs,
        "left_out": lineup.left_out,
        "videos": [asdict(line) for line in lineup.videos],
        "objects": [asdict(line) for line in lineup.objects],
    }


def _pair_json(difference: PairedDifference, pair: Comparison, names: tuple[str, str]) -> dict[str, Any]:
    return {
        "sentence": difference.sentence(names),
        "difference": difference.difference,
        "interval": None if difference.low is None else [difference.low, difference.high],
        "confidence": difference.confidence,
        "interval_kind": difference.kind,
        "clear": difference.clear,
        "tally": asdict(difference.tally),
        "videos": [asdict(row) | {"difference": row.difference} for row in pair.videos],
        "objects": [asdict(row) | {"difference": row.difference} for row in pair.objects],
    }
