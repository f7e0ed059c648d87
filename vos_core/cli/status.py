"""`status`: the runs, the queue and the workers."""

from __future__ import annotations

import argparse
import json

from db import queries
from db.schema import ensure
from vos_core.cli.tables import OFFICIAL, run_scores, runs_table
from vos_core.execution.submit import dispatcher_alive
from vos_core.home import Home


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("status", help="the runs, the queue and the workers")
    parser.add_argument("--json", action="store_true", help="as JSON, for scripts")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Always 0."""
    home = Home.from_environment()
    ensure(home.database)
    runs = sorted(queries.runs(home.database), key=lambda run: run.position)
    workers = queries.workers(home.database)
    alive = dispatcher_alive(home)
    if args.json:
        rows = [
            {
                "id": run.id,
                "name": run.name,
                "state": run.state,
                "videos": run.videos,
                "videos_done": run.videos_done,
                "videos_failed": run.videos_failed,
                "frames": run.frames,
                "frames_done": run.frames_done,
                "seconds": run.active_s,
                "error": run.error,
                "scores": dict(zip(OFFICIAL, run_scores(run))),
                "score_kind": run.score_kind,
                "other_scores": run.other_scores,
                "dot_scores": run.dot_scores,
            }
            for run in runs
        ]
        print(json.dumps({"dispatcher": alive, "runs": rows, "workers": [worker.name for worker in workers]}, indent=2))
        return 0
    if not runs:
        print("No runs yet. Start with: python -m vos_core demo --wait")
        return 0
    print(runs_table(runs))
    for worker in workers if alive else []:
        rate = f", {worker.frames_per_second:.1f} frames/s" if worker.frames_per_second else ""
        print(f"worker {worker.name}: {worker.state}{rate}")
    print("dispatcher: " + ("working" if alive else "not running (it starts when there is work)"))
    return 0
