"""`doctor`: what is wrong with this machine, this installation and this home, and what to do."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from vos_core.doctor import Level
from vos_core.execution.doctor import examine
from vos_core.home import Home


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "doctor",
        help="what is wrong with this machine or this installation, and what to do",
        description="Look at Python, packages, GPUs, torch, disks, database, datasets, checkpoints, dispatcher and "
        "app: each line is ok, a note, WARN or FAIL, with what to do below it. Changes nothing. The text names neither "
        "passwords nor you (~ and $USER stand for you): paste it into a question. Exit code: 1 where something FAILs.",
    )
    parser.add_argument(
        "--quick", action="store_true", help="without asking torch (and Ray) themselves, which takes longest"
    )
    parser.add_argument("--json", action="store_true", help="as JSON, for scripts")
    parser.add_argument("--home", metavar="FOLDER", type=Path, help="examine this home (default: VOSLAB_HOME)")
    parser.add_argument("--port", type=int, help="of the app (default: STREAMLIT_SERVER_PORT, else 8501)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 where nothing FAILs, else 1."""
    environment = {**os.environ, **({"VOSLAB_HOME": str(args.home)} if args.home else {})}
    found = examine(Home.from_environment(environment), quick=args.quick, environment=environment, port=args.port)
    print(json.dumps(found.values(), indent=2) if args.json else found.text(), flush=True)
    return 1 if found.worst is Level.PROBLEM else 0
