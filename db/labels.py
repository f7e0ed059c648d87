"""What people call their runs: title, notes, tags, and whether a run is put away. Pages and commands write these."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from sqlalchemy import select

from db.intents import asking
from db.models import Run
from vos_core.errors import InputError

LONGEST_TITLE = 120
LONGEST_TAG = 40


def label_runs(
    database: Path,
    run_ids: Sequence[int],
    *,
    title: str | None = None,
    notes: str | None = None,
    add_tags: Iterable[str] = (),
    remove_tags: Iterable[str] = (),
    archived: bool | None = None,
) -> None:
    """Set what belongs to the person, for all these runs or, where something is wrong, for none; None leaves a part.

    An empty title takes it away. Tags keep the order in which they were given; one is both added and removed: removed.
    Raises InputError when a run is gone, when one title is to be that of several runs, or for a tag or title that is
    too long or holds a line break.
    """
    added, removed = [_tag(tag) for tag in add_tags], {tag.strip() for tag in remove_tags}
    if title is not None:
        title = _line(title, "title", LONGEST_TITLE)
        if title and len(run_ids) > 1:
            raise InputError("A title is one run's: name one run, or tag them all.")
    with asking(database) as session:
        found = {run.id: run for run in session.scalars(select(Run).where(Run.id.in_(run_ids)))}
        for run_id in run_ids:
            run = found.get(run_id)
            if run is None:
                raise InputError(f"There is no run {run_id}: it may have been deleted. Nothing was changed.")
            if title is not None:
                run.title = title or None
            if notes is not None:
                run.notes = notes.strip()
            if added or removed:
                run.tags = [tag for tag in dict.fromkeys([*run.tags, *added]) if tag not in removed]
            if archived is not None:
                run.archived = archived


def _tag(text: str) -> str:
    tag = _line(text, "tag", LONGEST_TAG)
    if not tag:
        raise InputError("A tag is empty: give it at least one letter.")
    return tag


def _line(text: str, what: str, longest: int) -> str:
    """One line of text without spaces around it."""
    line = text.strip()
    if any(ord(sign) < 32 for sign in line):
        raise InputError(f"A {what} is one line of text: take the line breaks and control characters out.")
    if len(line) > longest:
        raise InputError(f"A {what} has at most {longest} characters, this one {len(line)}: shorten it.")
    return line
