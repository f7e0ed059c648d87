"""GPUs that fail or are full: a real dispatcher and real workers on CPU slots, whose model raises what torch would."""

from __future__ import annotations

from pathlib import Path

import pytest

from db import queries
from db.states import RunState
from tests.clips import write_dataset
from tests.execution.scripted import dispatch, queue_launch
from tests.faults.processes import end_all, plan
from vos_core.execution import crew
from vos_core.execution.worker_process import LocalWorkers
from vos_core.home import Home

ILLEGAL = "CUDA error: an illegal memory access was encountered"
# What workers do as they start: in the slots named, or on the videos named, the model does as told.
SITE = """
import sys, time
if "vos_core.execution.worker" in sys.orig_argv:
    from vos_core.models import static
    segment = static.StaticSegmenter.segment
    def broken(self, clip, prompts):
        if sys.orig_argv[-1] in {slots} or clip.name in {videos}:
            raise RuntimeError({error!r})
        time.sleep({seconds})
        return segment(self, clip, prompts)
    static.StaticSegmenter.segment = broken
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(crew, "REST_SECONDS", 0.5)
    return Home.from_environment({}, cwd=tmp_path / "home")


def work(home: Home, monkeypatch: pytest.MonkeyPatch, videos: int, slots: int) -> set[str]:
    """Launch `static` and dispatch until all has ended; returns what was seen of the workers meanwhile."""
    monkeypatch.setenv("VOSLAB_CPU_WORKERS", str(slots))
    write_dataset(home.data / "DAVIS", {f"v{index}": 4 for index in range(videos)}, annotated=1)
    queue_launch(home, plan(home, "DAVIS", ("static",)))
    seen: set[str] = set()

    def ended() -> bool:
        runs = queries.runs(home.database)
        seen.update(f"{worker.name} {worker.state}" for worker in queries.workers(home.database))
        return bool(runs) and all(RunState(run.state).ended for run in runs)

    try:
        dispatch(home, LocalWorkers(home), ended, seconds=90)
    finally:
        end_all(home)
    return seen


def test_a_broken_gpu_rests_and_the_others_do_its_videos(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "REST_SECONDS", 600.0)  # one try: two might meet on the last video, and cost it one
    site = SITE.format(slots=["cpu-0"], videos=[], error=ILLEGAL, seconds=0.5)
    (tmp_path / "sitecustomize.py").write_text(site)
    seen = work(home, monkeypatch, videos=12, slots=2)
    (run,) = queries.runs(home.database)
    tasks = queries.tasks(home.database, run.id)
    assert (run.state, run.videos_done) == ("done", 12), [task.error for task in tasks]
    assert [task.failures for task in tasks] == [0] * 12
    assert "cpu-0 resting" in seen and "cpu-1 resting" not in seen
    assert ILLEGAL in (home.logs / "worker-cpu-0.log").read_text()


def test_with_all_its_gpus_broken_a_run_fails_in_one_sentence(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SITE.format(slots=["cpu-0"], videos=[], error=ILLEGAL, seconds=0))
    work(home, monkeypatch, videos=4, slots=1)
    (run,) = queries.runs(home.database)
    assert run.state == "failed"
    assert run.error is not None and ILLEGAL in run.error and "log has the details" in run.error


def test_a_video_that_breaks_each_process_fails_alone(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SITE.format(slots=[], videos=["v1"], error=ILLEGAL, seconds=0))
    work(home, monkeypatch, videos=3, slots=1)
    (run,) = queries.runs(home.database)
    states = {task.video: (task.state, task.error) for task in queries.tasks(home.database, run.id)}
    assert [states[video][0] for video in ("v0", "v1", "v2")] == ["done", "failed", "done"]
    assert ILLEGAL in (states["v1"][1] or "")
