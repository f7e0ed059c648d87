"""`logs`: the dispatcher's and the workers' logs."""

from __future__ import annotations

import argparse
import json

from vos_core.errors import InputError
from vos_core.home import Home
from vos_core.logs import log_files, tail


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("logs", help="the dispatcher's and the workers' logs")
    parser.add_argument("log", nargs="?", help="dispatcher (default), or a worker: cpu-0, gpu-1 ...")
    parser.add_argument("-n", "--lines", type=int, default=50, help="last lines to print (default 50)")
    parser.add_argument("--json", action="store_true", help="as JSON, for scripts")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 when the log exists."""
    home = Home.from_environment()
    logs = log_files(home)
    name = args.log or "dispatcher"
    if name not in logs:
        there = ", ".join(logs) or "none yet"
        raise InputError(f"There is no log {name!r} in {home.logs} ({there}).")
    text = tail(logs[name], max(1, args.lines))
    if args.json:
        content = {"log": name, "file": str(logs[name]), "logs": list(logs), "lines": text.splitlines()}
        print(json.dumps(content, indent=2))
    else:
        print(text, end="")
    return 0
