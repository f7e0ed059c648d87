"""From a video's record to a run's timings: every stage's seconds are summed, peaks are kept per video."""

from __future__ import annotations

from db import ledger, queries
from db.session import writing
from tests.ui.seed import launch, write_dataset
from vos_core.execution.results import record_finished
from vos_core.execution.sidecar import VideoRecord
from vos_core.home import Home
from vos_core.runs import Grid

STAGES = ("decode_s", "inference_s", "write_s", "evaluation_s", "load_s", "wait_s")


def test_a_run_sums_what_its_videos_took(home: Home) -> None:
    write_dataset(home.data / "demo", {"a": 4, "b": 5})
    (run_id,) = launch(home, Grid((("demo", home.store(home.data / "demo"), "val"),), ("static",)))
    for number, task in enumerate(queries.tasks(home.database, run_id), start=1):
        seconds = {name: number * (place + 1.0) for place, name in enumerate(STAGES)}
        record = VideoRecord(
            "f", task.video, 1, task.frames, wall_s=50.0, peak_host_bytes=number * 1000, device_name="CPU", **seconds
        )
        with writing(home.database) as session:
            ledger.start_task(session, task.id, 1, "cpu-0")
            record_finished(session, task.id, record)
            ledger.refresh_run(session, run_id)
    run = queries.run_by_id(home.database, run_id)
    assert run is not None
    assert {name: getattr(run, name) for name in STAGES} == {name: 3 * (i + 1.0) for i, name in enumerate(STAGES)}
    assert run.busy_s == 100.0
    tasks = queries.tasks(home.database, run_id)
    assert [task.peak_host_bytes for task in tasks] == [1000, 2000]
    assert [task.wait_s for task in tasks] == [6.0, 12.0]
