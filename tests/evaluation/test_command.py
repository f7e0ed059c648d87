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
from vos_core.evaluation import evaluate
from vos_core.evaluation.report import tables

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
