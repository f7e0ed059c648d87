"""Full and read-only disks (real ones: small tmpfs mounts), and a database that somebody else keeps locked."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from db import queries
from db.models import Run
from db.states import RunState
from tests.clips import write_dataset
from tests.faults.processes import ROOT, dispatchers, end_all, plan, results, until
from vos_core.execution import submit
from vos_core.home import Home

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]
Mount = Callable[..., None]


@pytest.fixture
def mount(request: pytest.FixtureRequest) -> Mount:
    """`mount(folder, options)` puts an empty tmpfs there; called again, it changes its options."""
    mounted: set[Path] = set()

    def mount(folder: Path, options: str) -> None:
        again = folder in mounted
        folder.mkdir(parents=True, exist_ok=True)
        kind = ["-o", f"remount,{options}"] if again else ["-t", "tmpfs", "-o", options, "tmpfs"]
        answer = subprocess.run(["mount", *kind, folder], capture_output=True, text=True)
        if answer.returncode != 0 and not again:
            pytest.skip(f"a tmpfs cannot be mounted here: {answer.stderr.strip()}")
        assert answer.returncode == 0, answer.stderr
        if not again:
            mounted.add(folder)
            # After the home's processes have ended: they are fixtures that were asked for later.
            request.addfinalizer(lambda: subprocess.run(["umount", "-l", folder], check=True))

    return mount


@pytest.fixture
def home(mount: Mount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setenv("VOSLAB_CPU_WORKERS", "1")  # one video at a time: what fills the disk is known
    home = Home.from_environment({}, cwd=tmp_path / "home")
    write_dataset(home.data / "DAVIS", {"first": 20, "long": 400, "second": 21})
    write_dataset(home.data / "other", {"v": 20, "w": 400})
    yield home
    end_all(home)


def launch(home: Home, dataset: str, model: str = "static") -> int:
    (run_id,) = submit.wait(home, submit.submit(plan(home, dataset, (model,)), home))["runs"]
    return int(run_id)


def row(home: Home, run_id: int) -> Run:
    run = queries.run_by_id(home.database, run_id)
    assert run is not None
    return run


def ended(home: Home, run_id: int) -> bool:
    submit.ensure_dispatcher(home)
    return RunState(row(home, run_id).state).ended


def whole(home: Home, run_id: int, videos: set[str]) -> bool:
    """Whether the run's folder holds exactly these videos, all of their masks, and nothing else."""
    folder = home.locate(row(home, run_id).folder)
    frames = {task.video: task.frames for task in queries.tasks(home.database, run_id)}
    there = {path.name for path in folder.iterdir()} - {"run.json"}
    return there == videos and all(len(list((folder / name).glob("*.png"))) == frames[name] for name in videos)


def fill(folder: Path) -> Path:
    """Leave no room on the disk of `folder`."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 16, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    assert shutil.disk_usage(folder).free == 0
    return filler


def test_a_full_output_disk(home: Home, mount: Mount) -> None:
    mount(home.outputs, "size=1m")  # 400 masks do not fit, 20 do
    run_id = launch(home, "DAVIS")
    until(lambda: ended(home, run_id), 60)
    tasks = {task.video: task for task in queries.tasks(home.database, run_id)}
    assert {name: task.state for name, task in tasks.items()} == {"first": "done", "long": "failed", "second": "done"}
    assert tasks["long"].error is not None and tasks["long"].attempt == 3
    assert "cannot be written: No space left on device" in tasks["long"].error
    assert row(home, run_id).jf_mean is None
    assert whole(home, run_id, {"first", "second"})
    mount(home.outputs, "size=8m")
    before = tasks["first"].finished_at
    assert submit.wait(home, submit.retry(home, [run_id]))["runs"] == [run_id]
    until(lambda: row(home, run_id).state == "done", 60)
    assert whole(home, run_id, {"first", "long", "second"})
    assert row(home, run_id).jf_mean is not None
    task = queries.task(home.database, run_id, "first")
    assert task is not None and task.finished_at == before


def test_a_read_only_output_folder_fails_its_run_and_the_next_goes_on(home: Home, mount: Mount) -> None:
    mount(home.outputs / "DAVIS_pred_pngs", "ro,size=1m")
    broken = launch(home, "DAVIS")
    fine = launch(home, "other")
    until(lambda: ended(home, broken) and ended(home, fine), 60)
    assert (row(home, broken).state, row(home, broken).videos_failed) == ("failed", 3)
    assert "cannot be written: Read-only file system" in str(row(home, broken).error)
    assert row(home, fine).state == "done"
    assert not list((home.outputs / "DAVIS_pred_pngs").iterdir())
    mount(home.outputs / "DAVIS_pred_pngs", "rw,size=8m")
    submit.wait(home, submit.retry(home, [broken]))
    until(lambda: row(home, broken).state == "done", 60)


@pytest.mark.parametrize("everything", [False, True], ids=["state", "state and outputs"])
def test_a_full_disk_under_the_database(home: Home, mount: Mount, tmp_path: Path, everything: bool) -> None:
    undisturbed = Home.from_environment({"VOSLAB_HOME": str(tmp_path / "calm"), "VOSLAB_DATA": str(home.data)})
    expected_id = launch(undisturbed, "other", "flow")
    until(lambda: ended(undisturbed, expected_id), 60)
    end_all(undisturbed)
    disk = tmp_path / "disk"
    mount(disk, "size=12m")
    full = Home.from_environment(
        {**home.environment(), "VOSLAB_STATE": str(disk / "state")}
        | ({"VOSLAB_OUTPUTS": str(disk / "outputs")} if everything else {})
    )
    try:
        run_id = launch(full, "other", "flow")
        until(lambda: row(full, run_id).frames_done > 0, 30)
        filler = fill(disk)
        until(lambda: "trying again" in (full.logs / "dispatcher.log").read_text() or not dispatchers(full), 90)
        time.sleep(4)
        filler.unlink()
        until(lambda: ended(full, run_id), 60)
        submit.wait(full, submit.retry(full, [run_id]))
        until(lambda: row(full, run_id).state == "done", 60)
        assert list(results(full, [run_id]).values()) == list(results(undisturbed, [expected_id]).values())
        assert whole(full, run_id, {"v", "w"})
    finally:
        end_all(full)


def test_a_locked_database_delays_and_loses_nothing(home: Home) -> None:
    run_id = launch(home, "other", "flow")
    until(lambda: row(home, run_id).frames_done > 0, 30)
    with closing(sqlite3.connect(home.database, isolation_level=None)) as somebody:
        somebody.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        answer = subprocess.run(
            [sys.executable, "-m", "vos_core", "pause", str(run_id)],
            cwd=ROOT,
            env={**os.environ, **home.environment()},
            capture_output=True,
            text=True,
        )
        assert answer.returncode == 1
        assert answer.stderr.startswith("error: The database") and "locked" in answer.stderr
        assert len(answer.stderr.splitlines()) == 1
        until(lambda: "trying again" in (home.logs / "dispatcher.log").read_text(), 30)
        assert time.monotonic() - began > 10
    until(lambda: ended(home, run_id), 60)
    assert row(home, run_id).state == "done"
    assert [task.failures for task in queries.tasks(home.database, run_id)] == [0, 0]
    assert whole(home, run_id, {"v", "w"})
