"""Fetches in the background: a process an item that outlives the one that asked, and a record that all can read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.downloads import small_catalogue
from tests.downloads.faulty_server import Fault, FaultyServer
from tests.downloads.small_catalogue import NAME, PATH, WEIGHTS
from vos_core.datasets import find_datasets
from vos_core.downloads import Progress, Stage, background
from vos_core.downloads.background import DownloadState, Phase
from vos_core.downloads.failures import DownloadError
from vos_core.errors import InputError
from vos_core.home import Home

HALF = len(WEIGHTS) // 2
HELD = Fault(after=HALF, stall=60.0)


@pytest.fixture
def mirror(server: FaultyServer, home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FaultyServer:
    monkeypatch.setenv("VOSLAB_MIRROR", server.url)
    small_catalogue.install(monkeypatch, tmp_path / "site")
    home.root.mkdir(parents=True, exist_ok=True)
    return server


def until(home: Home, wanted: Callable[[DownloadState], bool], seconds: float = 40, name: str = NAME) -> DownloadState:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        told = background.state(home, name)
        if told is not None and wanted(told):
            return told
        time.sleep(0.05)
    raise AssertionError(f"{told}\n{background.log_file(home, name).read_text()}")


def end(told: DownloadState) -> None:
    process = psutil.Process(told.pid)
    process.kill()
    psutil.wait_procs([process], 5)


def test_it_is_brought_verified_and_listed(mirror: FaultyServer, home: Home) -> None:
    mirror.put(PATH, WEIGHTS)
    (begun,) = background.start(home, [NAME])
    assert begun.phase is Phase.STARTING and not begun.phase.ended
    told = until(home, lambda state: state.phase.ended)
    assert (told.phase, told.note) == (Phase.READY, "")
    assert (home.checkpoints / f"{NAME}.pt").read_bytes() == WEIGHTS
    assert [state.name for state in background.states(home)] == [NAME]
    assert f"{NAME}: ready at" in background.log_file(home, NAME).read_text()
    (home.checkpoints / f"{NAME}.pt").unlink()
    assert background.states(home) == [], "what is no longer there is not called ready"


def test_one_process_an_item_and_a_killed_one_goes_on(mirror: FaultyServer, home: Home) -> None:
    mirror.put(PATH, WEIGHTS, HELD)
    (first,) = background.start(home, [NAME])
    (second,) = background.start(home, [NAME])
    assert first.pid == second.pid
    held = until(home, lambda state: state.phase is Phase.DOWNLOADING and state.done > 0)
    assert held.total == len(WEIGHTS) and 0 < (held.fraction or 0) < 1
    # From a terminal it is refused too, and the record stays that of the one at work.
    words = [sys.executable, "-m", "vos_core", "fetch", NAME]
    answer = subprocess.run(words, env={**os.environ, **home.environment()}, capture_output=True, text=True)
    assert answer.returncode == 1 and f"Another process is at work on {NAME}" in answer.stderr
    assert background.state(home, NAME).pid == held.pid  # type: ignore[union-attr]
    end(held)
    (stopped,) = background.states(home)
    assert stopped.phase is Phase.STOPPED and "start it again" in stopped.note and not stopped.asked
    assert f"nobody asked for that (what it printed last: {background.log_file(home, NAME)})" in stopped.note
    (again,) = background.start(home, [NAME])
    assert again.pid != held.pid
    assert until(home, lambda state: state.phase.ended).phase is Phase.READY
    assert mirror.ranges(PATH)[-1] is not None, "what was there was not asked for again"
    assert (home.checkpoints / f"{NAME}.pt").read_bytes() == WEIGHTS


def test_it_outlives_who_asked(mirror: FaultyServer, home: Home) -> None:
    mirror.put(PATH, WEIGHTS, HELD)
    code = (
        "from vos_core.downloads import background; from vos_core.home import Home; "
        f"background.start(Home.from_environment(), [{NAME!r}])"
    )
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **home.environment()}, check=True)
    told = until(home, lambda state: state.phase is Phase.DOWNLOADING)
    assert background.stop(home, NAME)
    stopped = until(home, lambda state: state.phase.ended)
    assert stopped.phase is Phase.STOPPED and stopped.asked and "was stopped before it was done" in stopped.note
    assert "nobody asked" not in stopped.note
    assert not psutil.pid_exists(told.pid) or psutil.Process(told.pid).status() == psutil.STATUS_ZOMBIE
    assert not background.stop(home, NAME)


def test_another_file_than_the_published_one_is_told(mirror: FaultyServer, home: Home) -> None:
    mirror.put(PATH, b"x" * 1000)
    background.start(home, [NAME])
    told = until(home, lambda state: state.phase.ended)
    assert told.phase is Phase.FAILED
    assert f"offers 1000 bytes where the published file has {len(WEIGHTS)}" in told.note and "By hand:" in told.note
    assert not (home.checkpoints / f"{NAME}.pt").exists()


@pytest.mark.slow
def test_the_demo_set_is_generated_and_a_killed_one_begins_anew(home: Home) -> None:
    home.root.mkdir(parents=True, exist_ok=True)
    (begun,) = background.start(home, ["demo"])
    drawing = until(home, lambda state: state.phase is Phase.GENERATING and state.done > 0, name="demo")
    assert drawing.pid == begun.pid and drawing.total and 0 < (drawing.fraction or 0) < 1
    words = [sys.executable, "-m", "vos_core", "demo", "--only_data"]
    answer = subprocess.run(words, env={**os.environ, **home.environment()}, capture_output=True, text=True)
    assert answer.returncode == 1 and "Another process is at work on demo" in answer.stderr
    end(drawing)
    (stopped,) = background.states(home)
    assert stopped.phase is Phase.STOPPED and "start it again: it begins anew" in stopped.note
    assert len(list(home.data.iterdir())) == 1 and not find_datasets(home), "nothing half is taken for a dataset"

    (again,) = background.start(home, ["demo"])
    assert again.pid != drawing.pid
    assert until(home, lambda state: state.phase.ended, 120, "demo").phase is Phase.READY
    assert [path.name for path in home.data.iterdir()] == ["demo"], "what the killed one left is gone"
    assert find_datasets(home)["demo"].video_names()
    assert not home.database.exists(), "nothing is launched"
    shutil.rmtree(home.data / "demo")
    assert background.states(home) == []


def test_what_stands_in_the_way_of_the_demo_set_is_told(home: Home) -> None:
    (home.data / "demo").mkdir(parents=True)
    (home.data / "demo" / "thesis.txt").write_text("mine")
    background.start(home, ["demo"])
    told = until(home, lambda state: state.phase.ended, name="demo")
    assert told.phase is Phase.FAILED and "not the demo dataset" in told.note
    assert (home.data / "demo" / "thesis.txt").read_text() == "mine"


def test_unknown_names_are_refused(home: Home) -> None:
    with pytest.raises(InputError, match="nothing called 'nope' to fetch"):
        background.start(home, ["nope"])
    assert background.states(home) == []
    assert background.state(home, NAME) is None


def test_the_record_tells_phase_speed_and_time_left(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("vos_core.downloads.background.time.time", lambda: clock[0])
    with background.recorded(NAME, home) as report:
        for seconds, done in ((1, 0), (2, 20_000_000), (2, 60_000_000)):
            clock[0] += seconds
            report(Progress(NAME, Stage.DOWNLOADING, done, 100_000_000))
        told = background.state(home, NAME)
        assert told is not None
        assert (told.phase, told.done, told.bytes_per_second) == (Phase.DOWNLOADING, 60_000_000, 15_000_000)
        assert told.seconds_left == pytest.approx(40 / 15) and told.fraction == 0.6
        report(Progress(NAME, Stage.WAITING, 60_000_000, None, "answered 503; next attempt in 2 s"))
        waiting = background.state(home, NAME)
        assert waiting is not None and waiting.phase is Phase.WAITING and "503" in waiting.note
        assert waiting.seconds_left is None
        with pytest.raises(DownloadError, match="Another process"), background.recorded(NAME, home):
            pass
    assert background.state(home, NAME).phase is Phase.READY  # type: ignore[union-attr]
    with pytest.raises(DownloadError), background.recorded(NAME, home):
        raise DownloadError("no source has it.")
    failed = background.state(home, NAME)
    assert failed is not None and (failed.phase, failed.note) == (Phase.FAILED, "no source has it.")


def test_one_on_another_host_is_believed_while_it_speaks(home: Home) -> None:
    with background.recorded(NAME, home):
        told = background.state(home, NAME)
    assert told is not None
    path = home.state / "downloads" / f"{NAME}.json"
    for age, phase in ((5, Phase.DOWNLOADING), (300, Phase.STOPPED)):
        elsewhere = replace(told, phase=Phase.DOWNLOADING, host="node2", pid=1, updated_at=time.time() - age)
        path.write_text(json.dumps(vars(elsewhere)))
        assert background.state(home, NAME).phase is phase  # type: ignore[union-attr]
    path.write_text("{")
    assert background.state(home, NAME) is None


@pytest.mark.parametrize(
    ("error", "phase", "said"),
    [
        (
            ZeroDivisionError("by\nzero"),
            Phase.FAILED,
            "in a way that nobody foresaw (ZeroDivisionError: by zero)",
        ),
        (MemoryError(), Phase.FAILED, "nobody foresaw (MemoryError)"),
        (OSError(28, "No space left on device"), Phase.FAILED, "cannot be written: No space left on device."),
        (KeyboardInterrupt(), Phase.STOPPED, "was stopped before it was done; start it again"),
    ],
)
def test_whatever_ends_a_job_stands_in_its_record(home: Home, error: BaseException, phase: Phase, said: str) -> None:
    with pytest.raises(type(error)), background.recorded(NAME, home):
        raise error
    told = background.state(home, NAME)
    assert told is not None and told.phase is phase and said in told.note
    assert told.asked == (phase is Phase.STOPPED)


def test_a_state_folder_that_cannot_be_written_is_told_in_a_sentence(home: Home) -> None:
    home.state.mkdir(parents=True)
    (home.state / "downloads").write_text("in the way")
    begin = [lambda: background.start(home, [NAME]), lambda: background.verify(home, [NAME])]
    for call in (*begin, lambda: background.recorded(NAME, home).__enter__()):
        with pytest.raises(InputError, match=f"{home.state}/downloads, where the work on {NAME} is recorded, cannot"):
            call()


def test_a_lock_that_cannot_be_written_is_told_in_a_sentence(home: Home) -> None:
    (home.state / "downloads" / ".start.lock").mkdir(parents=True)
    with pytest.raises(InputError, match=r"cannot be written \(Is a directory\): make room, mend its permissions"):
        background.start(home, [NAME])
