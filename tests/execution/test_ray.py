"""Runs through the real dispatcher on a Ray cluster of two nodes on this machine: what is equal, and what may be lost.

Broken on purpose (a dispatcher that waits for ever for a silent actor), the test of the late actor fails.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from db import queries
from db.queue import queue_overview
from db.states import RunState
from tests.clips import moving_squares, write_video
from tests.faults.processes import ROOT, dispatchers, end_all, family, plan, results, until
from vos_core.cli import main
from vos_core.cuda import CLUSTER_VARIABLE
from vos_core.execution import submit
from vos_core.execution.leftovers import worker_processes
from vos_core.home import Home

ray = pytest.importorskip("ray", reason="Ray is not installed (make install-ray)")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

VIDEOS = ("one", "other")
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
    """`clips` for an ablation of some seconds, and `slow`, whose frames take a while."""
    data = tmp_path_factory.mktemp("data")
    for dataset, videos, masks in (
        ("clips", VIDEOS, moving_squares(120, 2, 200, 300)),  # progress is written once a second
        ("slow", ("one",), moving_squares(30, 2, 960, 1708)),
    ):
        for video in videos:
            write_video(data / dataset, video, masks)
        lists = data / dataset / "ImageSets" / "2017"
        lists.mkdir(parents=True)
        (lists / "val.txt").write_text("".join(f"{video}\n" for video in videos))
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
    wanted = plan(home, "clips", ("static", "propagation"), (1, 2))
    return list(submit.wait(home, submit.submit(wanted, home), 60)["runs"])


def launch_on_both(home: Home) -> list[int]:
    """Launch the ablation once both nodes have a warm actor: one that is slow to start would find it done."""
    slow = list(submit.wait(home, submit.submit(plan(home, "slow", ("propagation",), (6, 7)), home), 60)["runs"])
    until(lambda: len(busy(home, slow)) == 2, 120, "the actors of both nodes did not start")
    submit.wait(home, submit.cancel(home, slow), 60)
    until(lambda: ended(home, slow), 30)
    ids = launch(home)
    until(lambda: len(busy(home, ids)) == 2, 60, "both actors are warm, and one was given no video")
    return ids


def worker_process(home: Home, slot: str) -> psutil.Process:
    return next(process for process, name in worker_processes(home).items() if name == slot)


def ended(home: Home, ids: list[int]) -> bool:
    return all(RunState(run.state).ended for run in queries.runs(home.database, ids))


def busy(home: Home, ids: Sequence[int]) -> dict[str, psutil.Process]:
    """Slot -> its worker process, of those that have a video of these runs with frames done."""
    known = queue_overview(home.database).workers
    workers = {worker.name for worker in known if worker.run_id in ids and worker.frames_done}
    return {slot: process for process, slot in worker_processes(home).items() if slot in workers}


def assert_whole(home: Home, ids: list[int], expected: dict[str, object]) -> None:
    """All runs done with the expected figures and masks, each video once, nothing else in their folders."""
    assert results(home, ids) == expected
    for run in queries.runs(home.database, ids):
        assert (run.state, run.videos_done) == ("done", len(VIDEOS))
        assert sorted(path.name for path in home.locate(run.folder).iterdir()) == sorted([*VIDEOS, "run.json"])


def test_scores_are_the_local_ones_to_the_bit(home: Home, expected: dict[str, object]) -> None:
    ids = launch_on_both(home)
    for worker in queries.workers(home.database):
        assert worker.host == os.uname().nodename
        assert worker.name.startswith(f"cpu-0@{worker.host}")
    until(lambda: ended(home, ids), 120)
    assert_whole(home, ids, expected)
    workers = {task.worker for run in ids for task in queries.tasks(home.database, run)}
    assert len(workers) == 2
    assert all((home.logs / f"worker-{name}.log").exists() for name in workers)


def test_an_actor_thought_lost_that_comes_back_harms_nothing(home: Home, expected: dict[str, object]) -> None:
    ids = launch_on_both(home)
    slot, worker = sorted(busy(home, ids).items())[1]
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
    (worker,) = busy(home, [run_id]).values()
    began = time.monotonic()
    intent = submit.cancel(home, [run_id])
    until(lambda: queries.tasks(home.database, run_id)[0].state == "cancelled", 20)
    took = time.monotonic() - began
    submit.wait(home, intent)
    assert took < 2 / rate + 2.0  # the dispatcher looks for intents every 0.2 s, and writes the outcome
    assert worker.is_running(), "it was killed, not stopped"
    (run,) = queries.runs(home.database, [run_id])
    assert [path.name for path in home.locate(run.folder).iterdir()] == ["run.json"]


def test_workers_end_with_their_dispatcher(home: Home) -> None:
    launch_on_both(home)
    workers = list(worker_processes(home))
    actors = [worker.parent() for worker in workers]
    scorers = [child for worker in workers for child in worker.children(recursive=True)]
    assert scorers
    dispatchers(home)[0].kill()
    began = time.monotonic()
    until(lambda: not family(home), 10)
    psutil.wait_procs([actor for actor in actors if actor is not None], timeout=5)
    assert not any(actor is not None and actor.is_running() for actor in actors)
    assert time.monotonic() - began < 9


JOINING = """
import queue, sys, time
from vos_core.execution.ray_workers import RayWorkers
from vos_core.home import Home
source, inbox = RayWorkers(sys.argv[1], Home.from_environment()), queue.Queue()
def gpus():
    return [slot for slot in source.slots() if slot.device == "cuda"]
while not source.slots(): time.sleep(0.1)
print(len(gpus()), flush=True)
while not gpus(): time.sleep(0.1)
workers = [source.start(slot, inbox) for slot in gpus()]
for _ in workers: inbox.get(timeout=60)
print(*(f"{worker.slot.name} {worker.pid}" for worker in workers), sep=",", flush=True)
while gpus(): time.sleep(0.1)
print("left", flush=True)
"""


def test_gpus_of_a_node_that_joins_are_slots_until_it_leaves(home: Home, cluster: Any) -> None:
    """Ray takes our word for the GPUs; each worker is given one of its own."""
    command = [sys.executable, "-c", JOINING, cluster.address]
    environment = {**os.environ, **home.environment()}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "0\n"
        node = cluster.add_node(**{**NODE, "num_cpus": 0}, num_gpus=2)
        started = dict(one.split() for one in process.stdout.readline().strip().split(","))
        assert [slot.partition("@")[0] for slot in started] == ["gpu-0", "gpu-1"]
        devices = [psutil.Process(int(pid)).environ()["CUDA_VISIBLE_DEVICES"] for pid in started.values()]
        assert sorted(devices) == ["0", "1"]
        cluster.remove_node(node)
        assert process.stdout.readline() == "left\n"
        assert process.wait(20) == 0
    until(lambda: not family(home), 10)


def test_a_node_killed_mid_run_loses_nothing(home: Home, cluster: Any, expected: dict[str, object]) -> None:
    ids = launch_on_both(home)
    beside = f"cpu-0@{os.uname().nodename}.2"
    until(lambda: beside in busy(home, ids), 90)
    # Held where it is: it must not end its video before its node is gone.
    held = worker_process(home, beside)
    held.suspend()
    time.sleep(1.0)
    before = {t.id: t for run in ids for t in queries.tasks(home.database, run)}
    (lost,) = [task for task in before.values() if task.state == "running" and str(task.worker).endswith(".2")]
    (node,) = cluster.worker_nodes
    cluster.remove_node(node, allow_graceful=False)
    held.kill()
    until(lambda: ended(home, ids), 120)
    assert_whole(home, ids, expected)
    again = _now(home, lost)
    assert (again.worker, again.attempt) == (f"cpu-0@{os.uname().nodename}", lost.attempt + 1)
    assert again.failures == 0


def test_the_command_makes_a_cluster_of_a_list_of_nodes(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A head and one more node, reached by a command that stands in for ssh; asked twice, it starts nothing anew."""
    home = home_in(tmp_path, data)
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(CLUSTER_VARIABLE, "")
    nodes, ssh = tmp_path / "nodes.txt", tmp_path / "ssh"
    nodes.write_text(f"{os.uname().nodename}\nnode-1\n")
    ssh.write_text('#!/bin/sh\nshift\nexec sh -c "$*"\n')
    ssh.chmod(0o755)
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    start = ["cluster", "start", "--nodes", str(nodes), "--ssh", str(ssh), "--port", str(port)]
    try:
        assert main(start) == 0, capsys.readouterr().err
        there = {path: path.read_text() for path in (home.state / "cluster").iterdir()}
        assert {path.stem for path in there} == {os.uname().nodename, "node-1"}
        assert main(start) == 0
        assert {path: path.read_text() for path in (home.state / "cluster").iterdir()} == there
        address = capsys.readouterr().out.splitlines()[0].split()[2].rstrip(":")
        arguments = ["run", "--dataset", "clips", "--model", "static", "flow", "--address", address]
        done = subprocess.run([sys.executable, "-m", "vos_core", *arguments], cwd=ROOT, timeout=90, check=False)
        assert done.returncode == 0
        names = {worker.name.partition("@")[2] for worker in queries.workers(home.database)}
        assert names == {os.uname().nodename, "node-1"}
    finally:
        assert main(["cluster", "stop", "--nodes", str(nodes), "--ssh", str(ssh)]) == 0
        end_all(home)
    assert not list((home.state / "cluster").iterdir())
    assert not family(home)  # every process of the nodes had this home in its environment


def _now(home: Home, task: Any) -> Any:
    (found,) = [one for one in queries.tasks(home.database, task.run_id) if one.id == task.id]
    return found
