"""The demo ablation while its worker, dispatcher and app processes are killed at random: nothing is lost or doubled.

Broken on purpose, it failed: without adoption of finished videos ("was made again"; seen by the dispatchers that die
unheard), and with workers started beside old ones ("a stuck worker was left"). What chance does not bring is tested by
name: a superseded attempt (test_crew.py), a lost lease (test_lease.py), a slot whose old worker lives
(test_app_and_dispatcher.py).
"""

from __future__ import annotations

import contextlib
import itertools
import random
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from db import queries
from db.holder import process_alive
from db.states import RunState
from tests.faults.processes import (
    App,
    Watch,
    differences,
    dispatchers,
    end_all,
    family,
    finished_videos,
    plan,
    results,
    served,
    until,
)
from vos_core.datasets.demo import generate_demo
from vos_core.execution import submit
from vos_core.execution.leftovers import worker_processes
from vos_core.execution.outcomes import MOST_FAILURES
from vos_core.home import Home

KILLS = 30
SEED = 20261122
TARGETS = ["worker"] * 14 + ["dispatcher"] * 6 + ["unheard"] * 3 + ["stuck"] + ["app"] * 6


def launch(home: Home, videos: tuple[str, ...]) -> list[int]:
    wanted = plan(home, "demo", ("static", "flow", "propagation"), (1, 2, 3), videos=videos)
    return list(submit.wait(home, submit.submit(wanted, home), 60)["runs"])


def ended(home: Home, ids: list[int]) -> bool:
    return all(RunState(run.state).ended for run in queries.runs(home.database, ids))


def spared(home: Home) -> set[str]:
    """Slots on videos that one more failure ends: so many deaths fail a video, rightly, and no run would be done."""
    tasks = (task for run in queries.runs(home.database) for task in queries.tasks(home.database, run.id))
    return {
        task.worker for task in tasks if task.worker and task.state == "running" and task.failures == MOST_FAILURES - 1
    }


def strike(app: App, target: str) -> bool:
    """Kill one process of that kind; False when there is none at this moment.

    Two kinds of the dispatcher's death that chance alone hardly ever brings: "unheard", when a worker has finished a
    video of which the dispatcher has not heard; "stuck", when a worker cannot end by itself.
    """
    if target == "app":
        app.kill()
        app.start()
        return True
    near = spared(app.home) if target == "worker" else set()
    workers = [worker for worker, slot in worker_processes(app.home).items() if slot not in near]
    found = dispatchers(app.home)
    with contextlib.suppress(psutil.NoSuchProcess):
        if target == "worker" and workers:
            random.choice(workers).kill()
            return True
        if target == "dispatcher" and found:
            random.choice(found).kill()
            return True
        if target == "stuck" and found and workers:
            stuck = random.choice(workers)
            stuck.suspend()
            random.choice(found).kill()
            until(lambda: not process_alive(stuck.pid, stuck.create_time()), 40, "a stuck worker was left")
            return True
        if target == "unheard" and found and workers:
            return kill_unheard(app.home, random.choice(found))
    return False


def kill_unheard(home: Home, dispatcher: psutil.Process) -> bool:
    """Kill it as soon as a video was finished of which it has not heard; False, and it lives on, if none was."""
    dispatcher.suspend()
    before, deadline = set(finished_videos(home)), time.monotonic() + 6
    while worker_processes(home) and time.monotonic() < deadline:
        if set(finished_videos(home)) - before:
            dispatcher.kill()
            return True
        time.sleep(0.02)
    dispatcher.resume()
    time.sleep(1)  # it hands out what the workers wait for
    return False


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_thirty_kills(tmp_path: Path) -> None:
    data = tmp_path / "data"
    demo = generate_demo(data / "demo")
    # An ablation each, over three of the videos: the next is launched where one has ended before the last kill.
    rounds = list(itertools.combinations(demo.video_names(), 3))
    undisturbed, disturbed = (
        Home.from_environment({"VOSLAB_HOME": str(tmp_path / name), "VOSLAB_DATA": str(data)}) for name in ("a", "b")
    )
    random.seed(SEED)
    random.shuffle(rounds)
    runs: list[list[int]] = []
    killed: Counter[str] = Counter()

    def struck(target: str) -> bool:
        if ended(disturbed, runs[-1]):
            runs.append(launch(disturbed, rounds[len(runs)]))
        return strike(app, target)

    with served(disturbed) as app, Watch(disturbed) as watch:
        runs.append(launch(disturbed, rounds[0]))
        for target in random.sample(TARGETS, k=KILLS):
            time.sleep(random.uniform(0.3, 2.2))
            until(lambda: struck(target), 60, f"no {target} to kill after {killed}")  # noqa: B023
            killed[target] += 1
        ids = list(itertools.chain(*runs))
        until(lambda: ended(disturbed, ids), 300, f"the runs do not end after {killed}")
        found = results(disturbed, ids)
        assert watch.looks > 100
        assert not watch.problems
        for videos, round_ids in zip(rounds, runs):
            for run in queries.runs(disturbed.database, round_ids):
                assert (run.state, run.videos_done) == ("done", len(videos))
                folder = disturbed.locate(run.folder)
                assert sorted(path.name for path in folder.iterdir()) == sorted([*videos, "run.json"])
        until(app.answers, 60)
        app.process.terminate()  # type: ignore[union-attr]
        until(lambda: not family(disturbed), 15, f"left over: {family(disturbed)}")

    try:
        ids = [run for videos in rounds[: len(runs)] for run in launch(undisturbed, videos)]
        until(lambda: ended(undisturbed, ids), 300)
        assert differences(found, results(undisturbed, ids)) == []
    finally:
        end_all(undisturbed)
