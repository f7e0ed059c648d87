"""`failures`: where a run fails, worst first, with the frames to look at."""

from __future__ import annotations

import argparse
import json
from collections import Counter

from db import queries
from db.episodes import PairedEpisode, paired_episodes
from db.models import Run
from db.states import ScoreKind
from vos_core.analysis.failures import DISAGREEMENT_LINES, KIND_LINES, FailureKind
from vos_core.analysis.fixes import RULE_LINE, fixed
from vos_core.cli.selection import find_runs
from vos_core.cli.tables import no_official_score, table
from vos_core.errors import InputError
from vos_core.home import Home

LIMIT = 30


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "failures",
        help="where a run fails: stretches of frames by kind, worst first",
        description="Stretches of frames in which an object's mask fails in one way, worst first. Frames are counted "
        "from 0, as `picture --frame` takes them; cost is what the stretch takes from the object's mean J&F. Of a run "
        "that is held against masks that are no ground truth, these are disagreements: nobody knows which side fails.",
    )
    parser.add_argument("selected", metavar="RUN", help="id or name")
    parser.add_argument("--kind", nargs="+", choices=[kind.value for kind in FailureKind], metavar="KIND",
                        help=f"only these kinds: {', '.join(FailureKind)}")  # fmt: skip
    parser.add_argument("--limit", type=int, default=LIMIT, help=f"the worst N (default {LIMIT}; 0: all)")
    parser.add_argument(
        "--other", metavar="RUN", help="another run: which of the failures it fixes, and what it breaks"
    )
    parser.add_argument("--json", action="store_true", help="all of them as JSON, for scripts")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Always 0. Raises InputError for a run without scores: nothing is known of its failures."""
    if args.limit < 0:
        raise InputError(f"--limit {args.limit} is no number of rows: give 1 or more, or 0 for all.")
    home = Home.from_environment()
    if args.other:
        return _between(home, args)
    (row,) = find_runs(home, [args.selected])
    if not queries.object_rows(home.database, row.id):
        raise InputError(f"Run {row.name} has no scores ({row.state}): nothing is known of its failures.")
    episodes = [
        (video, episode)
        for video, episode in queries.failures(home.database, row.id)
        if not args.kind or episode.kind in args.kind
    ]
    if args.json:
        keys = ("object_id", "kind", "start", "end", "frames", "worst_frame", "worst_score", "severity")
        print(
            json.dumps([{"video": video} | {key: getattr(e, key) for key in keys} for video, e in episodes], indent=2)
        )
        return 0
    disagrees = row.score_kind == ScoreKind.AGREEMENT.value
    scored = sum(task.j_mean is not None for task in queries.tasks(home.database, row.id))
    looked = "" if scored == row.videos else f"looked for in the {scored} of {row.videos} videos that are scored"
    if not episodes:
        what = "disagreements" if disagrees else "failures"
        print(f"No {what}{' of this kind' if args.kind else ''} in {row.name}{looked and f', {looked}'}.")
        return 0
    if disagrees:
        print(f"These are disagreements ({no_official_score(row)}): nobody knows which side fails.\n")
    if looked:
        print(f"{looked.capitalize()}.\n")
    shown = episodes[: args.limit or None]
    rows = [
        [
            video,
            str(episode.object_id),
            episode.kind,
            f"{episode.start}-{episode.end}",
            str(episode.frames),
            str(episode.worst_frame),
            f"{episode.worst_score:.3f}",
            f"{episode.severity:.3f}",
        ]
        for video, episode in shown
    ]
    measure = {ScoreKind.OFFICIAL.value: "its J&F", ScoreKind.AGREEMENT.value: "agreement"}.get(row.score_kind, "mean")
    frames = "differing" if disagrees else "failing"
    print(table(["video", "object", "kind", "frames", frames, "worst frame", measure, "cost"], rows, left=3))
    if len(shown) < len(episodes):
        print(f"... and {len(episodes) - len(shown)} more (--limit 0 shows all)")
    print()
    for kind, count in Counter(episode.kind for _, episode in episodes).most_common():
        print(f"{count} {kind}: {(DISAGREEMENT_LINES if disagrees else KIND_LINES)[FailureKind(kind)]}")
    return 0


def _between(home: Home, args: argparse.Namespace) -> int:
    """What the other run fixes and breaks. Raises InputError for runs that are not scored against the same."""
    row, other = find_runs(home, [args.selected, args.other])
    for run in (row, other):
        if not queries.object_rows(home.database, run.id):
            raise InputError(f"Run {run.name} has no scores ({run.state}): nothing is known of its failures.")
    if (row.dataset_path, row.score_kind, row.reference) != (other.dataset_path, other.score_kind, other.reference):
        raise InputError(
            f"Runs {row.name} and {other.name} are not scored against the same: nothing can be held equal."
        )
    found = {
        "fixed": _changed(home, row, other, args.kind),
        "broken": _changed(home, other, row, args.kind),
    }
    if args.json:
        print(json.dumps({name: [_values(episode) for episode in rows] for name, rows in found.items()}, indent=2))
        return 0
    means = (f"of {row.id}", f"of {other.id}")
    for name, episodes in found.items():
        print(f"{len(episodes)} {name} by {other.name}:")
        if episodes:
            shown = episodes[: args.limit or None]
            rows = [_line(episode, swapped=name == "broken") for episode in shown]
            print(table(["video", "object", "kind", "frames", "worst frame", *means, "cost"], rows, left=3))
            if len(shown) < len(episodes):
                print(f"... and {len(episodes) - len(shown)} more (--limit 0 shows all)")
        print()
    print(RULE_LINE)
    return 0


def _changed(home: Home, failing: Run, fine: Run, kinds: list[str] | None) -> list[PairedEpisode]:
    pairs = fixed(paired_episodes(home.database, failing.id, fine.id))
    return [episode for episode in pairs if not kinds or episode.kind in kinds]


def _values(episode: PairedEpisode) -> dict[str, object]:
    keys = ("video", "object_id", "kind", "start", "end", "frames", "worst_frame", "worst_score", "severity")
    return {key: getattr(episode, key) for key in keys} | {"mean": episode.here, "other_mean": episode.there}


def _line(episode: PairedEpisode, *, swapped: bool) -> list[str]:
    means = [f"{mean:.3f}" for mean in (episode.here, episode.there) if mean is not None]
    return [
        episode.video,
        str(episode.object_id),
        episode.kind,
        f"{episode.start}-{episode.end}",
        str(episode.worst_frame),
        *(reversed(means) if swapped else means),
        f"{episode.severity:.3f}",
    ]
