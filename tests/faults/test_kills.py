"""The demo ablation while its worker, dispatcher and app processes are killed at random: nothing is lost or doubled.

Broken on purpose, it fails: without adoption of finished videos ("was made again"), without waiting for old workers
("2 workers on slot"), with a requeue that forgets interrupted videos (runs do not end).
"""

from __future__ import annotations

import contextlib
import random
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from db import queries
from db.states import RunState
from tests.faults.processes import App, Watch, dispatchers, end_all, family, plan, results, served, until
from vos_core.datasets.demo import generate_demo
from vos_core.execution import submit
from vos_core.execution.leftovers import worker_processes
from vos_core.home import Home

KILLS = 30
SEED = 20261122
VIDEOS = ("reef-crossing", "balloons-turning", "beetles-lookalike")
TARGETS = ["worker"] * 13 + ["dispatcher"] * 11 + ["app"] * 6


def launch(home: Home) -> list[int]:
    wanted = plan(home, "demo", ("static", "flow", "propagation"), (1, 2, 3), videos=VIDEOS)
    return list(submit.wait(home, submit.submit(wanted, home), 60)["runs"])


def ended(home: Home, ids: list[int]) -> bool:
    return all(RunState(run.state).ended for run in queries.runs(home.database, ids))


def strike(app: App, target: str) -> bool:
    """Kill one process of that kind; False when there is none at this moment."""
    if target == "app":
        app.kill()
        app.start()
        return True
    found = list(worker_processes(app.home)) if target == "worker" else dispatchers(app.home)
    with contextlib.suppress(psutil.NoSuchProcess):
        if found:
            random.choice(found).kill()
            return True
    return False


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_thirty_kills(tmp_path: Path) -> None:
    data = tmp_path / "data"
    generate_demo(data / "demo")
    undisturbed, disturbed = (
        Home.from_environment({"VOSLAB_HOME": str(tmp_path / name), "VOSLAB_DATA": str(data)}) for name in ("a", "b")
    )
    try:
        ids = launch(undisturbed)
        until(lambda: submit.ensure_dispatcher(undisturbed) or ended(undisturbed, ids), 300)
        expected = results(undisturbed, ids)
    finally:
        end_all(undisturbed)

    random.seed(SEED)
    order = random.sample(TARGETS, k=KILLS)
    killed: Counter[str] = Counter()
    with served(disturbed) as app, Watch(disturbed) as watch:
        ids = launch(disturbed)
        for target in order:
            time.sleep(random.uniform(0.3, 2.2))
            until(lambda: ended(disturbed, ids) or strike(app, target), 60, f"no {target} to kill")  # noqa: B023
            if ended(disturbed, ids):
                break
            killed[target] += 1
        until(lambda: ended(disturbed, ids), 300, f"the runs do not end after {killed}")
        assert sum(killed.values()) >= KILLS, f"only {killed}: the ablation is too short for this machine"
        assert results(disturbed, ids) == expected
        assert watch.looks > 100
        assert not watch.problems
        for run in queries.runs(disturbed.database, ids):
            assert (run.state, run.videos_done) == ("done", len(VIDEOS))
            folder = disturbed.locate(run.folder)
            assert sorted(path.name for path in folder.iterdir()) == sorted([*VIDEOS, "run.json"])
        until(app.answers, 60)
        app.process.terminate()  # type: ignore[union-attr]
        until(lambda: not family(disturbed), 15, f"left over: {family(disturbed)}")
