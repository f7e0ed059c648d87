"""Runs through the real dispatcher on a Ray cluster of two nodes on this machine: what is equal, and what may be lost.

Broken on purpose, it fails: with a dispatcher that waits for ever for a silent actor, with an actor that outlives the
polls of its dispatcher, and with a worker that replaces a video without looking whether its own attempt still counts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from db import queries
from db.states import RunState
from tests.clips import moving_squares, write_video
from tests.faults.processes import dispatchers, end_all, family, plan, results, until
from vos_core.cuda import CLUSTER_VARIABLE
from vos_core.datasets.demo import generate_demo
from vos_core.execution import submit
from vos_core.execution.leftovers import worker_processes
from vos_core.home import Home

ray = pytest.importorskip("ray", reason="Ray is not installed (make install-ray)")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

VIDEOS = ("balloons-turning", "beetles-lookalike")
NODE = {"num_cpus": 1, "object_store_memory": 80_000_000}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes with one CPU slot each: `cpu-0@HOST` on the head, `cpu-0@HOST.2` beside it."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    cluster.add_node(**NODE)
    yield cluster
    cluster.shutdown()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo dataset, and one whose frames take a while."""
    data = tmp_path_factory.mktemp("data")
    generate_demo(data / "demo")
    write_video(data / "slow", "v0", moving_squares(60, 2, 960, 1708))
    lists = data / "slow" / "ImageSets" / "2017"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("v0\n")
    return data


@pytest.fixture(scope="module")
def expected(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What the ablation gives on this machine's own workers."""
    home = home_in(tmp_path_factory.mktemp("local"), data)
    try:
        ids = launch(home)
        until(lambda: submit.ensure_dispatcher(home) or ended(home, ids), 120)
        return results(home, ids)
    finally:
        end_all(home)


@pytest.fixture
def home(tmp_path: Path, data: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home whose dispatcher is started with the cluster's address."""
    home = home_in(tmp_path, data)
    monkeypatch.setenv(CLUSTER_VARIABLE, cluster.address)
    yield home
    end_all(home)


def home_in(folder: Path, data: Path) -> Home:
    home = Home.from_environment({"VOSLAB_HOME": str(folder / "home"), "VOSLAB_DATA": str(data)})
    home.root.mkdir()
    return home


def launch(home: Home) -> list[int]:
    wanted = plan(home, "demo", ("static", "propagation"), (1, 2), videos=VIDEOS)
    return list(submit.wait(home, submit.submit(wanted, home), 60)["runs"])


def ended(home: Home, ids: list[int]) -> bool:
    return all(RunState(run.state).ended for run in queries.runs(home.database, ids))


def busy(home: Home) -> dict[str, psutil.Process]:
    """Slot -> its worker process, of those that have a video with frames done."""
    workers = {worker.name: worker for worker in queries.workers(home.database) if worker.frames_per_second}
    return {slot: process for process, slot in worker_processes(home).items() if slot in workers}


def assert_whole(home: Home, ids: list[int], expected: dict[str, object]) -> None:
    """All runs done with the expected figures and masks, each video once, nothing else in their folders."""
    assert results(home, ids) == expected
    for run in queries.runs(home.database, ids):
        assert (run.state, run.videos_done) == ("done", len(VIDEOS))
        assert sorted(path.name for path in home.locate(run.folder).iterdir()) == sorted([*VIDEOS, "run.json"])


def test_scores_are_the_local_ones_to_the_bit(home: Home, expected: dict[str, object]) -> None:
    ids = launch(home)
    until(lambda: len(queries.workers(home.database)) == 2, 60)
    for worker in queries.workers(home.database):
        assert worker.host == os.uname().nodename
        assert worker.name.startswith(f"cpu-0@{worker.host}")
    until(lambda: ended(home, ids), 120)
    assert_whole(home, ids, expected)
    workers = {task.worker for run in ids for task in queries.tasks(home.database, run)}
    assert len(workers) == 2
    assert all((home.logs / f"worker-{name}.log").exists() for name in workers)


def test_an_actor_thought_lost_that_comes_back_harms_nothing(home: Home, expected: dict[str, object]) -> None:
    ids = launch(home)
    until(lambda: len(busy(home)) == 2, 90)
    slot, worker = sorted(busy(home).items())[1]
    actor = worker.parent()
    assert actor is not None
    (task,) = [t for run in ids for t in queries.tasks(home.database, run) if t.worker == slot and t.state == "running"]
    frozen = [actor, worker, *worker.children(recursive=True)]
    for process in frozen:
        process.suspend()
    try:
        # Given up after 15 s; Ray kills the actor itself some seconds later, if it is still frozen then.
        until(lambda: _now(home, task).attempt > task.attempt or _now(home, task).deaths > 0, 40)
    finally:
        for process in reversed(frozen):
            if process.is_running():
                process.resume()
    psutil.wait_procs(frozen, timeout=5)
    assert not any(process.is_running() for process in frozen)
    until(lambda: ended(home, ids), 120)
    assert _now(home, task).attempt > task.attempt
    assert_whole(home, ids, expected)


def test_cancel_reaches_the_actor_within_two_frames(home: Home) -> None:
    (run_id,) = submit.wait(home, submit.submit(plan(home, "slow", ("propagation",), (7,)), home), 60)["runs"]
    until(lambda: queries.tasks(home.database, run_id)[0].frames_done > 2, 90)
    (rate,) = [w.frames_per_second for w in queries.workers(home.database) if w.frames_per_second]
    (worker,) = busy(home).values()
    began = time.monotonic()
    intent = submit.cancel(home, [run_id])
    until(lambda: queries.tasks(home.database, run_id)[0].state == "cancelled", 20)
    took = time.monotonic() - began
    submit.wait(home, intent)
    assert took < 2 / rate + 0.7  # the dispatcher looks for intents every 0.2 s, and writes the outcome
    assert worker.is_running(), "it was killed, not stopped"
    (run,) = queries.runs(home.database, [run_id])
    assert [path.name for path in home.locate(run.folder).iterdir()] == ["run.json"]


def test_workers_end_with_their_dispatcher(home: Home) -> None:
    launch(home)
    until(lambda: len(busy(home)) == 2, 90)
    workers = list(worker_processes(home))
    actors = [worker.parent() for worker in workers]
    scorers = [child for worker in workers for child in worker.children(recursive=True)]
    assert scorers
    dispatchers(home)[0].kill()
    began = time.monotonic()
    until(lambda: not family(home), 10)
    psutil.wait_procs([actor for actor in actors if actor is not None], timeout=5)
    assert not any(actor is not None and actor.is_running() for actor in actors)
    assert time.monotonic() - began < 5


def test_a_node_killed_mid_run_loses_nothing(home: Home, cluster: Any, expected: dict[str, object]) -> None:
    ids = launch(home)
    until(lambda: len(busy(home)) == 2, 90)
    before = {t.id: t for run in ids for t in queries.tasks(home.database, run)}
    (lost,) = [task for task in before.values() if task.state == "running" and str(task.worker).endswith(".2")]
    cluster.remove_node(cluster.worker_nodes and next(iter(cluster.worker_nodes)), allow_graceful=False)
    until(lambda: ended(home, ids), 120)
    assert_whole(home, ids, expected)
    again = _now(home, lost)
    assert (again.worker, again.attempt) == (f"cpu-0@{os.uname().nodename}", lost.attempt + 1)
    assert again.failures == 0
    until(lambda: {worker.name for worker in queries.workers(home.database)} <= {again.worker}, 30)


def _now(home: Home, task: Any) -> Any:
    (found,) = [one for one in queries.tasks(home.database, task.run_id) if one.id == task.id]
    return found
