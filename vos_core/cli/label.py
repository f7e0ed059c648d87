"""`label`: what people call a run: title, notes and tags; and putting it away."""

from __future__ import annotations

import argparse
import json

from db import queries
from db.labels import label_runs
from vos_core.cli.selection import find_runs
from vos_core.errors import InputError
from vos_core.home import Home


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("label", help="give runs a title, notes and tags, or put them away")
    parser.add_argument("selected", nargs="+", metavar="RUN", help="id, name or title")
    parser.add_argument("--title", help="what it is called in tables and plots; empty takes the title away")
    parser.add_argument("--notes", help="any text; replaces the notes")
    parser.add_argument("--tag", action="append", default=[], metavar="TAG", help="add a tag; may be repeated")
    parser.add_argument("--untag", action="append", default=[], metavar="TAG", help="take a tag away; may be repeated")
    away = parser.add_mutually_exclusive_group()
    away.add_argument("--archive", dest="archived", action="store_true", default=None, help="list it no more")
    away.add_argument("--unarchive", dest="archived", action="store_false", default=None, help="list it again")
    parser.add_argument("--json", action="store_true", help="say the result as JSON, for scripts")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Always 0. Raises InputError as `db.labels.label_runs` and for an unknown run; nothing is changed then."""
    home = Home.from_environment()
    ids = [row.id for row in find_runs(home, args.selected)]
    changes = (args.title, args.notes, args.archived)
    if all(change is None for change in changes) and not args.tag and not args.untag:
        raise InputError("Say what to change: --title, --notes, --tag, --untag, --archive or --unarchive.")
    label_runs(
        home.database,
        ids,
        title=args.title,
        notes=args.notes,
        add_tags=args.tag,
        remove_tags=args.untag,
        archived=args.archived,
    )
    rows = sorted(queries.runs(home.database, ids), key=lambda row: ids.index(row.id))
    if args.json:
        told = [
            {"run": row.id, "title": row.title, "notes": row.notes, "tags": row.tags, "archived": row.archived}
            for row in rows
        ]
        print(json.dumps(told, ensure_ascii=False))
        return 0
    for row in rows:
        parts = [f"#{row.id} {row.title or row.name}", *(f"[{tag}]" for tag in row.tags)]
        print(" ".join(parts + ["(archived)"] * row.archived))
    return 0
