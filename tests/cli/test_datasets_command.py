"""`datasets` as a person types it: list, check, add, remove, subset, and a run over a subset."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clips import write_dataset
from tests.datasets.layouts import write_youtube_vos
from tests.execution.test_dispatcher import stop_dispatcher
from vos_core.cli import main
from vos_core.datasets import find_datasets
from vos_core.datasets.survey_job import SurveyPhase, read_survey, survey_name
from vos_core.home import Home


@pytest.fixture(autouse=True)
def mine(home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    write_dataset(home.data / "DAVIS", {"a": 6, "b": 5, "c": 5})
    return write_dataset(tmp_path / "Mine", {"x": 4})


def test_add_list_check_remove(home: Home, mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets", "add", str(mine)]) == 0
    said = capsys.readouterr().out
    assert "0 errors, 0 warnings" in said and "registered as Mine" in said
    assert main(["datasets"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["dataset", "split", "videos", "annotated", "place"],
        ["DAVIS", "val", "3", "every", "frame", str(home.data / "DAVIS")],
        ["Mine", "val", "1", "every", "frame", str(mine)],
    ]
    state = read_survey(home, survey_name(home, mine))
    assert state is not None and state.phase is SurveyPhase.DONE
    assert main(["datasets", "check", "mine", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == 4
    assert main(["datasets", "remove", "Mine"]) == 0
    assert list(find_datasets(home)) == ["DAVIS"] and (mine / "JPEGImages").is_dir()
    assert main(["datasets", "remove", "DAVIS"]) == 2
    assert "lies in the data folder" in capsys.readouterr().err


def test_errors_stand_against_it_unless_it_is_taken_anyway(
    home: Home, mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (mine / "JPEGImages/480p/x/00001.jpg").write_bytes(b"")
    assert main(["datasets", "check", str(mine)]) == 1
    assert "error: Video x: frame" in capsys.readouterr().out
    assert main(["datasets", "add", str(mine)]) == 1
    assert "not registered: it has 1 error (--anyway" in capsys.readouterr().err
    assert list(find_datasets(home)) == ["DAVIS"]
    assert main(["datasets", "add", str(mine), "--anyway", "--name", "damaged", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["registered"] == "damaged"
    assert list(find_datasets(home)) == ["DAVIS", "damaged"]


def test_a_name_that_is_taken_is_told_before_the_check(
    home: Home, mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["datasets", "add", str(mine), "--name", "davis"]) == 2
    assert "for example davis-2" in capsys.readouterr().err
    assert not (home.state / "surveys").exists()


def test_later_objects_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_youtube_vos(tmp_path / "YouTube-VOS")
    assert main(["datasets", "check", str(root)]) == 0
    said = capsys.readouterr().out
    assert "YouTube-VOS layout" in said and "where objects appear" in said
    assert "note: In 2 of 3 videos" in said and "track_object_appearing_later_in_video=true" in said


def test_subsets(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets", "subset", "davis", "--name", "hard", "--videos", "c", "a"]) == 0
    assert "DAVIS: split hard has 2 videos" in capsys.readouterr().out
    (tmp_path / "list.txt").write_text("b\nz\n")
    assert main(["datasets", "subset", "DAVIS", "--name", "more", "--file", str(tmp_path / "list.txt")]) == 2
    assert "list.txt line 2 names video 'z'" in capsys.readouterr().err
    assert main(["datasets", "--json"]) == 0
    (dataset,) = json.loads(capsys.readouterr().out)
    assert [(split["name"], split["videos"], split["subset"]) for split in dataset["splits"]] == [
        ("val", 3, False),
        ("hard", 2, True),
    ]
    assert main(["datasets", "subset", "DAVIS"]) == 0
    assert "hard" in capsys.readouterr().out
    assert main(["datasets", "subset", "DAVIS", "--name", "hard", "--remove"]) == 0
    assert find_datasets(home)["DAVIS"].splits == ("val",)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["check", "nope"], "There is no dataset 'nope'"),
        (["check", "/nowhere/x"], "There is no dataset folder /nowhere/x"),
        (["add", "/nowhere/x"], "There is no dataset folder /nowhere/x"),
        (["subset", "DAVIS", "--name", "hard"], "Say which videos"),
        (["subset", "DAVIS", "--videos", "a"], "Give the subset a name"),
        (["subset", "DAVIS", "--remove"], "Say which subset"),
        (["subset", "DAVIS", "--name", "x", "--remove"], "has no subset 'x'"),
        (["subset", "nope", "--name", "x", "--videos", "a"], "There is no dataset 'nope'"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets", *words]) == 2
    assert sentence in capsys.readouterr().err


def test_a_run_over_a_subset_of_a_registered_dataset(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Workers open the dataset by its stored place; scores are those of `evaluate` over these videos."""
    root = write_dataset(tmp_path / "Other", {"x": 5, "y": 6, "z": 5})
    assert main(["datasets", "add", str(root)]) == 0
    assert main(["datasets", "subset", "Other", "--name", "hard", "--videos", "z", "x"]) == 0
    capsys.readouterr()
    try:
        assert main(["run", "--dataset", "Other", "--set", "hard", "--model", "static", "--json"]) == 0
    finally:
        stop_dispatcher(home)
    (row,) = json.loads(capsys.readouterr().out)
    folder = Path(row["folder"])
    assert row["state"] == "done" and folder.name.startswith("Other_static_split-hard_")
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["x", "z"]
    scores = ["evaluate", "--davis_path", str(root), "--results_path", str(folder), "--videos", "x", "z"]
    assert main([*scores, "--json", str(tmp_path / "scores.json")]) == 0
    official = json.loads((tmp_path / "scores.json").read_text())
    assert f'"J&F-Mean": {row["scores"]["J&F-Mean"]!r}' in json.dumps(official)
    # The run keeps its videos when the subset is forgotten.
    assert main(["datasets", "subset", "Other", "--name", "hard", "--remove"]) == 0
    try:
        assert main(["score", row["name"]]) == 0
    finally:
        stop_dispatcher(home)
