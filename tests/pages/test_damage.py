"""A damaged database: pages say so, open on a new one, and say what became of the runs until that has been read."""

from __future__ import annotations

import pytest

from db import damage, queries, schema
from db.session import engine_for
from tests.pages.conftest import OpenPage
from vos_core.execution import lease
from vos_core.execution.rebuild import rebuild_damaged
from vos_core.home import Home


def ruin(home: Home) -> None:
    engine_for(home.database).dispose()
    for suffix in ("-wal", "-shm"):  # SQLite would mend the file from them
        home.database.with_name(home.database.name + suffix).unlink(missing_ok=True)
    home.database.write_bytes(b"no database at all, but of some length" * 400)


@pytest.mark.parametrize("file", ["results.py", "queue.py"])
def test_pages_tell_of_a_damaged_database(here: Home, runs: dict[str, int], open_page: OpenPage, file: str) -> None:
    assert runs
    ruin(here)
    schema.ensure.cache_clear()
    page = open_page(file)
    assert not page.exception
    (told,) = (error.value for error in page.error)
    assert "was set aside as voslab.db.damaged-" in told.replace("\\", "")
    assert "being made anew" in told
    assert queries.runs(here.database) == []

    held = lease.take(here.database)
    assert held is not None
    rebuild_damaged(here, held)
    held.release()
    page = open_page(file)
    (told,) = (warning.value for warning in page.warning if "damaged" in warning.value)
    assert "made anew from their folders" in told
    page.button(key="damage_read").click().run()
    assert not page.exception
    assert not [warning for warning in page.warning if "damaged" in warning.value]
    assert damage.damage_note(here.database) is None


def test_an_error_in_a_page_is_a_sentence(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    """The file goes bad while the app is open: one reload brings the new database."""
    assert not open_page("results.py").error
    ruin(here)
    page = open_page("results.py")
    assert not page.exception
    (told,) = (error.value for error in page.error)
    assert told.startswith("The database is damaged (file is not a database)")
    (told,) = (error.value for error in open_page("results.py").error)
    assert "was set aside as" in told
