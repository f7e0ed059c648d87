"""`show`: one run, as the Run page shows it."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from db import queries
from db.states import ScoreKind
from vos_core.cli.selection import find_runs
from vos_core.cli.tables import OFFICIAL, error_lines, number, run_scores, runs_table, server_lines, table
from vos_core.execution.second_metric import DOT_FIGURES
from vos_core.home import Home


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("show", help="one run: its scores per object, settings, timings and errors")
    parser.add_argument("selected", metavar="RUN", help="id or name")
    parser.add_argument("--json", action="store_true", help="as JSON, for scripts")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Always 0 for a run that exists."""
    home = Home.from_environment()
    row = find_runs(home, [args.selected])[0]
    objects = queries.object_rows(home.database, row.id)
    tasks = queries.tasks(home.database, row.id)
    servers = queries.server_scores(home.database, row.id)
    if args.json:
        content = {
            "id": row.id,
            "name": row.name,
            "state": row.state,
            "settings": row.settings,
            "provenance": row.provenance,
            "folder": str(home.locate(row.predictions)),
            "score_kind": row.score_kind,
            "scores": dict(zip(OFFICIAL, run_scores(row))),
            "other_scores": row.other_scores,
            "dot_scores": row.dot_scores,
            "server_scores": [
                {"id": one.id, "server": one.server, "figures": one.figures, "notes": one.notes} for one in servers
            ],
            "objects": [asdict(item) for item in objects],
            "videos": [
                {
                    "video": task.video,
                    "state": task.state,
                    "frames": task.frames,
                    "error": task.error,
                    "dot_scores": task.dot_scores,
                    "seconds": {
                        "decode": task.decode_s,
                        "inference": task.inference_s,
                        "write": task.write_s,
                        "evaluation": task.evaluation_s,
                        "wall": task.wall_s,
                        "load": task.load_s,
                    },
                }
                for task in tasks
            ],
        }
        print(json.dumps(content, indent=2))
        return 0
    print(runs_table([row]))
    for line in server_lines(servers):
        print(line)
    print()
    if objects:
        measures = ("J", "F") if row.score_kind == ScoreKind.OFFICIAL.value else ("Region", "Contour")
        header = ["Sequence", *(f"{name}-{what}" for name in measures for what in ("Mean", "Recall", "Decay"))]
        rows = [
            [
                item.sequence,
                *map(number, (item.j_mean, item.j_recall, item.j_decay, item.f_mean, item.f_recall, item.f_decay)),
            ]
            for item in objects
        ]
        print(table(header, rows))
        print()
    if any(task.dot_scores for task in tasks):
        print("J&F-dot (MOSEv2)")
        scored = [(task.video, task.dot_scores) for task in tasks if task.dot_scores]
        print(
            table(
                ["video", *DOT_FIGURES], [[video, *map(number, map(dots.get, DOT_FIGURES))] for video, dots in scored]
            )
        )
        print()
    header = ["video", "state", "frames", "objects", "decode s", "inference s", "write s", "evaluation s", "wall s"]
    rows = [
        [
            task.video,
            task.state,
            str(task.frames),
            str(task.objects),
            *(number(value, 2) for value in (task.decode_s, task.inference_s, task.write_s, task.evaluation_s)),
            number(task.wall_s, 2),
        ]
        for task in tasks
    ]
    print(table(header, rows, left=2))
    for task in tasks:
        for line in error_lines(task):
            print(f"error: {line}")
    print(f"masks: {home.locate(row.predictions)}")
    for name, value in sorted(row.provenance.items()):
        print(f"{name}: {value}")
    return 0
