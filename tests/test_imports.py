"""Masks made elsewhere as runs: planned, scored through the real dispatcher, and left untouched."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from db import queries
from db.models import Run
from db.states import RunState
from tests.clips import split_objects, write_dataset
from tests.execution.test_dispatcher import rows, stop_dispatcher, until
from vos_core.cli import main
from vos_core.datasets import find_dataset, open_dataset
from vos_core.errors import InputError, PredictionError
from vos_core.evaluation import evaluate
from vos_core.execution import submit
from vos_core.home import Home
from vos_core.imports import find_project, plan_adoption, plan_agreement, plan_import
from vos_core.launch import LaunchPlan, plan_launch
from vos_core.masks import read_mask, write_mask
from vos_core.models.checkpoints import find_checkpoint
from vos_core.places import add_places
from vos_core.runs import Grid, RunSettings, run_name


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home.from_environment({}, cwd=tmp_path / "home")
    home.root.mkdir()
    write_dataset(home.data / "DAVIS", {"a": 6, "b": 5})
    yield home
    stop_dispatcher(home)


def shifted_predictions(dataset: Path, folder: Path, shift: int) -> Path:
    """The annotations moved by `shift` pixels, as somebody's predictions."""
    for path in sorted((dataset / "Annotations/480p").rglob("*.png")):
        target = folder / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        write_mask(target, np.roll(read_mask(path), shift, axis=1))
    return folder


def digest(folder: Path) -> str:
    """Names and bytes of everything in a folder."""
    content = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        content.update(str(path.relative_to(folder)).encode())
        if path.is_file():
            content.update(path.read_bytes())
    return content.hexdigest()


def finish(home: Home, plan: LaunchPlan) -> list[Run]:
    ids = submit.wait(home, submit.submit(plan, home))["runs"]
    until(lambda: all(RunState(run.state).ended for run in rows(home, ids)))
    return rows(home, ids)


def test_imported_predictions_score_as_evaluate_says_and_stay_untouched(home: Home, tmp_path: Path) -> None:
    theirs = shifted_predictions(home.data / "DAVIS", tmp_path / "osvos", 2)
    before = digest(theirs)
    (run,) = finish(home, plan_import(home, find_dataset(home, "DAVIS"), "OSVOS", theirs))
    official = evaluate(home.data / "DAVIS", theirs).scores
    assert (run.state, run.model, run.name, run.score_kind) == ("done", "OSVOS", "DAVIS_OSVOS", "official")
    assert (run.jf_mean, run.j_decay, run.f_recall) == (official.jf_mean, official.j_decay, official.f_recall)
    assert home.locate(run.predictions) == theirs
    assert digest(theirs) == before
    assert not (home.outputs / "DAVIS_pred_pngs").exists()


def test_all_that_is_wrong_with_a_video_is_its_error(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = shifted_predictions(home.data / "DAVIS", tmp_path / "osvos", 2)
    (theirs / "b" / "00002.png").unlink()
    (theirs / "a" / "00002.png").write_bytes(b"no picture")
    write_mask(theirs / "a" / "00003.png", np.full((4, 6), 1, np.uint8))
    (theirs / "a" / "00000.png").write_bytes(b"not evaluated")
    (run,) = finish(home, plan_import(home, find_dataset(home, "DAVIS"), "OSVOS", theirs))
    assert (run.state, run.jf_mean) == ("failed", None)
    a, b = (queries.task(home.database, run.id, video) for video in "ab")
    assert b is not None and b.error == f"Video b: frame 00002 has no prediction in {theirs}/b."
    assert a is not None and a.error is not None
    with pytest.raises(PredictionError) as told:
        evaluate(home.data / "DAVIS", theirs)
    assert (lines := str(told.value).splitlines()) == [*a.error.splitlines(), b.error]
    assert [line.partition(": ")[0] for line in lines] == ["Video a, frame 00002", "Video a, frame 00003", "Video b"]
    monkeypatch.setenv("VOSLAB_HOME", str(home.root))
    assert main(["show", str(run.id)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.removeprefix("error: ") for line in said if line.startswith("error: ")] == lines
    assert f"masks: {theirs}" in said


@pytest.mark.parametrize(
    ("name", "folder", "sentence"),
    [
        ("OSVOS", "nowhere", "There is no folder .*nowhere"),
        ("OSVOS", "empty", "has no folder for any video of DAVIS val"),
        ("flow", "empty", "Give the imported masks a name of their own"),
        (" ", "empty", "Give the imported masks a name of their own"),
        ("ö" * 60, "empty", "is too long: it has room for 100 bytes"),
    ],
)
def test_what_cannot_be_imported(home: Home, tmp_path: Path, name: str, folder: str, sentence: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=sentence):
        plan_import(home, find_dataset(home, "DAVIS"), name, tmp_path / folder)


def test_agreement_never_enters_the_official_columns(home: Home, tmp_path: Path) -> None:
    theirs = shifted_predictions(home.data / "DAVIS", tmp_path / "mine", 2)
    sample = shifted_predictions(home.data / "DAVIS", tmp_path / "sample_submission", 1)
    (run,) = finish(home, plan_import(home, find_dataset(home, "DAVIS"), "mine", theirs, against=sample))
    assert (run.state, run.score_kind, run.jf_mean, run.j_mean) == ("done", "agreement", None, None)
    assert run.other_scores is not None and 0 < run.other_scores["jf_mean"] < 1
    # The same figures as scoring against a dataset whose annotations are that folder.
    swapped = tmp_path / "swapped"
    shutil.copytree(home.data / "DAVIS", swapped)
    shutil.rmtree(swapped / "Annotations/480p")
    shutil.copytree(sample, swapped / "Annotations/480p")
    assert run.other_scores["jf_mean"] == evaluate(swapped, theirs).scores.jf_mean


def test_a_reference_without_these_videos_is_refused(home: Home, tmp_path: Path) -> None:
    theirs = shifted_predictions(home.data / "DAVIS", tmp_path / "mine", 2)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty has no masks of these videos"):
        plan_import(home, find_dataset(home, "DAVIS"), "mine", theirs, against=tmp_path / "empty")


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("../../../out", "DAVIS_out"),
        ("/etc/x", "DAVIS_etc-x"),
        ('Ösvos "v2"\n', "DAVIS_Ösvos-v2"),
        ("a b", "DAVIS_a-b"),
        ("a-b", "DAVIS_a-b"),
    ],
)
def test_a_name_is_no_path(home: Home, tmp_path: Path, name: str, folder: str) -> None:
    theirs = shifted_predictions(home.data / "DAVIS", tmp_path / "mine", 2)
    (run,) = plan_import(home, find_dataset(home, "DAVIS"), name, theirs).runs
    assert run.settings.model == name.strip()
    made = run_name(run.settings, "val")
    assert made == folder if name == "a-b" else made.rpartition("_")[0] == folder


@pytest.mark.parametrize("predictions_apart", [False, True])
def test_a_reference_may_be_kept_one_folder_an_object(home: Home, tmp_path: Path, predictions_apart: bool) -> None:
    """The same figures as against the same masks as label maps: these objects do not overlap."""
    theirs = shifted_predictions(home.data / "DAVIS", tmp_path / "mine", 2)
    sample = shifted_predictions(home.data / "DAVIS", tmp_path / "sample", 1)
    apart = Path(shutil.copytree(sample, tmp_path / "apart"))
    for folder in (apart, theirs) if predictions_apart else (apart,):
        for video in "ab":
            split_objects(folder / video)
    davis = find_dataset(home, "DAVIS")
    whole, each = (finish(home, plan_import(home, davis, "mine", theirs, against=one))[0] for one in (sample, apart))
    assert (each.state, each.score_kind, each.jf_mean) == ("done", "agreement", None)
    assert each.other_scores == whole.other_scores and each.other_scores is not None
    assert 0 < each.other_scores["jf_mean"] < 1


def test_agreement_of_a_run_on_first_frame_annotations(home: Home, tmp_path: Path) -> None:
    """The user's own MOSE figures: no truth, somebody's submission."""
    full = write_dataset(tmp_path / "full", {"v": 6})
    sample = shifted_predictions(full, tmp_path / "sample", 1)
    write_dataset(home.data / "MOSE", {"v": 6}, annotated=1)
    (run,) = finish(home, plan_launch(Grid((("MOSE", "data:MOSE", "val"),), ("static",)), home))
    assert not run.scorable
    settings = RunSettings.from_values(run.settings)
    (held,) = finish(home, plan_agreement(home, settings, "val", run.predictions, sample))
    assert (held.name, held.score_kind, held.jf_mean) == ("MOSE_static_against-sample", "agreement", None)
    assert held.other_scores is not None and held.other_scores["jf_mean"] > 0


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder as the user's scripts leave it."""
    root = tmp_path / "project"
    write_dataset(root / "DAVIS", {"a": 6, "b": 5})
    for size in (1, 7):
        name = f"DAVIS_sam2_hiera_base_plus_memsize{size}"
        shifted_predictions(root / "DAVIS", root / "outputs" / "DAVIS_pred_pngs" / name, 8 - size)
    (root / "outputs/DAVIS_pred_pngs/DAVIS_mymodel_memsize7").mkdir()
    (root / "outputs/MOSE_pred_pngs/MOSE_sam2_hiera_large_memsize7").mkdir(parents=True)
    (root / "checkpoints").mkdir()
    (root / "checkpoints" / "sam2_hiera_base_plus.pt").write_bytes(b"weights")
    return root


def test_adopt_takes_over_what_it_understands(home: Home, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(home.data)
    before = digest(project)
    monkeypatch.setenv("VOSLAB_HOME", str(home.root))
    assert main(["adopt", str(project)]) == 0
    runs = sorted(queries.runs(home.database), key=lambda run: run.memory_size or 0)
    assert [(run.model, run.memory_size, run.memory_mode, run.state) for run in runs] == [
        ("sam2_hiera_base_plus", 1, "naive", "done"),
        ("sam2_hiera_base_plus", 7, "naive", "done"),
    ]
    for run in runs:
        assert run.jf_mean == evaluate(project / "DAVIS", home.locate(run.predictions)).scores.jf_mean
    assert digest(project) == before
    assert find_dataset(home, "DAVIS").root == project / "DAVIS"
    settings = RunSettings("DAVIS", "x", "val", "sam2_hiera_base_plus", 7, "naive")
    assert find_checkpoint(settings, home) == project / "checkpoints" / "sam2_hiera_base_plus.pt"
    # Adopted again, nothing is doubled.
    assert main(["adopt", str(project)]) == 0
    assert len(queries.runs(home.database)) == 2


def test_what_adopt_leaves_alone_is_told(home: Home, project: Path) -> None:
    plan, problems = plan_adoption(home, find_project(project))
    assert len(plan.runs) == 2
    assert [text.partition(":")[0].rpartition("/")[2] for text in problems] == [
        "DAVIS_mymodel_memsize7",
        "MOSE_sam2_hiera_large_memsize7",
    ]


def test_a_mose_folder_without_lists_is_adopted_by_its_meta_file(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "project"
    valid = write_dataset(root / "MOSE" / "valid", {"v1": 5, "v2": 4, "spare": 3}, annotated=1)
    shutil.rmtree(valid / "ImageSets")
    (root / "MOSE" / "meta_valid.json").write_text('{"videos": {"v2": {"length": 4}, "v1": {"length": 5}}}')
    name = "MOSE_sam2_hiera_large_memsize3"
    for video, frames in (("v1", 5), ("v2", 4)):
        for index in range(frames):
            target = root / "outputs" / "MOSE_pred_pngs" / name / video / f"{index:05d}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            write_mask(target, np.zeros((48, 64), np.uint8))
    before = digest(root)
    monkeypatch.setenv("VOSLAB_HOME", str(home.root))
    assert main(["adopt", str(root)]) == 0
    (run,) = queries.runs(home.database)
    assert (run.name, run.split, run.state, run.scorable, run.jf_mean) == (name, "val", "done", False, None)
    assert [task.video for task in queries.tasks(home.database, run.id)] == ["v2", "v1"]
    assert main(["submission", name, "--out", str(tmp_path / "mose.zip")]) == 0
    assert digest(root) == before


def test_nothing_to_adopt(home: Home, tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare/odd").symlink_to("x" * 300)  # to look at it fails
    with pytest.raises(InputError, match="holds nothing to adopt"):
        plan_adoption(home, find_project(tmp_path / "bare"))
    with pytest.raises(InputError, match="There is no folder"):
        find_project(tmp_path / "nowhere")
    with pytest.raises(InputError, match="leads to no folder"):
        find_project(Path("~nosuchuser/x"))


def test_places_that_vanish_are_forgotten_and_damage_is_told(home: Home, tmp_path: Path) -> None:
    other = write_dataset(tmp_path / "LVOS", {"x": 4})
    add_places(home, {"LVOS": other}, [])
    assert find_dataset(home, "LVOS").root == open_dataset(other).root
    shutil.rmtree(other)
    with pytest.raises(InputError, match=r"Dataset LVOS is registered, and its folder .* is not there now"):
        find_dataset(home, "LVOS")
    (home.state / "places.json").write_text(json.dumps([]))
    with pytest.raises(InputError, match=r"places.json cannot be read"):
        find_dataset(home, "LVOS")
