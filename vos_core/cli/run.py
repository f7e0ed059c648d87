"""`run`: launch a grid through the same code as the Launch page, follow it, and print the table."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from db import queries
from db.states import RunState
from vos_core.cli.cluster import add_address_argument, apply_address
from vos_core.cli.follow import follow
from vos_core.cli.grids import add_grid_arguments, grid_of, ignored_arguments
from vos_core.cli.tables import OFFICIAL, counted, error_lines, run_scores, runs_table
from vos_core.errors import InputError
from vos_core.execution.outlook import Outlook, outlook
from vos_core.execution.pace import past_cpu_seconds
from vos_core.execution.submit import submit, wait
from vos_core.home import Home
from vos_core.launch import LaunchPlan, check_grid, duration


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("run", help="launch a model, or a grid of them, over a dataset")
    add_grid_arguments(parser)
    add_address_argument(parser)
    parser.add_argument("--detach", action="store_true", help="queue it and return; follow with `status`")
    parser.add_argument("--dry_run", action="store_true", help="say what would be queued, and queue nothing")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Exit code 0 when every run is done, 1 when a video failed or a run was cancelled."""
    home = Home.from_environment()
    apply_address(args, home)
    grid = grid_of(args, home)
    checked = check_grid(grid, home, args.name, past=past_cpu_seconds(home.database))
    if checked.sentences and not (args.skip_refused and checked.plan.runs and not checked.problems):
        raise InputError("\n".join(checked.sentences))
    plan = checked.plan
    for line in ignored_arguments(args, grid):
        print(f"note: {line}", file=sys.stderr)
    if checked.refused:
        print(f"refused {counted(len(checked.refused), 'run')}:", *checked.sentences, sep="\n  ", file=sys.stderr)
    if args.dry_run:
        ahead = outlook(plan, home)
        print(json.dumps(_planned(plan, ahead), indent=2) if args.json else _announced(plan, ahead))
        return 0
    return launch_and_follow(plan, home, detach=args.detach, as_json=args.json)


def launch_and_follow(plan: LaunchPlan, home: Home, *, detach: bool = False, as_json: bool = False) -> int:
    """Queue a plan, and unless `detach` wait for its end and print the table."""
    answer = wait(home, submit(plan, home))
    run_ids: list[int] = answer["runs"]
    if not as_json:
        print(f"queued {_extent(plan)}", file=sys.stderr)
        if existing := len(answer["existing"]):
            of_all = "it was" if len(plan.runs) == 1 else f"{existing} of them {'was' if existing == 1 else 'were'}"
            print(f"{of_all} here already: kept and completed", file=sys.stderr)
    return follow_to_the_end(home, run_ids, detach=detach, as_json=as_json)


def follow_to_the_end(home: Home, run_ids: list[int], *, detach: bool = False, as_json: bool = False) -> int:
    """Unless `detach`, wait until these runs have ended, and print their table; exit code as of `run`."""
    if detach:
        if as_json:
            print(json.dumps({"runs": run_ids}))
        return 0
    try:
        runs = follow(home, run_ids, quiet=as_json)
    except KeyboardInterrupt:
        ids = " ".join(str(run_id) for run_id in run_ids)
        print(f"\nThe runs go on in the background. Stop them with: python -m vos_core cancel {ids}", file=sys.stderr)
        return 130
    if as_json:
        print(json.dumps([_as_json(home, row.id) for row in runs], indent=2))
    else:
        print(runs_table(runs))
        for row in runs:
            if row.state == RunState.DONE.value and not row.scorable:
                print(f"{row.name}: no scores, the split is annotated on first frames only", file=sys.stderr)
            for task in queries.tasks(home.database, row.id) if row.videos_failed else []:
                for line in error_lines(task):
                    print(f"error: {row.name}: {line}", file=sys.stderr)
            print(f"masks: {home.locate(row.predictions)}", file=sys.stderr)
    return 0 if all(row.state == RunState.DONE.value for row in runs) else 1


def _extent(plan: LaunchPlan) -> str:
    return f"{counted(len(plan.runs), 'run')}, {counted(plan.videos, 'video')}, {counted(plan.frames, 'frame')}"


def _announced(plan: LaunchPlan, ahead: Outlook) -> str:
    """What `--dry_run` prints: the extent, what is here already, minutes and disk."""
    told = ahead.forecast
    lines = [_extent(plan)]
    if here := len(plan.runs) - ahead.starting:
        lines.append(f"{here} of them done or under way already")
    if told.seconds is not None:
        lines.append(f"about {duration(told.seconds)} on this machine")
    lines += [f"no past run of {model} here: its time is not known" for model in told.unknown]
    lines.append(f"masks: {told.bytes / 1e6:,.1f} MB, {told.free_bytes / 1e9:,.1f} GB free")
    return "\n".join(lines)


def _planned(plan: LaunchPlan, ahead: Outlook) -> dict[str, object]:
    """What `--dry_run --json` prints."""
    runs = [
        {
            "settings": asdict(run.settings),
            "videos": [video.name for video in run.videos],
            "frames": run.frames,
            "scorable": run.scorable,
            "standing": standing.value,
            "seconds": told.seconds,
            "bytes": told.bytes,
        }
        for run, standing, told in zip(plan.runs, ahead.standings, ahead.forecast.runs)
    ]
    return {
        "name": plan.name,
        "videos": plan.videos,
        "frames": plan.frames,
        "seconds": ahead.forecast.seconds,
        "bytes": ahead.forecast.bytes,
        "free_bytes": ahead.forecast.free_bytes,
        "runs": runs,
    }


def _as_json(home: Home, run_id: int) -> dict[str, object]:
    row = queries.run_by_id(home.database, run_id)
    assert row is not None
    return {
        "id": row.id,
        "name": row.name,
        "state": row.state,
        "error": row.error,
        "errors": {task.video: task.error for task in queries.tasks(home.database, row.id) if task.error},
        "folder": str(home.locate(row.predictions)),
        "settings": row.settings,
        "videos": row.videos,
        "videos_done": row.videos_done,
        "seconds": row.active_s,
        "scores": dict(zip(OFFICIAL, run_scores(row))),
        "score_kind": row.score_kind,
        "other_scores": row.other_scores,
        "dot_scores": row.dot_scores,
        "provenance": row.provenance,
    }
