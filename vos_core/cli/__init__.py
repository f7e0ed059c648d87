"""Every screen's job as a command. Each command of `python -m vos_core` is a module, imported when it is used."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from collections.abc import Sequence
from typing import NoReturn

from vos_core.errors import VosLabError

# command -> (module, what it does); the module's `add_parser(subparsers)` declares `run(args) -> exit code`.
COMMANDS = {
    "run": ("vos_core.cli.run", "launch a model, or a grid of them, over a dataset and wait for the scores"),
    "demo": ("vos_core.cli.demo", "generate the demo dataset and launch the demo ablation"),
    "import": ("vos_core.cli.imports", "make a run of a folder of masks, and score it"),
    "adopt": ("vos_core.cli.imports", "take over a project folder: its datasets, checkpoints and outputs"),
    "agreement": ("vos_core.cli.imports", "hold a run's masks against masks that are no ground truth"),
    "evaluate": ("vos_core.cli.evaluate", "score a folder of masks as the official DAVIS toolkit does"),
    "fetch": ("vos_core.cli.fetch", "download datasets and checkpoints, or verify them"),
    "status": ("vos_core.cli.status", "the runs, the queue and the workers"),
    "score": ("vos_core.cli.score", "score the masks of runs again, or by MOSEv2's J&F-dot too"),
    "show": ("vos_core.cli.show", "one run: its scores per object, settings, timings and errors"),
    "compare": ("vos_core.cli.compare", "two runs: is B better than A, on which videos and objects"),
    "failures": ("vos_core.cli.failures", "where a run fails: stretches of frames by kind, worst first"),
    "verify": ("vos_core.cli.verify", "hold a SAM 2.0 run on DAVIS 2017 val against the published scores"),
    "reference": ("vos_core.cli.reference", "published scores with their sources, to hold runs against"),
    "server-score": ("vos_core.cli.server_score", "note what a challenge server said of a run's submission"),
    "picture": ("vos_core.cli.picture", "one frame with annotation and predictions side by side, as a PNG"),
    "clip": ("vos_core.cli.clip", "frames of a video with annotation and predictions, as MP4 or GIF"),
    "submission": ("vos_core.cli.submission", "the zip of a run's masks for a challenge's server (MOSE), checked"),
    "export": ("vos_core.cli.export", "tables (CSV, LaTeX, Markdown) and figures (HTML, CSV) of runs"),
    "cancel": ("vos_core.cli.control", "stop runs; what is finished stays"),
    "retry": ("vos_core.cli.control", "queue the failed videos of runs again"),
    "resume": ("vos_core.cli.control", "queue what cancelled, paused or failed runs are missing"),
    "pause": ("vos_core.cli.control", "hand out no more videos of runs"),
    "reorder": ("vos_core.cli.control", "let runs take each other's places in the queue, in the order given"),
    "delete": ("vos_core.cli.control", "remove ended runs"),
    "label": ("vos_core.cli.label", "give runs a title, notes and tags, or put them away"),
    "cluster": ("vos_core.cli.cluster", "make a Ray cluster of several machines, and end it"),
    "backup": ("vos_core.cli.backup", "one file with the database, run files and records; with --masks the masks too"),
    "restore": ("vos_core.cli.backup", "put a backup into this home, checked before anything is touched"),
    "rebuild": ("vos_core.cli.rebuild", "make runs that the database does not know anew from their folders"),
    "logs": ("vos_core.cli.logs", "the dispatcher's and the workers' logs"),
    "datasets": ("vos_core.cli.datasets", "the datasets that are here; check, add, remove one; subsets of them"),
    "doctor": ("vos_core.cli.doctor", "what is wrong with this machine or this installation, and what to do"),
    "models": ("vos_core.cli.listings", "the registered models and whether their checkpoints are here"),
}


class _Parser(argparse.ArgumentParser):
    """What could not be understood is told in one sentence; the usage is there for who asks for it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message.removesuffix('.')}: see `{self.prog} --help`.\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code: 0 done, 1 the work failed, 2 it could not be started as asked."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = _Parser(
        prog="python -m vos_core",
        description="VOS Lab: run, score and look into video object segmentation ablations.",
    )
    subparsers = parser.add_subparsers(dest="command", metavar="<command>", required=True)
    named = next((word for word in arguments if not word.startswith("-")), None)
    for command, (module, line) in COMMANDS.items():
        if command == named:
            importlib.import_module(module).add_parser(subparsers)
        elif named not in COMMANDS:
            subparsers.add_parser(command, help=line)
    args = parser.parse_args(arguments)
    began = time.time()
    try:
        return int(args.run(args))
    except VosLabError as error:
        for line in str(error).splitlines():
            print(f"error: {line}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            # The reader of a pipe (head, less) went away: nothing is wrong.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{error.strerror or error}: check the path and its permissions.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        # Only where a command has loaded it: importing it takes a while.
        exceptions = sys.modules.get("sqlalchemy.exc")
        if exceptions is None or not isinstance(error, exceptions.DatabaseError):
            raise
        if isinstance(error, exceptions.OperationalError):
            print(f"error: The database cannot be used now ({error.orig}): try again in a moment.", file=sys.stderr)
        elif sys.modules["db.damage"].is_damage(error.orig):
            print(
                f"error: The database is damaged ({error.orig}): run this again, and it is set aside.", file=sys.stderr
            )
        else:
            raise
        return 1
    finally:
        _tell_damage(args.command, began)


def _tell_damage(command: str, began: float) -> None:
    """One line while a damaged database waits to be rebuilt, after commands that used the new one; the process that
    set it aside has said so itself."""
    damage = sys.modules.get("db.damage")
    if damage is None or command in ("rebuild", "doctor"):
        return
    from vos_core.home import Home

    note = damage.damage_note(Home.from_environment().database)
    if note is not None and note.rebuilt is None and note.at < began:
        print(f"warning: {note.sentence} Bring its runs back: python -m vos_core rebuild", file=sys.stderr)
