"""The commands as a person types them: exit codes, sentences, tables, folders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clips import write_dataset
from tests.execution.test_dispatcher import stop_dispatcher
from vos_core.home import Home

ROOT = Path(__file__).resolve().parents[2]
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home.from_environment({}, cwd=tmp_path)
    write_dataset(home.data / "DAVIS", {"a": 6, "b": 5})
    yield home
    stop_dispatcher(home)


@pytest.fixture
def command(home: Home) -> Command:
    def call(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "VOSLAB_HOME": str(home.root), "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [sys.executable, "-m", "vos_core", *words],
            cwd=home.root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return call


def test_run_show_status_picture_delete(command: Command, home: Home) -> None:
    done = command("run", "--dataset", "DAVIS", "--model", "static", "propagation", "--sam2_memsize", "1")
    assert done.returncode == 0, done.stderr
    assert "J&F-Mean" in done.stdout
    for name in ("DAVIS_static", "DAVIS_propagation_memsize1"):
        assert name in done.stdout
        assert len(list((home.outputs / "DAVIS_pred_pngs" / name / "a").glob("*.png"))) == 6

    again = command("run", "--dataset", "davis", "--model", "static", "--json")
    assert again.returncode == 0, again.stderr
    (row,) = json.loads(again.stdout)
    assert row["state"] == "done" and 0 < row["scores"]["J&F-Mean"] < 1

    score = command("evaluate", "--davis_path", "data/DAVIS", "--results_path", row["folder"], "--json", "scores.json")
    assert score.returncode == 0, score.stderr
    assert json.loads((home.root / "scores.json").read_text())["global"] == row["scores"]

    shown = command("show", "DAVIS_static")
    assert shown.returncode == 0 and "a_1" in shown.stdout and "numpy" in shown.stdout

    assert "DAVIS_static" in command("status").stdout
    assert len(json.loads(command("status", "--json").stdout)["runs"]) == 2

    picture = command("picture", "DAVIS_static", "--video", "a", "--frame", "3", "--out", "frame.png")
    assert picture.returncode == 0, picture.stderr
    assert (home.root / "frame.png").stat().st_size > 1000

    assert "dispatching" in command("logs").stdout
    assert command("delete", "DAVIS_static", "--files").returncode == 2
    deleted = command("delete", "DAVIS_static", "--files", "--yes")
    assert deleted.returncode == 0, deleted.stderr
    assert not Path(row["folder"]).exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--dataset", "DAVIS", "--model", "nope"), "There is no model 'nope'"),
        (("--dataset", "NOPE", "--model", "static"), "There is no dataset 'NOPE'"),
        (("--dataset", "DAVIS", "--davis_path", "nowhere", "--model", "static"), "There is no dataset folder"),
        (("--dataset", "DAVIS", "--model", "propagation", "--memory_size", "99"), "Memory size 99 is out of range"),
        (("--dataset", "DAVIS", "--sam2_model", "base_plus", "--sam2_memsize", "8"), "Memory size 8 is out of range"),
        (("--dataset", "DAVIS", "--sam2_model", "base_plus"), "fetch sam2_hiera_base_plus"),
        (("--dataset", "DAVIS", "--sam2_model", "huge"), "There is no SAM 2 model 'huge'"),
        (("--dataset", "DAVIS"), "Name a model"),
        (("--dataset", "DAVIS", "--model", "static", "--video", "zebra"), "has no video 'zebra'"),
        (("--dataset", "DAVIS", "--model", "static", "--option", "x=1"), "belongs to SAM 2 models"),
        (("--dataset", "DAVIS", "--model", "static", "--limit", "0"), "--limit 0"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_queued(
    command: Command, home: Home, words: tuple[str, ...], sentence: str
) -> None:
    answer = command("run", *words)
    assert answer.returncode == 2
    assert sentence in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not home.outputs.exists() and not home.database.exists()


def test_a_dry_run_is_json_where_json_is_asked_for(command: Command, home: Home) -> None:
    words = ("run", "--dataset", "DAVIS", "--model", "static", "--dry_run")
    extent, *rest = command(*words).stdout.splitlines()
    assert extent == "1 run, 2 videos, 11 frames"
    assert rest[0] == "no past run of static here: its time is not known" and "GB free" in rest[1]
    plan = json.loads(command(*words, "--json").stdout)
    assert (plan["videos"], plan["frames"], len(plan["runs"])) == (2, 11, 1)
    assert plan["runs"][0]["settings"]["model"] == "static" and plan["runs"][0]["videos"] == ["a", "b"]
    assert not home.database.exists()


@pytest.mark.parametrize(
    "words",
    [("run", "--memory_size", "many"), ("nope",), (), ("show",), ("server-score", "1", "--figure"), ("run", "--nope")],
)
def test_words_that_cannot_be_understood_are_one_sentence(command: Command, words: tuple[str, ...]) -> None:
    answer = command(*words)
    assert answer.returncode == 2 and answer.stdout == ""
    (line,) = answer.stderr.splitlines()
    assert line.startswith("error: ") and line.endswith("--help`.")


def test_unknown_run(command: Command) -> None:
    answer = command("show", "nope")
    assert answer.returncode == 2 and "There is no run 'nope'" in answer.stderr


def test_lists(command: Command) -> None:
    assert "val" in command("datasets").stdout
    models = command("models").stdout
    assert all(name in models for name in ("static", "propagation", "sam2.1_hiera_large"))


def test_help_names_every_command(command: Command) -> None:
    text = command("--help").stdout
    assert all(name in text for name in ("run", "evaluate", "fetch", "status", "picture"))


@pytest.mark.parametrize("words", [("demo", "--only_data"), ("datasets",), ("status",), ("fetch", "sam2_hiera_tiny")])
def test_a_home_that_cannot_be_is_one_sentence(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "file").touch()
    environment = {**os.environ, "VOSLAB_HOME": str(tmp_path / "file"), "PYTHONPATH": str(ROOT)}
    answer = subprocess.run(
        [sys.executable, "-m", "vos_core", *words], env=environment, capture_output=True, text=True, timeout=60
    )
    assert "Traceback" not in answer.stderr
    assert answer.returncode == 2 or words == ("datasets",)
