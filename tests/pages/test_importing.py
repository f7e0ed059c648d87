"""The Import page: a folder of masks and a project folder become intents, and what is wrong is a sentence."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from db.models import Intent
from db.session import reading
from tests.pages.conftest import OpenPage, text_of
from tests.ui.seed import write_dataset
from vos_core.datasets import find_datasets
from vos_core.home import Home
from vos_core.launch import LaunchPlan


@pytest.fixture
def dataset(here: Home) -> Path:
    """Two videos in the data folder as `demo`."""
    return write_dataset(here.data / "demo", {"one": 6, "two": 4})


@pytest.fixture
def masks(dataset: Path, tmp_path: Path) -> Path:
    """A folder of predictions of both videos."""
    return Path(shutil.copytree(dataset / "Annotations" / "480p", tmp_path / "osvos"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder of the user's kind: a dataset, a checkpoint, a run, and a folder with a strange name."""
    root = tmp_path / "project"
    write_dataset(root / "DAVIS", {"one": 6})
    (root / "checkpoints").mkdir()
    (root / "checkpoints" / "sam2_hiera_large.pt").write_bytes(b"weights")
    for name in ("DAVIS_sam2_hiera_large_memsize3", "DAVIS_mystery_memsize3"):
        shutil.copytree(root / "DAVIS" / "Annotations" / "480p", root / "outputs" / "DAVIS_pred_pngs" / name)
    return root


def plans(here: Home) -> list[LaunchPlan]:
    with reading(here.database) as session:
        return [LaunchPlan.from_payload(row.payload) for row in session.query(Intent).order_by(Intent.id)]


def import_folder(test: AppTest, name: str, path: object, against: object = "") -> AppTest:
    test.text_input(key="import-name").set_value(name)
    test.text_input(key="import-path").set_value(str(path))
    test.text_input(key="import-against").set_value(str(against))
    return test.button(key="import").click().run()


def test_a_folder_of_masks_is_queued_for_scoring(here: Home, masks: Path, open_page: OpenPage) -> None:
    test = import_folder(open_page("importing.py"), "OSVOS", masks)
    assert not test.exception and not test.error
    (plan,) = plans(here)
    (run,) = plan.runs
    assert (run.settings.model, run.settings.dataset, here.locate(run.predictions or "")) == ("OSVOS", "demo", masks)
    assert [video.name for video in run.videos] == ["one", "two"]
    assert run.reference is None
    assert "Handed to the dispatcher" in text_of(test)


def test_a_folder_to_hold_against_is_kept_as_no_ground_truth(
    here: Home, dataset: Path, masks: Path, tmp_path: Path, open_page: OpenPage
) -> None:
    sample = Path(shutil.copytree(masks, tmp_path / "sample"))
    test = import_folder(open_page("importing.py"), "OSVOS", masks, sample)
    assert not test.exception and not test.error
    (run,) = plans(here)[0].runs
    assert run.reference is not None and here.locate(run.reference) == sample


@pytest.mark.parametrize(
    ("name", "path", "against", "sentence"),
    [
        ("", "{masks}", "", "name of their own"),
        ("flow", "{masks}", "", "name of their own"),
        ("OSVOS", "", "", "Give the folder of the masks"),
        ("OSVOS", "/nowhere/at/all", "", "There is no folder /nowhere/at/all"),
        ("OSVOS", "{masks}/one", "", "has no folder for any video"),
        ("OSVOS", "{masks}", "/nowhere/at/all", "There is no folder /nowhere/at/all"),
    ],
)
def test_what_is_wrong_is_a_sentence_and_queues_nothing(
    here: Home, masks: Path, open_page: OpenPage, name: str, path: str, against: str, sentence: str
) -> None:
    test = import_folder(open_page("importing.py"), name, path.format(masks=masks), against)
    assert not test.exception
    assert sentence in test.error[0].value
    assert not plans(here)


def test_without_a_dataset_it_says_so(here: Home, tmp_path: Path, open_page: OpenPage) -> None:
    test = import_folder(open_page("importing.py"), "OSVOS", tmp_path)
    assert not test.exception
    assert "folder of a dataset" in test.error[0].value


def look(test: AppTest, path: object) -> AppTest:
    test.text_input(key="adopt-path").set_value(str(path))
    return test.button(key="adopt-look").click().run()


def test_a_project_is_shown_before_anything_is_taken_over(here: Home, project: Path, open_page: OpenPage) -> None:
    test = look(open_page("importing.py"), project)
    assert not test.exception and not test.error
    assert [(item.label, item.value) for item in test.metric] == [
        ("Datasets", "1"),
        ("Checkpoints", "1"),
        ("Runs", "1"),
    ]
    assert "Left alone" in test.warning[0].value and "mystery" in test.warning[0].value
    assert not plans(here)
    assert not find_datasets(here)


def test_adopting_queues_its_runs_in_naive_mode_and_registers_its_data(
    here: Home, project: Path, open_page: OpenPage
) -> None:
    test = look(open_page("importing.py"), project)
    test.button(key="adopt-confirm").click().run()
    assert not test.exception and not test.error
    ((run,),) = [plan.runs for plan in plans(here)]
    assert (run.settings.model, run.settings.memory_size, run.settings.memory_mode) == ("sam2_hiera_large", 3, "naive")
    assert {name: found.root for name, found in find_datasets(here).items()} == {"DAVIS": project / "DAVIS"}
    assert "1 dataset and 1 checkpoint" in test.success[0].value
    assert "known here as" not in test.success[0].value


def test_an_adopted_dataset_whose_name_is_taken_is_told_by_its_other_name(
    here: Home, project: Path, open_page: OpenPage
) -> None:
    near = write_dataset(here.data / "DAVIS", {"one": 3})
    test = look(open_page("importing.py"), project).button(key="adopt-confirm").click().run()
    assert not test.exception and not test.error
    found = {name: one.root for name, one in find_datasets(here).items()}
    assert found == {"DAVIS": near, "DAVIS-2": project / "DAVIS"}
    assert "DAVIS is known here as DAVIS-2." in test.success[0].value.replace("\\", "")


@pytest.mark.parametrize(
    ("path", "sentence"),
    [("", "Give the path"), ("/nowhere/at/all", "There is no folder /nowhere/at/all"), ("{empty}", "nothing to adopt")],
)
def test_a_folder_that_is_no_project_is_told(
    here: Home, tmp_path: Path, open_page: OpenPage, path: str, sentence: str
) -> None:
    (tmp_path / "empty").mkdir()
    test = look(open_page("importing.py"), path.format(empty=tmp_path / "empty"))
    assert not test.exception
    assert sentence in test.error[0].value.replace("\\", "")
    assert not [button for button in test.button if button.key == "adopt-confirm"]
