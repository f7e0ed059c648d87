"""What pages and commands may write: intents for the dispatcher, and a run's title, notes and tags."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from db.models import Intent, Run
from db.session import writing
from db.states import IntentKind
from vos_core.errors import InputError


def ask(database: Path, kind: IntentKind, payload: dict[str, Any]) -> int:
    """Insert an intent; returns its id (see `db.queries.intent` for the answer)."""
    with writing(database) as session:
        intent = Intent(kind=kind.value, payload=payload, created_at=time.time())
        session.add(intent)
        session.flush()
        return intent.id


def describe_run(
    database: Path, run_id: int, *, title: str | None = None, notes: str | None = None, tags: list[str] | None = None
) -> None:
    """Set the parts of a run that belong to the person. Raises InputError when there is no such run."""
    with writing(database) as session:
        run = session.get(Run, run_id)
        if run is None:
            raise InputError(f"There is no run {run_id}: it may have been deleted.")
        if title is not None:
            run.title = title.strip() or None
        if notes is not None:
            run.notes = notes
        if tags is not None:
            run.tags = tags
