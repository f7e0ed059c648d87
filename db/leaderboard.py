"""What the Results page reads of runs: one statement, whatever their number, and none of their bulk."""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import defer
from sqlalchemy.orm.attributes import set_committed_value

from db.models import Run
from db.session import reading

TOLD = ("gpus", "devices", "checkpoint_sha256")
"""The parts of a run's provenance that tables of runs tell."""


def board_runs(
    database: Path, *, ablation_id: int | None = None, archived: bool = False, also: int | None = None
) -> list[Run]:
    """Runs, newest first, those put away only with `archived`; of `provenance` only the parts named in `TOLD`.

    `also` is the id of a run that is wanted whatever its ablation, put away or not.

    The rest of it (packages, options, machine) is several times as large as the row, and is not read.
    """
    parts = func.json_extract(Run.provenance, *(f"$.{name}" for name in TOLD))  # one JSON array
    statement = select(Run, parts).options(defer(Run.provenance)).order_by(Run.id.desc())
    wanted = [] if archived else [~Run.archived]
    if ablation_id is not None:
        wanted.append(Run.ablation_id == ablation_id)
    if wanted:
        statement = statement.where(or_(and_(*wanted), Run.id == also))
    with reading(database) as session:
        rows = session.execute(statement).all()
    runs = []
    for run, told in rows:
        known = zip(TOLD, json.loads(told) if told else (), strict=False)
        set_committed_value(run, "provenance", {name: value for name, value in known if value is not None})
        runs.append(run)
    return runs


def archived_count(database: Path) -> int:
    """How many runs are put away."""
    with reading(database) as session:
        return session.scalar(select(func.count()).select_from(Run).where(Run.archived)) or 0


def run_ids(database: Path) -> set[int]:
    """The ids of all runs, put away or not."""
    with reading(database) as session:
        return set(session.scalars(select(Run.id)))
