"""The whole examination: of homes in every state, which it must leave as they are; database and dispatcher."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from db import damage, ledger, queries, schema
from db.holder import Holder
from db.models import Lease
from db.session import writing
from db.states import IntentKind
from vos_core.doctor import Finding, Level, Topic
from vos_core.execution.bookkeeping import look, look_at_database, look_at_dispatcher
from vos_core.execution.doctor import examine
from vos_core.home import Home


@pytest.fixture(autouse=True)
def forget() -> None:
    schema.ensure.cache_clear()


def fill(home: Home, runs: int = 40, mode: str = "wal") -> None:
    """A database of some pages with queued runs, closed and in one file."""
    schema.ensure(home.database)
    home.logs.mkdir(exist_ok=True)
    columns = {"folder": "f", "predictions": "f", "settings": {}, "dataset": "D", "dataset_path": "p", "split": "val"}
    with writing(home.database) as session:
        ablation = ledger.add_ablation(session, "a", "")
        for number in range(runs):
            names = {"name": f"r{number}", "fingerprint": f"x{number}", "model": "m" * 900}
            ledger.add_run(session, ablation, ledger.NewRun({**columns, **names}, [ledger.NewTask("v", 1, 1, 9, 9, 1)]))
    close(home, mode)


def close(home: Home, mode: str = "wal") -> None:
    from db.session import engine_for

    engine_for(home.database).dispose()
    with closing(sqlite3.connect(home.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute(f"PRAGMA journal_mode={mode}")


def execute(home: Home, statement: str) -> None:
    with closing(sqlite3.connect(home.database)) as connection, connection:
        connection.execute(statement)


def hold(home: Home, holder: Holder, silent: float = 0.0) -> None:
    with writing(home.database) as session:
        session.add(Lease(id=1, token="t", heartbeat=time.time() - silent, **asdict(holder)))
    close(home)


def scribble(home: Home) -> None:
    """Noise over the first page of the table of runs."""
    with closing(sqlite3.connect(home.database)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'run'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with home.database.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)


def die_writing(home: Home) -> None:
    """A process that was killed: its latest commit lies in the log alone."""
    code = (
        "import os, sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1])\n"
        "c.execute('PRAGMA journal_mode=wal')\n"
        "c.execute('PRAGMA wal_autocheckpoint=0')\n"
        "c.execute(\"UPDATE run SET state = 'done' WHERE name = 'r0'\")\n"
        "c.commit()\n"
        "os._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(home.database)], check=False)
    assert home.database.with_name("voslab.db-wal").stat().st_size > 0


def files(root: Path) -> dict[str, tuple[int, bytes]]:
    """Name -> time of the last change and content of everything beneath."""
    return {
        str(path.relative_to(root)): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in [root, *root.rglob("*")]
    }


def lose_shared_memory(home: Home) -> None:
    die_writing(home)
    home.database.with_name("voslab.db-shm").unlink()


STATES: dict[str, tuple[Callable[[Home], object], Level, str]] = {
    "whole": (lambda home: None, Level.OK, "MB, 40 runs (40 queued), whole, journal mode wal"),
    "rollback journal": (lambda home: close(home, "delete"), Level.OK, "whole, journal mode delete"),
    "killed writer": (lose_shared_memory, Level.OK, "40 runs (39 queued, 1 done), whole"),
    "older": (
        lambda home: execute(home, "UPDATE alembic_version SET version_num = '0002'"),
        Level.NOTE,
        f"of version 0002: the next start brings it to {schema.HEAD} and keeps a copy",
    ),
    "newer": (
        lambda home: execute(home, "UPDATE alembic_version SET version_num = '9999'"),
        Level.PROBLEM,
        "was written by a newer VOS Lab (revision 9999, this one knows",
    ),
    "no database": (
        lambda home: home.database.write_text("I am a text" * 99),
        Level.PROBLEM,
        "is damaged (file is not",
    ),
    "cut off": (lambda home: os.truncate(home.database, 9 * 4096), Level.PROBLEM, "is damaged ("),
    "noise": (scribble, Level.PROBLEM, "is damaged ("),
    "empty": (lambda home: os.truncate(home.database, 0), Level.PROBLEM, "is empty, and a dispatcher has worked here"),
    "gone": (lambda home: home.database.unlink(), Level.OK, "none yet: the first launch makes"),
    "restore": (
        lambda home: (home.state / schema.RESTORING).write_text("{}"),
        Level.PROBLEM,
        "was cut short",
    ),
}


@pytest.mark.parametrize("state", STATES)
def test_the_database_is_told_and_left_as_it_is(state: str, home: Home) -> None:
    fill(home)
    change, level, words = STATES[state]
    change(home)
    before = files(home.state)
    found = list(look_at_database(home))
    worst = max(found, key=lambda one: list(Level).index(one.level))
    assert worst.level is level, found
    assert words in worst.text, found
    list(look_at_dispatcher(home))
    assert files(home.state) == before


def test_a_database_that_others_have_open(home: Home) -> None:
    fill(home)
    with closing(sqlite3.connect(home.database)) as writer:
        writer.execute("UPDATE run SET state = 'done' WHERE name = 'r0'")
        writer.commit()
        one, _ = look(home)
        assert "40 runs (39 queued, 1 done), whole" in one.text
        writer.execute("BEGIN IMMEDIATE")
        one, _ = look(home)  # a writer holds up no reader
        assert one.level is Level.OK


def test_wal_on_a_network_disk_is_warned_of(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(home)
    die_writing(home)
    assert [one.level for one in look_at_database(home)] == [Level.OK]
    monkeypatch.setattr("db.session.file_system", lambda path: "nfs4")
    assert [one.level for one in look_at_database(home)] == [Level.OK, Level.WARNING]


def test_a_database_that_was_set_aside(home: Home) -> None:
    fill(home)
    noted = damage.set_aside(home.database, "noise", time.time())
    first, second = look_at_database(home)
    assert (first.level, first.advice) == (Level.WARNING, "python -m vos_core rebuild")
    assert noted.file in first.text
    assert second.text.startswith("none yet")
    damage.note_rebuilt(home.database, ("all",))
    assert look_at_database(home)[0].level is Level.NOTE


HERE = Holder.this_process
GONE = Holder("elsewhere", "boot", 7, 1.0)


@pytest.mark.parametrize(
    ("holder", "silent", "work", "level", "words"),
    [
        (None, 0, False, Level.OK, "none: it starts when there is work"),
        (None, 0, True, Level.WARNING, "40 videos to do, and nobody works"),
        ("here", 0, True, Level.OK, "40 videos to do)"),
        ("here", 300, True, Level.WARNING, "has written nothing for 300 s"),
        ("dead", 300, True, Level.WARNING, "ended without a word; the next start takes its place; 40 videos"),
        ("dead", 300, False, Level.NOTE, "ended without a word"),
        ("elsewhere", 0, True, Level.NOTE, "Host elsewhere works on this home folder"),
        ("elsewhere", 7300, False, Level.NOTE, "host elsewhere was last heard of 2 hours ago"),
        ("elsewhere", 7300, True, Level.WARNING, "and nobody works"),
    ],
)
def test_the_dispatcher(holder: str | None, silent: float, work: bool, level: Level, words: str, home: Home) -> None:
    fill(home)
    if not work:
        execute(home, "UPDATE video_task SET state = 'done'")
    if holder is not None:
        here = Holder.this_process()
        hold(home, {"here": here, "dead": replace(here, process_started=1.0), "elsewhere": GONE}[holder], silent)
    (one,) = look_at_dispatcher(home)
    assert one.level is level, one
    assert words in one.text


def test_a_request_that_nobody_answers(home: Home) -> None:
    from db.intents import ask

    fill(home, runs=0)
    ask(home.database, IntentKind.CANCEL, {"runs": [1]})
    close(home)
    (one,) = look_at_dispatcher(home)
    assert (one.level, "1 request to answer, and nobody works" in one.text) == (Level.WARNING, True)


def test_a_home_that_does_not_exist(home: Home) -> None:
    found = examine(home, quick=True, environment={"STREAMLIT_SERVER_PORT": "1"})
    assert not home.root.exists()
    topics = {one.topic for one in found.findings}
    assert topics == set(Topic) - {Topic.RAY}
    assert not [one for one in found.findings if one.level is Level.PROBLEM], found.text()


def test_all_of_it_changes_nothing(home: Home) -> None:
    fill(home)
    for folder in (home.data, home.outputs, home.checkpoints):
        folder.mkdir()
    before = files(home.root)
    found = examine(home, quick=True)
    assert files(home.root) == before
    assert any("40 runs" in one.text for one in found.findings)


def test_a_state_folder_that_hangs(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.state.mkdir(parents=True)
    os.mkfifo(home.state / "places.json")  # read for the datasets and the checkpoints
    monkeypatch.setattr("vos_core.execution.doctor.SLOW", 1.0)
    monkeypatch.setattr("vos_core.doctor.probes.SECONDS", 1.0)
    began = time.monotonic()
    found = examine(home, quick=True)
    assert time.monotonic() - began < 20
    hung = [one.topic for one in found.findings if "did not answer within" in one.text]
    # Looking at the packages takes more than a second where all cores are taken.
    assert [topic for topic in hung if topic is not Topic.PACKAGES] == [Topic.DATASETS, Topic.CHECKPOINTS]
    with (home.state / "places.json").open("w"):
        pass  # lets them go


def test_a_live_dispatcher_is_seen(home: Home) -> None:
    schema.ensure(home.database)
    home.logs.mkdir()
    child = subprocess.Popen(
        [sys.executable, "-m", "vos_core.execution.dispatcher"],
        env={**os.environ, **home.environment()},
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).resolve().parents[2],
    )
    try:
        deadline = time.monotonic() + 20
        found: list[Finding] = []
        while time.monotonic() < deadline and child.poll() is None:
            found = list(look(home))
            if f"works (process {child.pid}" in found[-1].text:
                break
            time.sleep(0.05)
        assert f"works (process {child.pid}, 0 videos to do)" in found[-1].text
        assert queries.lease(home.database) is not None  # this process's own view of it was left alone
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(signal.SIGTERM)
        child.wait(20)
    shutil.rmtree(home.root)
