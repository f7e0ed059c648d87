"""The app and its dispatcher: a dead one is brought back, SIGTERM reaches it, Ctrl-C does not, another host is told."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from db import queries
from db.holder import boot_id
from db.models import Lease
from db.schema import ensure
from db.session import writing
from db.states import RunState
from tests.clips import write_dataset
from tests.faults.processes import ROOT, App, dispatchers, end_all, family, plan, served, until
from vos_core.execution import submit
from vos_core.execution.leftovers import worker_processes
from vos_core.home import Home

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home.from_environment({}, cwd=tmp_path / "home")
    write_dataset(home.data / "DAVIS", {f"v{index}": 90 for index in range(6)})
    yield home
    end_all(home)


@pytest.fixture
def app(home: Home) -> Iterator[App]:
    with served(home) as app:
        yield app


def launch(home: Home) -> int:
    """A run of some ten seconds, with a video under way."""
    (run_id,) = submit.wait(home, submit.submit(plan(home, "DAVIS", ("propagation",)), home))["runs"]
    until(lambda: state(home, run_id)[1] >= 1, 60)
    return int(run_id)


def state(home: Home, run_id: int) -> tuple[str, int]:
    run = queries.run_by_id(home.database, run_id)
    assert run is not None
    return run.state, run.videos_done


def suspend_between_transactions(home: Home, process: psutil.Process) -> None:
    """Suspend it while it holds no lock on the database."""
    while True:
        process.suspend()
        with closing(sqlite3.connect(home.database, timeout=0.2, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError:
                process.resume()


def finished(home: Home, run_id: int) -> dict[str, float | None]:
    return {t.video: t.finished_at for t in queries.tasks(home.database, run_id) if t.state == "done"}


def test_the_app_brings_a_dead_dispatcher_back(app: App) -> None:
    run_id = launch(app.home)
    (first,) = dispatchers(app.home)
    first.kill()
    until(lambda: any(d.pid != first.pid for d in dispatchers(app.home)), 15)
    until(lambda: state(app.home, run_id)[0] == "done", 90)


def test_sigterm_stops_all_cleanly_and_the_next_start_goes_on(app: App) -> None:
    home = app.home
    run_id = launch(home)
    assert worker_processes(home)
    began = time.monotonic()
    app.signal(signal.SIGTERM)
    until(lambda: not family(home), 12, f"left over: {family(home)}")
    took = time.monotonic() - began
    assert took < 10
    # Nothing claims to run, and nothing is half there.
    assert state(home, run_id)[0] == "queued"
    assert {task.state for task in queries.tasks(home.database, run_id)} == {"done", "queued"}
    assert queries.lease(home.database) is None
    assert not list(home.outputs.rglob(".tmp-*"))
    assert all(task.deaths == task.failures == 0 for task in queries.tasks(home.database, run_id))
    before = finished(home, run_id)
    assert before
    app.start()
    until(lambda: state(home, run_id)[0] == "done", 90)
    after = finished(home, run_id)
    assert all(after[video] == at for video, at in before.items())


def test_ctrl_c_stops_the_app_only(app: App) -> None:
    run_id = launch(app.home)
    (dispatcher,) = dispatchers(app.home)
    assert app.process is not None
    app.signal(signal.SIGINT)
    app.process.wait(15)
    assert dispatcher.is_running() and worker_processes(app.home)
    until(lambda: state(app.home, run_id)[0] == "done", 90)
    assert finished(app.home, run_id)


def test_a_killed_app_leaves_the_work_going(app: App) -> None:
    run_id = launch(app.home)
    app.kill()
    until(lambda: state(app.home, run_id)[0] == "done", 90)


def test_workers_end_within_five_seconds_of_losing_their_dispatcher(home: Home) -> None:
    launch(home)
    workers = list(worker_processes(home))
    (dispatcher,) = dispatchers(home)
    dispatcher.kill()
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert workers and not alive
    until(lambda: not family(home), 5, "a scoring process is left")


def opens_the_state(process: psutil.Process, home: Home) -> set[str]:
    """What a process holds in the state folder at this moment; logs are for everybody."""
    with contextlib.suppress(psutil.Error):
        return {file.path for file in process.open_files() if Path(file.path).is_relative_to(home.state)} - {
            str(path) for path in home.logs.iterdir()
        }
    return set()


def test_workers_and_scorers_have_no_database(home: Home) -> None:
    """Neither its file, at any moment of a video, nor what could open one."""
    run_id = launch(home)
    (dispatcher,) = dispatchers(home)
    workers = list(worker_processes(home))
    scorers = [child for worker in workers for child in worker.children(recursive=True)]
    assert workers and len(scorers) >= len(workers)
    looks, end = 0, time.monotonic() + 4
    while time.monotonic() < end and state(home, run_id)[0] == "running":
        for process in [*workers, *scorers]:
            assert not opens_the_state(process, home)
        looks += 1
    assert looks > 20
    assert str(home.database) in opens_the_state(dispatcher, home)
    loaded = {process.pid: "sqlite3" in Path(f"/proc/{process.pid}/maps").read_text() for process in workers + scorers}
    assert loaded and not any(loaded.values())
    assert "sqlite3" in Path(f"/proc/{dispatcher.pid}/maps").read_text()


def kill_scorers(home: Home) -> None:
    for worker in worker_processes(home):
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in worker.children(recursive=True):
                if "spawn_main" in " ".join(child.cmdline()):
                    child.kill()


def test_a_killed_scoring_process_costs_one_attempt(home: Home) -> None:
    """Out of memory, the system may end it alone: its worker goes on with a new one."""
    run_id = launch(home)
    for _ in range(5):
        kill_scorers(home)
        # One that dies between two videos costs nothing: its worker starts another.
        with contextlib.suppress(AssertionError):
            until(lambda: any(task.failures for task in queries.tasks(home.database, run_id)), 3)
            break
    until(lambda: state(home, run_id)[0] == "done", 90)
    tasks = queries.tasks(home.database, run_id)
    assert all(task.failures <= 1 for task in tasks) and sum(task.failures for task in tasks) >= 1
    assert all(queries.curves(home.database, task.id) for task in tasks)


def stopped(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_STOPPED)
    except psutil.NoSuchProcess:
        return False


def test_no_worker_starts_in_a_slot_whose_old_worker_lives(home: Home) -> None:
    run_id = launch(home)
    stuck, slot = next(iter(worker_processes(home).items()))
    stuck.suspend()  # it cannot end by itself: nothing runs in it
    (dispatcher,) = dispatchers(home)
    dispatcher.kill()
    until(lambda: len(worker_processes(home)) == 1, 10)
    until(lambda: submit.ensure_dispatcher(home), 10)  # a process that was just killed may still be there
    until(lambda: dispatchers(home), 10)
    while True:
        beside = list(worker_processes(home).values())  # first: it may be killed while all processes are looked at
        if not stopped(stuck):
            break
        assert beside == [slot], "a second worker beside one that still lives"
        time.sleep(0.05)
    until(lambda: state(home, run_id)[0] == "done", 90)
    assert "does not end: killing it" in (home.logs / "dispatcher.log").read_text()


def test_a_dispatcher_that_slept_through_a_takeover_writes_nothing(home: Home) -> None:
    """As on two hosts: the second one takes the lease of a first that is not heard, which then wakes up."""
    run_id = launch(home)
    (sleeper,) = dispatchers(home)
    suspend_between_transactions(home, sleeper)
    with writing(home.database) as session:
        lease = session.get_one(Lease, 1)
        lease.host, lease.heartbeat = "elsewhere", time.time() - 100
    # By a command: this process still knows the first one as its child.
    command = [sys.executable, "-m", "vos_core", "resume"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **home.environment()}, check=True)
    until(lambda: state(home, run_id)[0] == "done", 120)
    before = [(t.video, t.state, t.attempt, t.deaths, t.finished_at) for t in queries.tasks(home.database, run_id)]
    sleeper.resume()
    psutil.wait_procs([sleeper], timeout=15)
    assert not sleeper.is_running()
    assert "another dispatcher took the lease" in (home.logs / "dispatcher.log").read_text()
    after = [(t.video, t.state, t.attempt, t.deaths, t.finished_at) for t in queries.tasks(home.database, run_id)]
    assert after == before
    assert all(deaths == 0 for *_, deaths, _ in after)


def test_commands_refuse_on_another_host_and_name_the_holder(home: Home) -> None:
    ensure(home.database)
    with writing(home.database) as session:
        session.add(
            Lease(
                id=1, token="t", host="gpu-node-7", boot_id=boot_id(), pid=1, process_started=0.0, heartbeat=time.time()
            )
        )
    command = [sys.executable, "-m", "vos_core", "run", "--dataset", "DAVIS", "--model", "static", "--detach"]
    answer = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **home.environment()},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 2
    assert answer.stderr.startswith("error: Host gpu-node-7 works on this home folder")
    assert not queries.pending_intent(home.database)
    assert not dispatchers(home)
    # It stopped beating: the next command takes over.
    with writing(home.database) as session:
        session.get_one(Lease, 1).heartbeat -= 60
    assert subprocess.run(command, cwd=ROOT, env={**os.environ, **home.environment()}).returncode == 0
    until(lambda: all(RunState(run.state).ended for run in queries.runs(home.database)), 60)
