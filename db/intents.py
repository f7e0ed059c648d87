"""What pages and commands ask of the dispatcher (intents), and scores that a server gave; `db.labels` has the rest."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from db.holder import held_elsewhere
from db.models import Intent, Lease, Run, ServerScore
from db.session import writing
from db.states import IntentKind
from vos_core.errors import InputError


@contextmanager
def asking(database: Path) -> Iterator[Session]:
    """A session that writes. Raises InputError while another host holds the home folder: it is read-only here then."""
    with writing(database) as session:
        sentence = held_elsewhere(session.get(Lease, 1))
        if sentence is not None:
            raise InputError(sentence)
        yield session


def ask(database: Path, kind: IntentKind, payload: dict[str, Any]) -> int:
    """Insert an intent; returns its id (see `db.queries.intent` for the answer)."""
    with asking(database) as session:
        intent = Intent(kind=kind.value, payload=payload, created_at=time.time())
        session.add(intent)
        session.flush()
        return intent.id


def add_server_score(database: Path, run_id: int, server: str, figures: Mapping[str, float], notes: str = "") -> int:
    """Keep what a challenge server said of a run (`figures` as the server calls them); returns the score's id.

    Raises InputError for an unknown run, a server without a name, no figure, or a figure that is no finite number.
    """
    if not server.strip():
        raise InputError("Say which server gave the score: its name is empty.")
    if not figures:
        raise InputError(f"Give at least one figure of {server.strip()}, such as J&F=0.712.")
    for name, value in figures.items():
        if not name.strip():
            raise InputError(f"A figure of {server.strip()} has no name: write NAME=VALUE, such as J&F=0.712.")
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise InputError(f"The figure {name} of {server.strip()} is {value!r}: give a number, such as 0.712.")
    with asking(database) as session:
        if session.get(Run, run_id) is None:
            raise InputError(f"There is no run {run_id}: it may have been deleted.")
        score = ServerScore(
            run_id=run_id,
            server=server.strip(),
            figures={name.strip(): float(value) for name, value in figures.items()},
            notes=notes,
            entered_at=time.time(),
        )
        session.add(score)
        session.flush()
        return score.id


def remove_server_score(database: Path, score_id: int) -> None:
    """Forget a typed-in score. Raises InputError when there is none with this id."""
    with asking(database) as session:
        score = session.get(ServerScore, score_id)
        if score is None:
            raise InputError(f"There is no server score {score_id}: it may have been removed.")
        session.delete(score)
