"""`logs`: the dispatcher's and the workers' logs."""

from __future__ import annotations

import argparse
from collections import deque

from vos_core.errors import InputError
from vos_core.home import Home


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("logs", help="the dispatcher's and the workers' logs")
    parser.add_argument("log", nargs="?", help="dispatcher (default), or a worker: cpu-0, gpu-1 ...")
    parser.add_argument("-n", "--lines", type=int, default=50, help="last lines to print (default 50)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 when the log exists."""
    home = Home.from_environment()
    logs = {path.stem.removeprefix("worker-"): path for path in sorted(home.logs.glob("*.log"))}
    name = args.log or "dispatcher"
    if name not in logs:
        there = ", ".join(logs) or "none yet"
        raise InputError(f"There is no log {name!r} in {home.logs} ({there}).")
    with logs[name].open(errors="replace") as lines:
        print("".join(deque(lines, maxlen=max(1, args.lines))), end="")
    return 0
