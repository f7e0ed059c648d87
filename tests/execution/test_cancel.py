"""Cancel, pause and retry while a worker is in the middle of a video: how fast, and what is left."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from db import queries
from db.models import Run
from tests.clips import moving_squares, write_video
from tests.faults.processes import ROOT, end_all, plan, until
from vos_core.cli import main
from vos_core.execution import submit
from vos_core.execution.leftovers import worker_processes
from vos_core.home import Home

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """Slow work: a frame takes about half a second. One worker, so that what frees it is seen by the next run."""
    home = Home.from_environment({}, cwd=tmp_path / "home")
    for name, value in {**home.environment(), "VOSLAB_CPU_WORKERS": "1"}.items():
        monkeypatch.setenv(name, value)
    for dataset, frames, size in (("slow", 40, (960, 1708)), ("quick", 8, (48, 64))):
        for video in ("v0", "v1"):
            write_video(home.data / dataset, video, moving_squares(1, 2, *size))
            for first in (home.data / dataset).glob(f"*/480p/{video}/00000.*"):
                for frame in range(1, frames):  # one large picture again and again: encoding them all takes long
                    os.link(first, first.with_stem(f"{frame:05d}"))
        lists = home.data / dataset / "ImageSets" / "2017"
        lists.mkdir(parents=True)
        (lists / "val.txt").write_text("v0\nv1\n")
    yield home
    end_all(home)


def launch(home: Home, dataset: str, model: str) -> int:
    (run_id,) = submit.wait(home, submit.submit(plan(home, dataset, (model,), (7,)), home))["runs"]
    return int(run_id)


def row(home: Home, run_id: int) -> Run:
    run = queries.run_by_id(home.database, run_id)
    assert run is not None
    return run


def states(home: Home, run_id: int) -> list[str]:
    return [task.state for task in queries.tasks(home.database, run_id)]


@pytest.mark.parametrize("stuck", [False, True], ids=["between frames", "stuck in a frame"])
def test_cancel_stops_within_two_seconds_or_two_frames_and_frees_the_slot(home: Home, stuck: bool) -> None:
    slow = launch(home, "slow", "propagation")
    quick = launch(home, "quick", "static")
    until(lambda: row(home, slow).frames_done > 2, 60)
    (worker,) = queries.workers(home.database)
    assert worker.frames_per_second is not None
    two_frames = 2 / worker.frames_per_second
    assert two_frames > 0.2, "the model is too fast for this test"
    if stuck:
        psutil.Process(worker.pid).suspend()
    began = time.monotonic()
    intent = submit.cancel(home, [slow])
    until(lambda: states(home, slow) == ["cancelled", "cancelled"], 20)
    took = time.monotonic() - began
    assert took < max(2.0, two_frames) + 2.0  # to write it down and to read it, with all cores taken
    submit.wait(home, intent)
    until(lambda: row(home, quick).state == "done", 20)
    assert row(home, slow).state == "cancelled"
    assert [path.name for path in home.locate(row(home, slow).folder).iterdir()] == ["run.json"]
    assert len(worker_processes(home)) == 1


def test_pause_finishes_the_video_and_hands_out_no_more(home: Home) -> None:
    run_id = launch(home, "slow", "static")
    until(lambda: "running" in states(home, run_id), 60)
    assert main(["pause", str(run_id)]) == 0
    until(lambda: "running" not in states(home, run_id), 60)
    done = states(home, run_id).count("done")
    time.sleep(1.5)
    assert (row(home, run_id).state, states(home, run_id).count("done")) == ("paused", done)
    assert done < 2
    assert main(["resume", str(run_id)]) == 0
    until(lambda: row(home, run_id).state == "done", 60)


def test_retry_does_the_failed_videos_only(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    ready = plan(home, "quick", ("flow",))
    frame = home.data / "quick/JPEGImages/480p/v1/00004.jpg"
    picture = frame.read_bytes()
    frame.unlink()  # it is a link
    frame.write_bytes(b"no picture")
    (run_id,) = submit.wait(home, submit.submit(ready, home))["runs"]
    until(lambda: row(home, run_id).state == "failed", 60)
    assert states(home, run_id) == ["done", "failed"]
    first = queries.task(home.database, run_id, "v0")
    frame.write_bytes(picture)
    assert main(["retry", str(run_id)]) == 0
    until(lambda: row(home, run_id).state == "done", 60)
    again = queries.task(home.database, run_id, "v0")
    assert first is not None and again is not None and again.finished_at == first.finished_at
    assert main(["retry", str(run_id)]) == 0
    assert "nothing to retry" in capsys.readouterr().out


def test_a_run_cancelled_and_deleted_at_once_harms_nobody(home: Home) -> None:
    """Its worker still answers, for a task that is no more."""
    slow = launch(home, "slow", "propagation")
    until(lambda: row(home, slow).frames_done > 0, 60)
    (dispatcher,) = {lease.pid for lease in [queries.lease(home.database)] if lease}
    submit.cancel(home, [slow])
    submit.wait(home, submit.delete(home, [slow], files=True))
    assert queries.run_by_id(home.database, slow) is None
    quick = launch(home, "quick", "static")
    until(lambda: row(home, quick).state == "done", 30)
    lease = queries.lease(home.database)
    assert lease is not None and lease.pid == dispatcher
    assert not (home.outputs / "slow_pred_pngs" / "slow_propagation_memsize7").exists()


def test_resume_without_a_run_brings_the_dispatcher_back(home: Home) -> None:
    run_id = launch(home, "slow", "static")
    lease = queries.lease(home.database)
    assert lease is not None
    psutil.Process(lease.pid).kill()
    command = [sys.executable, "-m", "vos_core"]
    status = subprocess.run([*command, "status"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "wait for a dispatcher" in status and "running " not in status
    subprocess.run([*command, "resume"], cwd=ROOT, check=True)
    until(lambda: row(home, run_id).state == "done", 60)
