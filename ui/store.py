"""The home folder that this app serves, with its database ready."""

from __future__ import annotations

from db.schema import ensure
from vos_core.home import Home


def home() -> Home:
    """The home of this process's environment; its database exists afterwards.

    Raises InputError when the database cannot be used (see `db.schema.ensure`).
    """
    here = Home.from_environment()
    ensure(here.database)
    return here
