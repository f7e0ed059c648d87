"""A dispatcher that crashes at its start is started a few times, not for ever, and that is said."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from tests.clips import write_dataset
from tests.execution.scripted import queue_launch
from tests.faults.processes import end_all, plan, until
from vos_core.cli import main
from vos_core.errors import VosLabError
from vos_core.execution import starts, submit
from vos_core.execution.starts import MOST_CRASHES, Starts
from vos_core.home import Home

CRASH, FAULT = "raise SystemExit(1)", "import os; os.abort()"
KILLED, FINE = "import os; os.kill(os.getpid(), 9)", ""


@pytest.mark.parametrize(
    ("lives", "stopped"),
    [
        ([CRASH] * 5, True),
        ([FAULT] * 5, True),
        ([CRASH] * 4, False),
        ([CRASH] * 4 + [FINE, CRASH], False),
        ([KILLED] * 8, False),
        ([CRASH] * 4 + [KILLED, CRASH], True),
    ],
)
def test_crashes_in_a_row_stop_it(tmp_path: Path, lives: Sequence[str], stopped: bool) -> None:
    mine = Starts()
    for life in lives:
        mine.add(subprocess.Popen([sys.executable, "-S", "-c", life], stderr=subprocess.DEVNULL))
        until(lambda: not mine.is_under_way(), 10)
    sentence = mine.trouble(tmp_path / "dispatcher.log")
    assert (sentence is not None) is stopped
    assert sentence is None or (sentence.startswith("The dispatcher ended 5 times") and "dispatcher.log" in sentence)


def test_one_that_lived_for_a_while_did_not_crash_at_its_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starts, "CRASH_SECONDS", 0.0)
    mine = Starts()
    for _ in range(MOST_CRASHES):
        mine.add(subprocess.Popen([sys.executable, "-S", "-c", CRASH], stderr=subprocess.DEVNULL))
        until(lambda: not mine.is_under_way(), 10)
    assert mine.trouble(tmp_path / "log") is None


@pytest.mark.slow
def test_a_command_gives_up_and_says_where_to_look(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The home was opened by a newer VOS Lab meanwhile: no dispatcher of this one can work on it."""
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    write_dataset(home.data / "DAVIS", {"v": 4})
    queue_launch(home, plan(home, "DAVIS", ("static",)))
    with closing(sqlite3.connect(home.database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    try:
        began = time.monotonic()
        assert main(["run", "--dataset", "DAVIS", "--model", "flow"]) == 1
        log = home.logs / "dispatcher.log"
        assert capsys.readouterr().err.splitlines()[-1].endswith(f"nothing is worked on. The end of {log} says why.")
        assert log.read_text().count("written by a newer VOS Lab") == MOST_CRASHES
        assert time.monotonic() - began < 60
        # No further one for a minute, and then one: what was wrong may have been mended.
        with pytest.raises(VosLabError, match="5 times in a row"):
            submit.ensure_dispatcher(home)
        now = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: now + starts.AGAIN_SECONDS)
        assert submit.ensure_dispatcher(home)
    finally:
        monkeypatch.undo()
        end_all(home)
