"""Naming runs on the command line: by id or by folder name, or all of an ablation."""

from __future__ import annotations

from collections.abc import Sequence

from db import queries
from db.models import Run
from db.schema import ensure
from vos_core.errors import InputError
from vos_core.home import Home


def find_ablation(home: Home, word: str) -> int:
    """The id of the ablation that `word` names. Raises InputError when it names none."""
    ensure(home.database)
    for row in queries.ablations(home.database).values():
        if word in (str(row.id), row.name):
            return row.id
    raise InputError(f"There is no ablation {word!r} in {home.root}: the Runs page lists them.")


def find_runs(home: Home, words: Sequence[str]) -> list[Run]:
    """The runs that `words` name. Raises InputError for a word that names none."""
    ensure(home.database)
    runs = queries.runs(home.database)
    found = []
    for word in words:
        match = next((run for run in runs if word in (str(run.id), run.name, run.title)), None)
        if match is None:
            raise InputError(f"There is no run {word!r} in {home.root}: `python -m vos_core status` lists them.")
        found.append(match)
    return found
