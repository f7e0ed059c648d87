"""What can still be read of runs in a damaged database or an earlier copy: launches, labels and servers' scores."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.backup import backups
from db.damage import BESIDE
from db.models import Run, ServerScore

ABLATION = ("id", "name", "command", "created_at")
_LABELS = "SELECT fingerprint, title, notes, tags, archived FROM run"
_OLDER_LABELS = "SELECT fingerprint, title, notes, tags, 0 FROM run"  # before 0003
_LAUNCHES = (
    "SELECT fingerprint, run.id, run.created_at, ablation.id, ablation.name, ablation.command, ablation.created_at "
    "FROM run JOIN ablation ON ablation.id = run.ablation_id"
)
_SERVERS = (
    "SELECT fingerprint, server, figures, server_score.notes, entered_at FROM server_score "
    "JOIN run ON run.id = server_score.run_id"
)


@dataclass(frozen=True)
class Salvage:
    """By the runs' fingerprints: labels (columns of `Run`), what servers said (columns of `ServerScore`), and launches
    (`id`, `created_at`, `ablation`, as in `run.json`). `files` are those that gave any, the latest first."""

    files: tuple[str, ...]
    labels: Mapping[str, Mapping[str, Any]]
    servers: Mapping[str, tuple[Mapping[str, Any], ...]]
    launches: Mapping[str, Mapping[str, Any]]


def salvage(database: Path) -> Salvage:
    """Of the files set aside beside `database`, then of the copies made before migrations; the latest word counts.

    They are read only, and no file is changed.
    """
    aside = [
        path
        for path in database.parent.glob(f"{database.name}.damaged-*")
        if not path.name.endswith(tuple(suffix for suffix in BESIDE if suffix))
    ]
    newest_first = [*sorted(aside, key=lambda path: path.stat().st_mtime_ns, reverse=True), *backups(database)]
    found = [one for one in map(_read, newest_first) if one.labels]
    return Salvage(
        tuple(file for one in found for file in one.files),
        {key: value for one in reversed(found) for key, value in one.labels.items()},
        {key: value for one in reversed(found) for key, value in one.servers.items()},
        {key: value for one in reversed(found) for key, value in one.launches.items()},
    )


def give_back(session: Session, found: Salvage, fingerprints: list[str]) -> int:
    """Give these runs their labels and servers' scores; returns how many of them had any."""
    count = 0
    for run in session.scalars(select(Run).where(Run.fingerprint.in_(fingerprints))).all():
        labels, servers = found.labels.get(run.fingerprint, {}), found.servers.get(run.fingerprint, ())
        for name, value in labels.items():
            setattr(run, name, value)
        session.add_all([ServerScore(run_id=run.id, **columns) for columns in servers])
        count += bool(servers or any(labels.values()))
    return count


def _read(path: Path) -> Salvage:
    labels: dict[str, dict[str, Any]] = {}
    servers: dict[str, tuple[dict[str, Any], ...]] = {}
    for fingerprint, title, notes, tags, archived in _rows(path, _LABELS) or _rows(path, _OLDER_LABELS):
        decoded = _json(tags, [])
        if isinstance(fingerprint, str) and isinstance(decoded, list):
            labels[fingerprint] = {
                "title": title,
                "notes": str(notes or ""),
                "tags": [str(tag) for tag in decoded],
                "archived": bool(archived),
            }
    for fingerprint, server, figures, notes, entered_at in _rows(path, _SERVERS):
        values = {"server": server, "figures": _json(figures, {}), "notes": notes, "entered_at": entered_at}
        servers[fingerprint] = (*servers.get(fingerprint, ()), values)
    launches = {
        fingerprint: {"id": run_id, "created_at": at, "ablation": dict(zip(ABLATION, ablation))}
        for fingerprint, run_id, at, *ablation in _rows(path, _LAUNCHES)
    }
    return Salvage((path.name,), labels, servers, launches)


def _rows(path: Path, statement: str) -> list[Any]:
    """Rows up to where the file cannot be read."""
    rows: list[Any] = []
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)) as connection:
            connection.text_factory = lambda raw: raw.decode(errors="replace")
            for row in connection.execute(statement):
                rows.append(row)  # one by one: those before a damaged page are kept
    except sqlite3.Error:
        pass
    return rows


def _json(text: Any, otherwise: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError):
        return otherwise
