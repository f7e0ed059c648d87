"""`backup`, `restore`: what a home knows as one file, and back."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from db.backup import stamp
from vos_core.cli.rebuild import home_of
from vos_core.execution.archive import write_archive
from vos_core.execution.restore import restore


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare both commands."""
    parser = subparsers.add_parser(
        "backup",
        help="one file with the database, run files and records; with --masks the masks too",
        description="Write the database (as of one moment, also while work goes on), settings, run files and records "
        "into one zip with checksums. Datasets and checkpoints are never in it.",
    )
    parser.add_argument("--out", metavar="FILE", help="the zip to write (default: voslab-backup-DATE.zip, here)")
    parser.add_argument("--masks", action="store_true", help="the predicted masks too")
    parser.set_defaults(run=run_backup)

    parser = subparsers.add_parser(
        "restore",
        help="put a backup into this home, checked before anything is touched",
        description="Check a backup as a whole, then put its database and files into the home.",
    )
    parser.add_argument("archive", metavar="FILE", help="what `backup` wrote")
    parser.add_argument(
        "--replace", action="store_true", help="into a home that has runs: keeps a copy of what is there"
    )
    parser.set_defaults(run=run_restore)
    for command in ("backup", "restore"):
        subparsers.choices[command].add_argument(
            "--home", metavar="DIR", help="home folder (default: VOSLAB_HOME, or the working directory)"
        )


def run_backup(args: argparse.Namespace) -> int:
    """Always 0."""
    target = Path(args.out or f"voslab-backup-{stamp()}.zip").expanduser().absolute()
    written = write_archive(home_of(args.home), target, masks=args.masks)
    size = target.stat().st_size / 1e6
    with_masks = "with masks" if args.masks else "without masks"
    print(f"{target}: {len(written.manifest.files)} files, {size:.1f} MB, {with_masks}.")
    for folder in written.elsewhere:
        print(f"not in it, for it lies outside of the home: {folder}")
    return 0


def run_restore(args: argparse.Namespace) -> int:
    """Always 0."""
    home = home_of(args.home)
    restored = restore(home, Path(args.archive).expanduser().absolute(), replace=args.replace)
    made = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(restored.manifest.made_at))
    runs = f"{restored.runs} run{'' if restored.runs == 1 else 's'}"
    print(f"{home.root} has the {runs} of the backup of {made}.")
    for folder in restored.kept:
        print(f"What was there is kept in {folder}")
    if not restored.manifest.masks:
        print("The backup holds no masks: pictures show where the runs' folders still have them.")
    return 0
