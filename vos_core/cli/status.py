"""`status`: the runs, the queue and the workers."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from db import queries
from db.holder import is_here
from db.queue import queue_overview
from db.schema import ensure
from db.states import RunState
from vos_core.cli.tables import OFFICIAL, counted, run_scores, runs_table
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
    alive = dispatcher_alive(home)
    workers = queue_overview(home.database).workers if alive else ()
    for run in runs if not alive else []:
        if run.state == RunState.RUNNING.value:
            run.state = RunState.QUEUED.value  # it was interrupted; the next dispatcher writes so
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
                "frames_per_second": run.frames_per_second,
                "seconds_left": run.seconds_left,
                "gpus": run.gpus,
                "seconds": run.active_s,
                "error": run.error,
                "scores": dict(zip(OFFICIAL, run_scores(run))),
                "score_kind": run.score_kind,
                "other_scores": run.other_scores,
                "dot_scores": run.dot_scores,
            }
            for run in runs
        ]
        print(json.dumps({"dispatcher": alive, "runs": rows, "workers": [asdict(row) for row in workers]}, indent=2))
        return 0
    if not runs:
        print("No runs yet. Start with: python -m vos_core demo --wait")
        return 0
    print(runs_table(runs))
    for worker in workers:
        rate = f", {worker.frames_per_second:.1f} frames/s" if worker.frames_per_second else ""
        what = f" on {worker.run}, {worker.video}" if worker.run else ""
        print(f"worker {worker.name}: {worker.state}{what}{rate}")
    waiting = sum(run.state == RunState.QUEUED.value for run in runs)
    lease = queries.lease(home.database)
    if alive and lease is not None:
        print("dispatcher: working" + ("" if is_here(lease) else f" on host {lease.host}: read-only here"))
    elif waiting:
        go_on = "open the app, or call: python -m vos_core resume"
        print(f"dispatcher: not running; {counted(waiting, 'run')} wait for a dispatcher: {go_on}")
    else:
        print("dispatcher: not running (it starts when there is work)")
    return 0
