"""The command `evaluate`: the toolkit's files and tables, full precision beside them, exit codes."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.evaluation.folders import STEMS, Folders
from tests.evaluation.spoil import truncate, with_label
from vos_core.cli import main
from vos_core.datasets.registration import register
from vos_core.datasets.subsets import write_subset
from vos_core.evaluation import evaluate
from vos_core.evaluation.folders import evaluate_dot
from vos_core.evaluation.report import tables
from vos_core.home import Home
from vos_core.masks import read_mask, write_mask

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("pandas", "sqlalchemy", "torch", "cv2", "scipy", "streamlit", "PIL")


def run_command(*arguments: str | Path) -> int:
    """The command as the entry point runs it."""
    return main(["evaluate", *map(str, arguments)])


@pytest.mark.parametrize("dataset", ["davis-real", "davis-derived"])
def test_command_writes_the_toolkits_files_and_never_reuses_them(
    shared_data: Path, dataset: str, tmp_path: Path
) -> None:
    root = shared_data / dataset
    for video in (root / "predictions" / "osvos").iterdir():
        (tmp_path / video.name).symlink_to(video, target_is_directory=True)
    names = ("global_results-val.csv", "per-sequence_results-val.csv")
    for name in names:
        (tmp_path / name).write_text("stale")
    assert run_command("--davis_path", root / "DAVIS", "--results_path", tmp_path, "--task", "semi-supervised") == 0
    for name in names:
        assert (tmp_path / name).read_bytes() == (root / "expected" / name).read_bytes()


def test_tables_look_like_the_toolkits(shared_data: Path) -> None:
    root = shared_data / "davis-derived"
    assert tables(evaluate(root / "DAVIS", root / "predictions" / "osvos")) == (
        "--------------------------- Global results for val ---------------------------\n"
        " J&F-Mean  J-Mean  J-Recall  J-Decay   F-Mean  F-Recall  F-Decay\n"
        " 0.649688 0.56049   0.60233 0.434184 0.738885  0.878752 0.358098\n"
        "\n"
        "---------- Per sequence results for val ----------\n"
        "       Sequence   J-Mean   F-Mean\n"
        "scooter-black_1 0.503673 0.669961\n"
        "scooter-black_2 0.678644 0.728117\n"
        "    bmx-trees_1 0.394059 0.715566\n"
        "    bmx-trees_2 0.665582 0.841898\n"
    )


def test_command_writes_full_precision(folders: Folders, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = folders.evaluate()
    where = ("--davis_path", folders.root, "--results_path", folders.results)
    out, frames = tmp_path / "scores.json", tmp_path / "frames.csv"
    assert run_command(*where, "--json", out, "--per-frame", frames, "--processes", "2") == 0
    assert json.loads(out.read_text()) == result.to_json()
    with frames.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * 5
    assert rows[7]["video"] == "cows" and rows[7]["object"] == "2" and rows[7]["frame"] == "00003"
    assert float(rows[7]["J"]) == result.objects[1].j[2]
    assert float(rows[7]["F"]) == result.objects[1].f[2]
    assert "Global results for val" in capsys.readouterr().out


@pytest.mark.parametrize("spoil", [Path.unlink, truncate])
def test_command_leaves_nothing_when_predictions_are_wrong(
    folders: Folders, tmp_path: Path, spoil: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(folders.prediction("bear", STEMS[1]))
    out = tmp_path / "scores.json"
    assert run_command("--davis_path", folders.root, "--results_path", folders.results, "--json", out) == 1
    assert "Video bear" in capsys.readouterr().err
    assert not out.exists() and not list(folders.results.glob("*.csv"))


def test_extra_objects_are_ignored_on_request(folders: Folders, capsys: pytest.CaptureFixture[str]) -> None:
    with_label(2)(folders.prediction("bear", STEMS[1]))
    where = ("--davis_path", folders.root, "--results_path", folders.results)
    assert run_command(*where) == 1
    assert run_command(*where, "--extra-objects", "ignore") == 0
    assert "Warning: Video bear, frame 00001" in capsys.readouterr().err


def test_command_with_some_videos_writes_no_csv(folders: Folders) -> None:
    assert run_command("--davis_path", folders.root, "--results_path", folders.results, "--videos", "bear") == 0
    assert not list(folders.results.glob("*.csv"))


@pytest.mark.parametrize(
    ("flag", "value", "told"),
    [
        ("--json", "nowhere/scores.json", "scores.json cannot be written"),
        ("--results_path", "nowhere", "no folder of predictions"),
        ("--davis_path", "nowhere", "no dataset folder"),
        ("--set", "train", "no split 'train'"),
        ("--videos", "wolf", "no video 'wolf'"),
        ("--processes", "-1", "at least 1"),
    ],
)
def test_command_exits_with_2_for_bad_input(
    folders: Folders, tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str, value: str, told: str
) -> None:
    value = str(tmp_path / value) if "nowhere" in value else value
    where = ("--davis_path", folders.root, "--results_path", folders.results)
    assert run_command(*where, flag, value) == 2
    assert told in capsys.readouterr().err


def test_a_process_of_its_own_starts_lightly(folders: Folders) -> None:
    where = ["evaluate", "--davis_path", str(folders.root), "--results_path", str(folders.results), "--processes", "1"]
    code = f"import sys; from vos_core.cli import main; main({where}); print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "bear_1" in done.stdout


def test_an_empty_list_is_a_failed_evaluation(folders: Folders, capsys: pytest.CaptureFixture[str]) -> None:
    (folders.root / "ImageSets" / "2017" / "val.txt").write_text("")
    where = ("--davis_path", folders.root, "--results_path", folders.results)
    for metric in ("davis", "dot"):
        assert run_command(*where, "--metric", metric) == 1
        assert "val.txt is empty" in capsys.readouterr().err
    assert not list(folders.results.glob("*.csv"))


def test_the_second_metric(folders: Folders, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "dot.json"
    where = ("--davis_path", folders.root, "--results_path", folders.results, "--metric", "dot")
    assert run_command(*where, "--json", out) == 0
    expected = evaluate_dot(folders.root, folders.results)
    assert json.loads(out.read_text()) == expected.to_json()
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["J&F-dot", "J", "F-dot", "J&F-dot-d", "J&F-dot-r", "F", "J&F"]
    shown = [float(word) for word in lines[2].split()]
    wanted = list(expected.scores.as_columns().values())
    assert [value for value in shown if value == value] == pytest.approx([v for v in wanted if v == v], abs=5e-7)
    assert [word for word in lines[2].split() if word == "NaN"] == ["NaN"] * sum(value != value for value in wanted)
    assert [line.split()[0] for line in lines[5:9]] == ["Object", "cows_1", "cows_2", "cows_3"]
    assert not list(folders.results.glob("*.csv"))
    assert run_command(*where, "--videos", "bear") == 0
    assert "cows" not in capsys.readouterr().out
    folders.prediction("bear", STEMS[1]).unlink()
    assert run_command(*where) == 1
    assert "Video bear: frame 00001 has no prediction" in capsys.readouterr().err


@pytest.mark.parametrize("flag", [["--official-decay"], ["--per-frame", "x.csv"], ["--processes", "0"]])
def test_what_does_not_belong_to_the_second_metric(folders: Folders, flag: list[str]) -> None:
    where = ("--davis_path", folders.root, "--results_path", folders.results)
    assert run_command(*where, "--metric", "dot", *flag) == 2


def split_into_objects(folder: Path) -> None:
    """Label maps of a video become a folder an object; each object's mask by itself."""
    for path in sorted(folder.glob("*.png")):
        mask = read_mask(path)
        for k in sorted({1, 2, 3} & set(mask.ravel().tolist())):
            target = folder / f"{k:03d}" / path.name
            target.parent.mkdir(exist_ok=True)
            write_mask(target, (mask == k).astype("uint8"))
        path.unlink()


@pytest.mark.parametrize("predictions_too", [False, True])
def test_annotations_one_folder_an_object(
    folders: Folders, tmp_path: Path, predictions_too: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Squares that do not hide each other: object by object, the figures are those of the label maps."""
    expected = folders.evaluate().to_json()
    split_into_objects(folders.root / "Annotations" / "480p" / "cows")
    if predictions_too:
        split_into_objects(folders.results / "cows")
    where = ("--davis_path", folders.root, "--results_path", folders.results)
    out = tmp_path / "scores.json"
    assert run_command(*where, "--json", out, "--processes", "2") == 0
    assert json.loads(out.read_text()) == expected
    assert (folders.results / "global_results-val.csv").exists()
    for path in folders.results.glob("*.csv"):
        path.unlink()
    spoiled = folders.results / "cows" / ("002" if predictions_too else "") / f"{STEMS[2]}.png"
    truncate(spoiled)
    folders.prediction("bear", STEMS[1]).unlink()
    capsys.readouterr()
    assert run_command(*where) == 1
    told = capsys.readouterr().err
    assert "Video cows, frame 00002" in told and "Video bear: frame 00001" in told
    assert not list(folders.results.glob("*.csv"))
    assert run_command(*where, "--metric", "dot") == 1
    assert capsys.readouterr().err == told


@pytest.mark.parametrize("metric", ["davis", "dot"])
def test_a_subset_of_a_dataset_that_is_known_here_can_be_scored(
    folders: Folders, home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], metric: str
) -> None:
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    where = ("--davis_path", folders.root, "--results_path", folders.results, "--set", "few", "--metric", metric)
    assert run_command(*where) == 2
    assert "has no split 'few'" in capsys.readouterr().err
    write_subset(home, register(home, folders.root, "Mine"), "few", ["bear"])
    assert run_command(*where) == 0
    said = capsys.readouterr().out
    assert "bear_1" in said and "cows" not in said
