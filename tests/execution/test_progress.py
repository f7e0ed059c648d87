"""A run's pace: rates are summed, and what waits is scaled by how the running videos compare with what was expected."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import pytest

from db import ledger, queries
from db.models import Run
from db.schema import ensure
from db.session import writing
from tests.clips import write_dataset
from tests.execution.test_dispatcher import ended, launch, rows, stop_dispatcher, until
from vos_core.execution import submit
from vos_core.execution.progress import Pace, Underway, pace_of
from vos_core.home import Home


@pytest.mark.parametrize(
    ("underway", "waiting_s", "pace"),
    [
        # 60 of 100 frames left at 2 a second, as expected
        ([Underway(100, 40, 2.0, 50.0)], 0.0, Pace(2.0, 30.0)),
        ([Underway(100, 40, 2.0, 50.0)], 20.0, Pace(2.0, 50.0)),
        # twice as slow as expected: so is what waits
        ([Underway(100, 40, 2.0, 25.0)], 20.0, Pace(2.0, 70.0)),
        # two workers share what waits
        ([Underway(100, 40, 2.0, 50.0), Underway(10, 0, 1.0, 10.0)], 20.0, Pace(3.0, 30.0)),
        # but none ends before its longest video
        ([Underway(100, 0, 1.0, 100.0), Underway(10, 9, 1.0, 10.0)], 0.0, Pace(2.0, 100.0)),
        # a worker that is still loading counts with what its video is expected to take
        ([Underway(100, 50, 1.0, 50.0), Underway(100, 0, None, 50.0)], 0.0, Pace(1.0, 100.0)),
        ([Underway(100, 0, None, 50.0)], 20.0, Pace(None, None)),
        ([Underway(100, 100, 4.0, 0.0)], 20.0, Pace(4.0, 20.0)),
    ],
)
def test_pace(underway: list[Underway], waiting_s: float, pace: Pace) -> None:
    assert pace_of(underway, waiting_s) == pace


def test_only_running_runs_have_a_pace(home: Home) -> None:
    ensure(home.database)
    columns = {"name": "a", "folder": "a", "predictions": "a", "fingerprint": "a", "settings": {}, "dataset": "d"}
    columns |= {"dataset_path": "d", "split": "val", "model": "static"}
    with writing(home.database) as session:
        run_id = ledger.add_run(
            session, ledger.add_ablation(session, "x", ""), ledger.NewRun(columns, [ledger.NewTask("v", 9, 1, 4, 4, 9)])
        )
        session.get_one(Run, run_id).state = "running"
    for paces, expected in (({run_id: (2.0, 30.0)}, (2.0, 30.0)), ({}, (None, None))):
        with writing(home.database) as session:
            ledger.write_paces(session, paces)
        row = queries.run_by_id(home.database, run_id)
        assert row is not None and (row.frames_per_second, row.seconds_left) == expected


@pytest.mark.slow
def test_a_run_tells_its_pace_at_least_once_a_second(tmp_path: Path) -> None:
    home = Home.from_environment({}, cwd=tmp_path)
    write_dataset(home.data / "DAVIS", {f"v{index}": 300 for index in range(4)})
    ids = launch(home, "propagation")
    try:
        until(lambda: rows(home, ids)[0].seconds_left is not None, 30)
        seen, gaps = [], []
        for _ in range(5):
            (run,) = rows(home, ids)
            seen.append(run.frames_done)
            assert run.frames_per_second and run.seconds_left and run.seconds_left > 0
            began = time.monotonic()
            until(lambda: rows(home, ids)[0].frames_done > seen[-1], 10)
            gaps.append(time.monotonic() - began)
        assert statistics.median(gaps) < 1.6, gaps  # a beat of a second, and half of one to spare
        submit.wait(home, submit.cancel(home, ids))
        until(lambda: ended(home, ids) and rows(home, ids)[0].frames_per_second is None, 5)
    finally:
        stop_dispatcher(home)
