"""Runs through the real dispatcher and real workers, on small videos."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from db import ledger, queries
from db.models import Run
from db.session import writing
from db.states import RunState, TaskState
from tests.clips import write_dataset
from vos_core.errors import InputError
from vos_core.evaluation import evaluate
from vos_core.execution import submit
from vos_core.home import Home
from vos_core.launch import LaunchPlan, plan_launch
from vos_core.masks import read_mask
from vos_core.runs import Grid


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home.from_environment({}, cwd=tmp_path)
    write_dataset(home.data / "DAVIS", {"short": 6, "long": 12, "middle": 9})
    yield home
    stop_dispatcher(home)


def stop_dispatcher(home: Home, how: signal.Signals = signal.SIGTERM) -> None:
    """End the dispatcher of a home, and wait until it is gone."""
    lease = queries.lease(home.database) if home.database.exists() else None
    if lease is not None and psutil.pid_exists(lease.pid):
        os.kill(lease.pid, how)
        until(lambda: not submit.dispatcher_alive(home), 15)


def until(condition: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def plan(home: Home, *models: str, sizes: tuple[int, ...] = (), name: str = "DAVIS") -> LaunchPlan:
    on_cpu = (("device", "cpu"),)
    return plan_launch(Grid(((name, f"data:{name}", "val"),), models, sizes, options=on_cpu), home)


def launch(home: Home, *models: str, sizes: tuple[int, ...] = ()) -> list[int]:
    answer = submit.wait(home, submit.submit(plan(home, *models, sizes=sizes), home))
    return list(answer["runs"])


def rows(home: Home, ids: list[int]) -> list[Run]:
    return sorted(queries.runs(home.database, ids), key=lambda run: run.id)


def ended(home: Home, ids: list[int]) -> bool:
    submit.ensure_dispatcher(home)
    return all(RunState(run.state).ended for run in rows(home, ids))


def test_launch_to_scores(home: Home) -> None:
    """Masks, sidecars, official figures and frame scores; the same figures as `evaluate` gives of the folder."""
    ids = launch(home, "static", "flow")
    until(lambda: ended(home, ids))
    for run in rows(home, ids):
        assert (run.state, run.videos_done, run.frames_done) == ("done", 3, 27)
        folder = home.locate(run.folder)
        assert folder == home.outputs / "DAVIS_pred_pngs" / f"DAVIS_{run.model}"
        assert json.loads((folder / "run.json").read_text())["fingerprint"] == run.fingerprint
        for video, frames in {"short": 6, "long": 12, "middle": 9}.items():
            assert len(list((folder / video).glob("*.png"))) == frames
        official = evaluate(home.data / "DAVIS", folder).scores
        assert run.jf_mean == official.jf_mean
        assert (run.j_mean, run.j_recall, run.j_decay) == (official.j_mean, official.j_recall, official.j_decay)
        assert (run.f_mean, run.f_recall, run.f_decay) == (official.f_mean, official.f_recall, official.f_decay)
        assert [row.sequence for row in queries.object_rows(home.database, run.id)] == [
            "short_1", "short_2", "long_1", "long_2", "middle_1", "middle_2",
        ]  # fmt: skip
        task = queries.task(home.database, run.id, "long")
        assert task is not None
        assert [len(curve.frames) for curve in queries.curves(home.database, task.id)] == [10, 10]
        assert run.provenance["packages"]["numpy"]
        assert run.active_s > 0
        assert not list(folder.glob(".tmp-*"))


def test_the_same_settings_again_keep_what_is_there(home: Home) -> None:
    first = launch(home, "static")
    until(lambda: ended(home, first))
    mask = home.locate(rows(home, first)[0].folder) / "long" / "00003.png"
    before = mask.stat().st_mtime_ns
    answer = submit.wait(home, submit.submit(plan(home, "static"), home))
    assert answer["runs"] == answer["existing"] == first
    until(lambda: ended(home, first))
    assert mask.stat().st_mtime_ns == before


def test_what_was_finished_unheard_is_adopted(home: Home) -> None:
    """As after a dispatcher that died before it wrote down what its workers had finished."""
    ids = launch(home, "static")
    until(lambda: ended(home, ids))
    expected = rows(home, ids)[0].jf_mean
    folder = home.locate(rows(home, ids)[0].folder)
    made = {path: path.stat().st_mtime_ns for path in folder.rglob("*.png")}
    stop_dispatcher(home)
    with writing(home.database) as session:
        ledger.requeue_tasks(session, ids, [TaskState.DONE])
    until(lambda: ended(home, ids))
    (run,) = rows(home, ids)
    assert (run.state, run.videos_done, run.jf_mean) == ("done", 3, expected)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.png")} == made
    assert not queries.workers(home.database), "a worker was started for nothing"


def test_a_folder_of_somebody_else_is_left_alone(home: Home) -> None:
    theirs = home.outputs / "DAVIS_pred_pngs" / "DAVIS_static"
    theirs.mkdir(parents=True)
    (theirs / "notes.txt").write_text("mine")
    ids = launch(home, "static")
    until(lambda: ended(home, ids))
    (run,) = rows(home, ids)
    assert run.name == f"DAVIS_static_{run.fingerprint[:8]}"
    assert [path.name for path in theirs.iterdir()] == ["notes.txt"]


def test_first_frame_annotations_run_without_scores(home: Home) -> None:
    write_dataset(home.data / "MOSE", {"v": 8}, annotated=1)
    answer = submit.wait(home, submit.submit(plan(home, "static", name="MOSE"), home))
    until(lambda: ended(home, answer["runs"]))
    (run,) = rows(home, answer["runs"])
    assert (run.state, run.scorable, run.jf_mean) == ("done", False, None)
    assert read_mask(home.locate(run.folder) / "v" / "00007.png").max() == 2


def test_a_corrupt_frame_fails_its_video_only(home: Home) -> None:
    ready = plan(home, "flow")
    frame = home.data / "DAVIS/JPEGImages/480p/long/00004.jpg"
    frame.write_bytes(b"no picture")
    ids = submit.wait(home, submit.submit(ready, home))["runs"]
    until(lambda: ended(home, ids))
    (run,) = rows(home, ids)
    assert (run.state, run.videos_done, run.videos_failed, run.jf_mean) == ("failed", 2, 1, None)
    task = queries.task(home.database, run.id, "long")
    assert task is not None and task.error is not None
    assert str(frame) in task.error and "cannot be decoded" in task.error
    assert task.attempt == 3
    assert not (home.locate(run.folder) / "long").exists()
    assert not list(home.locate(run.folder).glob(".tmp-*"))
    # Mended and retried, the run is whole.
    shutil.copy(frame.with_name("00003.jpg"), frame)
    submit.wait(home, submit.retry(home, ids))
    until(lambda: rows(home, ids)[0].state == "done")
    assert rows(home, ids)[0].jf_mean is not None


def test_a_model_that_does_not_load_fails_the_run_with_one_sentence(home: Home) -> None:
    home.checkpoints.mkdir()
    (home.checkpoints / "sam2_hiera_tiny.pt").write_bytes(b"no checkpoint")
    ids = launch(home, "sam2_hiera_tiny", "static")
    until(lambda: ended(home, ids), 60)
    broken, fine = rows(home, ids)
    assert (broken.state, broken.videos_failed, fine.state) == ("failed", 3, "done")
    assert broken.error is not None and "sam2_hiera_tiny.pt" in broken.error


@pytest.mark.slow
def test_cancel_and_resume(home: Home) -> None:
    write_dataset(home.data / "big", {f"v{index}": 200 for index in range(4)})
    big = submit.submit(plan(home, "propagation", name="big"), home)
    ids = submit.wait(home, big)["runs"]
    until(lambda: rows(home, ids)[0].frames_done > 0)
    began = time.monotonic()
    submit.wait(home, submit.cancel(home, ids))
    until(lambda: all(task.state in ("cancelled", "done") for task in queries.tasks(home.database, ids[0])), 5)
    assert time.monotonic() - began < 5
    assert rows(home, ids)[0].state == "cancelled"
    assert not list(home.locate(rows(home, ids)[0].folder).glob(".tmp-*"))
    submit.wait(home, submit.resume(home, ids))
    until(lambda: rows(home, ids)[0].state == "done", 120)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_dead_dispatcher_is_replaced_and_nothing_is_done_twice(home: Home, how: signal.Signals) -> None:
    undisturbed = launch(home, "flow")
    until(lambda: ended(home, undisturbed))
    write_dataset(home.data / "big", {f"v{index}": 120 for index in range(4)})
    ids = submit.wait(home, submit.submit(plan(home, "propagation", name="big"), home))["runs"]
    until(lambda: rows(home, ids)[0].frames_done > 50)
    workers = [worker.pid for worker in queries.workers(home.database)]
    stop_dispatcher(home, how)
    until(lambda: not any(psutil.pid_exists(pid) for pid in workers), 12)
    done = {task.video: task.finished_at for task in queries.tasks(home.database, ids[0]) if task.state == "done"}
    submit.ensure_dispatcher(home)
    until(lambda: ended(home, ids), 180)
    assert rows(home, ids)[0].state == "done"
    after = {task.video: task.finished_at for task in queries.tasks(home.database, ids[0])}
    assert all(after[video] == finished for video, finished in done.items())


@pytest.mark.slow
def test_a_killed_worker_costs_one_attempt_that_does_not_count(home: Home) -> None:
    # Long enough that both workers are on theirs: one that is idle might be given the other's in the moment of its end.
    write_dataset(home.data / "big", {f"v{index}": 700 for index in range(2)})
    ids = submit.wait(home, submit.submit(plan(home, "propagation", name="big"), home))["runs"]
    until(lambda: all(task.frames_done > 20 for task in queries.tasks(home.database, ids[0])))
    for worker in queries.workers(home.database):
        os.kill(worker.pid, signal.SIGKILL)
    until(lambda: ended(home, ids), 180)
    (run,) = rows(home, ids)
    assert run.state == "done"
    assert all(task.failures == 0 for task in queries.tasks(home.database, run.id))


def test_a_run_that_has_not_ended_is_not_deleted(home: Home) -> None:
    write_dataset(home.data / "big", {"v": 400})
    ids = submit.wait(home, submit.submit(plan(home, "flow", name="big"), home))["runs"]
    with pytest.raises(InputError, match="cancel it first"):
        submit.wait(home, submit.delete(home, ids))
    submit.wait(home, submit.cancel(home, ids))
    submit.wait(home, submit.delete(home, ids, files=True))
    assert rows(home, ids) == []
    until(lambda: not (home.outputs / "big_pred_pngs" / "big_flow").exists())  # behind the answer
