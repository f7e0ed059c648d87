"""J&F-dot of runs: asked for afterwards, computed unasked on MOSEv2, restored from sidecars, apart from J&F."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from db import queries
from db.models import Run
from tests.clips import write_dataset
from tests.execution.test_dispatcher import stop_dispatcher
from vos_core.cli import main
from vos_core.evaluation.folders import evaluate_dot
from vos_core.execution.second_metric import DOT_FIGURES, gets_dot
from vos_core.home import Home
from vos_core.reference import FIGURES
from vos_core.runs import RunSettings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    home = Home.from_environment({}, cwd=tmp_path)
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    yield home
    stop_dispatcher(home)


def the_run(home: Home) -> Run:
    (run,) = queries.runs(home.database)
    return run


def official(run: Run) -> list[float | None]:
    return [getattr(run, name) for name in FIGURES]


def by_folder(home: Home, run: Run) -> dict[str, float]:
    """The figures as `evaluate --metric dot` has them of the same folder."""
    scores = evaluate_dot(home.locate(run.dataset_path), home.locate(run.predictions)).scores
    return {label: getattr(scores, name) for label, name in DOT_FIGURES.items()}


def close_to(figures: dict[str, float | None] | None, expected: dict[str, float]) -> bool:
    assert figures is not None
    numbers = {name: float("nan") if value is None else value for name, value in figures.items()}
    return numbers == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_a_run_is_scored_by_a_second_metric(
    home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dataset(home.data / "DAVIS", {"a": 6, "b": 5})
    assert main(["run", "--dataset", "DAVIS", "--model", "static"]) == 0
    stop_dispatcher(home)  # which writes the last of the run's seconds
    before = the_run(home)
    seconds = before.inference_s, before.active_s
    assert before.dot_scores is None and before.jf_mean is not None
    capsys.readouterr()
    assert main(["score", "DAVIS_static", "--metric", "dot"]) == 0
    assert "DAVIS_static: MOSEv2's second metric: J&F-dot 0." in capsys.readouterr().out
    run = the_run(home)
    assert official(run) == official(before) and run.state == "done"
    assert close_to(run.dot_scores, by_folder(home, run))
    assert (run.inference_s, run.active_s) == seconds, "scoring again is no part of the run's time"
    tasks = queries.tasks(home.database, run.id)
    assert [task.video for task in tasks if task.dot_scores] == ["a", "b"]
    assert {one["object_id"] for one in tasks[0].dot_scores["objects"]} == {1, 2}  # type: ignore[index]

    # A plain scoring keeps it; a lost database gets it back from the sidecars.
    assert main(["score", "DAVIS_static", "--json"]) == 0
    (shown,) = json.loads(capsys.readouterr().out)
    assert shown["dot_scores"] == run.dot_scores and shown["scores"]["J&F-Mean"] == before.jf_mean
    stop_dispatcher(home)
    monkeypatch.setenv("VOSLAB_STATE", str(home.root / "another"))
    anew = Home.from_environment()
    assert main(["run", "--dataset", "DAVIS", "--model", "static"]) == 0
    stop_dispatcher(anew)
    assert the_run(anew).dot_scores == run.dot_scores and official(the_run(anew)) == official(before)


def test_mosev2_gets_it_unasked(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    write_dataset(home.data / "MOSEv2", {"a": 5})
    assert main(["run", "--dataset", "MOSEv2", "--model", "static"]) == 0
    run = the_run(home)
    assert close_to(run.dot_scores, by_folder(home, run)) and run.jf_mean is not None
    assert main(["show", "1", "--json"]) == 0


@pytest.mark.parametrize(
    ("name", "path", "options", "expected"),
    [
        ("MOSEv2", "data:MOSEv2", (), True),
        ("train", "root:/disk/MOSE_v2/train", (), True),
        ("MOSE", "data:MOSE", (), False),
        ("mosev2", "data:x", (("use_all_masks", True),), False),
    ],
)
def test_which_datasets_are_mosev2s(
    name: str, path: str, options: tuple[tuple[str, bool], ...], expected: bool
) -> None:
    assert gets_dot(RunSettings(name, path, "val", "static", options=options)) is expected


def test_a_failed_scoring_keeps_the_official_figures(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    write_dataset(home.data / "DAVIS", {"a": 5, "b": 5})
    assert main(["run", "--dataset", "DAVIS", "--model", "static"]) == 0
    before = the_run(home)
    mask = home.locate(before.predictions) / "a" / "00002.png"
    shutil.move(mask, home.root / "away.png")
    assert main(["score", "1", "--metric", "dot"]) == 1
    assert "frame 00002 has no prediction" in capsys.readouterr().err
    failed = the_run(home)
    assert failed.state == "failed" and failed.dot_scores is None and official(failed) == official(before)
    shutil.move(home.root / "away.png", mask)
    assert main(["retry", "1"]) == 0 and main(["run", "--dataset", "DAVIS", "--model", "static"]) == 0
    assert close_to(the_run(home).dot_scores, by_folder(home, before))


def test_annotations_that_came_later(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    write_dataset(home.data / "HOLD", {"a": 5}, annotated=1)
    write_dataset(home.root / "whole" / "HOLD", {"a": 5})
    assert main(["run", "--dataset", "HOLD", "--model", "static"]) == 0
    assert the_run(home).jf_mean is None and not the_run(home).scorable
    assert main(["score", "1"]) == 2
    assert "annotates its videos on first frames only" in capsys.readouterr().err
    where = Path("Annotations") / "480p" / "a"
    shutil.copytree(home.root / "whole" / "HOLD" / where, home.data / "HOLD" / where, dirs_exist_ok=True)
    assert main(["score", "1"]) == 0
    assert the_run(home).scorable and 0 < (the_run(home).jf_mean or 0) < 1


def test_what_is_agreement_gets_no_second_metric(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    write_dataset(home.data / "DAVIS", {"a": 5})
    assert main(["run", "--dataset", "DAVIS", "--model", "static"]) == 0
    folder = str(home.outputs / "DAVIS_pred_pngs" / "DAVIS_static")
    assert main(["agreement", "1", "--against", folder]) == 0
    assert main(["score", "2", "--metric", "dot"]) == 2
    assert "can have no J&F-dot" in capsys.readouterr().err
    assert main(["score", "2"]) == 0
    assert main(["score", "nope"]) == 2
