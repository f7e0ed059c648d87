"""Part of a split, control for scripts, the export: commands as a person or a script types them, with a real queue."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from db import queries
from tests.clips import write_dataset
from tests.execution.test_dispatcher import stop_dispatcher
from vos_core.home import Home

ROOT = Path(__file__).resolve().parents[2]
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home.from_environment({}, cwd=tmp_path)
    write_dataset(home.data / "DAVIS", {"a": 6, "b": 5, "c": 5})
    yield home
    stop_dispatcher(home)


@pytest.fixture
def command(home: Home) -> Command:
    def call(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "VOSLAB_HOME": str(home.root), "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [sys.executable, "-m", "vos_core", *words],
            cwd=home.root, env=environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip

    return call


def test_part_of_a_split_timings_export_and_status(command: Command, home: Home) -> None:
    (home.root / "some.txt").write_text("c\na\n")
    done = command("run", "--dataset", "DAVIS", "--model", "static", "--videos", "some.txt", "--json")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert row["settings"]["videos"] == ["a", "c"]  # as the split lists them: another order is no other run
    first = command("run", "--dataset", "DAVIS", "--model", "propagation", "--memory_size", "2", "--limit", "2")
    assert first.returncode == 0, first.stderr
    run = queries.runs(home.database)[0]
    tasks = queries.tasks(home.database, run.id)
    assert [task.video for task in tasks] == ["a", "b"]

    # Where the time went, measured by a real worker.
    assert all(task.peak_host_bytes and task.peak_host_bytes > 50 * 2**20 for task in tasks)
    assert all(task.wait_s is not None and 0 <= task.wait_s <= (task.wall_s or 0) for task in tasks)
    assert run.load_s > 0 and run.wait_s == pytest.approx(sum(task.wait_s or 0 for task in tasks))

    exported = command("export", "inference-times", "--csv", "out/times.csv")
    assert exported.returncode == 0, exported.stderr
    rows = list(csv.DictReader(io.StringIO((home.root / "out" / "times.csv").read_text())))
    assert list(rows[0]) == ["Dataset", "Model", "MemSize", "NumGPUs", "GPU_Names", "InferenceTime_s"]
    assert [(row["Dataset"], row["MemSize"], row["NumGPUs"]) for row in rows] == [
        ("DAVIS", "", "0"),
        ("DAVIS", "2", "0"),
    ]
    # The dispatcher may add the last instants of a run's clock after the run is done.
    later = queries.runs(home.database)[0].active_s
    assert run.active_s - 0.006 <= float(rows[1]["InferenceTime_s"]) <= later + 0.006
    assert command("export", "inference-times", "--ablation", "2").stdout.count("\n") == 2
    assert command("export", "inference-times", "--ablation", "nope").returncode == 2

    status = json.loads(command("status", "--json").stdout)
    assert [one["state"] for one in status["runs"]] == ["done", "done"]
    assert {worker["name"] for worker in status["workers"]} <= {"cpu-0", "cpu-1", "cpu-2", "cpu-3", "cpu-4", "cpu-5"}
    log = json.loads(command("logs", "--json", "-n", "3").stdout)
    assert log["log"] == "dispatcher" and "cpu-0" in log["logs"] and 1 <= len(log["lines"]) <= 3


def test_exit_code_tells_of_a_failed_video_and_control_answers_in_json(command: Command, home: Home) -> None:
    # Damage that heads and tails of files do not tell: it comes out while the video is scored.
    annotation = home.data / "DAVIS" / "Annotations" / "480p" / "b" / "00003.png"
    content = annotation.read_bytes()
    data = content.index(b"IDAT") + 4
    annotation.write_bytes(content[:data] + bytes(8) + content[data + 8 :])
    answer = command("run", "--dataset", "DAVIS", "--model", "static", "--json")
    assert answer.returncode == 1, answer.stdout
    (row,) = json.loads(answer.stdout)
    assert row["state"] == "failed" and row["videos_done"] == 2 and list(row["errors"]) == ["b"]
    assert row["scores"]["J&F-Mean"] is None

    for words, runs in (
        (("pause", "--ablation", "1", "--json"), [row["id"]]),
        (("cancel", "DAVIS_static", "--json"), [row["id"]]),
        (("retry", str(row["id"]), "--json"), [row["id"]]),
    ):
        said = command(*words)
        assert said.returncode == 0, said.stderr
        assert json.loads(said.stdout) == {"command": words[0], "runs": runs}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("run", "--dataset", "DAVIS", "--model", "static", "--gpus", "99"), "There is no GPU 99"),
        (("run", "--dataset", "DAVIS", "--model", "static", "--workers_per_gpu", "9"), "choose 1 to 4"),
        (("export", "inference-times"), "no inference times to export yet"),
        (("cancel",), "Name the runs to cancel"),
        (("cancel", "--ablation", "7"), "There is no ablation '7'"),
    ],
)
def test_bad_input_is_one_sentence(command: Command, words: tuple[str, ...], sentence: str) -> None:
    answer = command(*words)
    assert answer.returncode == 2
    assert sentence in answer.stderr and "Traceback" not in answer.stderr
