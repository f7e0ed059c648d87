"""`rebuild`: runs that the database does not know, made anew from their folders."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from db.schema import ensure
from vos_core.errors import InputError
from vos_core.execution.lease import Held, take
from vos_core.execution.rebuild import rebuild
from vos_core.home import Home


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "rebuild",
        help="make runs that the database does not know anew from their folders",
        description="Make runs that the database does not know anew from the run.json and the records in their "
        "folders. Nothing is segmented or scored, and no file is changed.",
    )
    parser.add_argument("--home", metavar="DIR", help="home folder (default: VOSLAB_HOME, or the working directory)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0; 1 when a folder had to be left alone."""
    home = home_of(args.home)
    ensure(home.database)
    held = taken(home)
    try:
        rebuilt = rebuild(home, held)
    finally:
        held.release()
    print("\n".join(rebuilt.sentences))
    return 1 if rebuilt.problems else 0


def home_of(folder: str | None) -> Home:
    """The home in `folder`, or the environment's. Raises InputError when there is no such folder."""
    if folder is None:
        return Home.from_environment()
    if not Path(folder).is_dir():
        raise InputError(f"There is no folder {folder}: check --home.")
    return Home.from_environment({**os.environ, "VOSLAB_HOME": folder})


def taken(home: Home) -> Held:
    """The home's lease. Raises InputError while a dispatcher has it."""
    held = take(home.database)
    if held is None:
        raise InputError(
            f"A dispatcher works on {home.root}: wait until it has ended (soon after its last video), or stop VOS Lab "
            "there first."
        )
    return held
