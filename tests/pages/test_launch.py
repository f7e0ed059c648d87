"""The Launch page: what it says it will queue, what it refuses, and the intent that it writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from db.models import Intent
from db.session import reading
from tests.pages.conftest import OpenPage, text_of
from tests.ui.seed import write_dataset
from vos_core.cuda import Graphics, TorchBuild
from vos_core.home import Home
from vos_core.launch import LaunchPlan
from vos_core.models.registry import MODE_LINES
from vos_core.models.sam2_options import OPTIONS


@pytest.fixture
def dataset(here: Home) -> Path:
    """Two videos, ten frames, in the data folder as `demo`."""
    return write_dataset(here.data / "demo", {"one": 6, "two": 4})


def intents(here: Home) -> list[Intent]:
    with reading(here.database) as session:
        return list(session.query(Intent).order_by(Intent.id))


def choose(test: AppTest, models: list[str], sizes: list[int] | None = None) -> AppTest:
    test.pills(key="launch-models-cpu").set_value([name for name in models if not name.startswith("sam2")])
    test.pills(key="launch-models-sam2").set_value([name for name in models if name.startswith("sam2_")])
    test.run()
    if sizes is not None:
        test.pills(key="launch-sizes").set_value(sizes).run()
    return test


@pytest.mark.parametrize(
    ("models", "sizes", "runs", "videos", "frames"),
    [
        (["static"], None, 1, 2, 10),
        (["static", "flow"], None, 2, 4, 20),
        (["propagation"], [1, 2, 7], 3, 6, 30),
        (["static", "flow", "propagation"], [1, 2, 3, 5, 7], 7, 14, 70),
    ],
)
def test_says_what_it_will_queue(
    dataset: Path, open_page: OpenPage, models: list[str], sizes: list[int] | None, runs: int, videos: int, frames: int
) -> None:
    test = choose(open_page("launch.py"), models, sizes)
    assert not test.exception
    assert [item.value for item in test.metric] == [str(runs), str(videos), str(frames)]


def test_shows_the_equivalent_command(dataset: Path, open_page: OpenPage) -> None:
    test = choose(open_page("launch.py"), ["propagation"], [2, 5])
    assert test.code[0].value == "python -m vos_core run --dataset demo --model propagation --memory_size 2 5"


def test_button_queues_what_was_shown_and_leads_to_runs(here: Home, dataset: Path, open_page: OpenPage) -> None:
    test = choose(open_page("launch.py"), ["static", "propagation"], [1, 3])
    test.multiselect(key="launch-videos").set_value(["two"]).run()
    test.button(key="launch-button").click().run()
    assert not test.exception
    (intent,) = intents(here)
    plan = LaunchPlan.from_payload(intent.payload)
    assert [(run.settings.model, run.settings.memory_size) for run in plan.runs] == [
        ("static", None),
        ("propagation", 1),
        ("propagation", 3),
    ]
    assert all([video.name for video in run.videos] == ["two"] for run in plan.runs)
    assert "Handed to the dispatcher" in text_of(test)
    assert any(element.proto.label == "See the runs" for element in test.get("page_link"))


def break_list(root: Path, text: str) -> None:
    (root / "ImageSets" / "2017" / "val.txt").write_text(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("one\n\ntwo\n", "line 2 is blank"), ("one\nthree\n", "three"), ("", "is empty")],
)
def test_broken_list_is_told_and_nothing_is_queued(
    here: Home, dataset: Path, open_page: OpenPage, text: str, sentence: str
) -> None:
    break_list(dataset, text)
    test = choose(open_page("launch.py"), ["static"])
    assert not test.exception
    assert sentence in test.error[0].value
    assert test.button(key="launch-button").disabled
    assert not intents(here)


def test_every_problem_is_told_at_once(dataset: Path, open_page: OpenPage) -> None:
    (dataset / "Annotations" / "480p" / "one" / "00000.png").unlink()
    (dataset / "Annotations" / "480p" / "two" / "00002.png").unlink()
    test = choose(open_page("launch.py"), ["static"])
    assert "Video one" in test.error[0].value and "Video two" in test.error[0].value


@pytest.mark.parametrize(
    ("models", "sizes", "sentence"),
    [
        (["propagation"], [0], "Memory size 0 is out of range for propagation"),
        (["sam2_hiera_tiny"], [8], "have no trained position code"),
        (["sam2_hiera_tiny"], [7], "sam2\\_hiera\\_tiny.pt"),
        ([], None, "Choose at least one model"),
    ],
)
def test_impossible_cells_are_refused_with_the_reason(
    here: Home, dataset: Path, open_page: OpenPage, models: list[str], sizes: list[int] | None, sentence: str
) -> None:
    test = choose(open_page("launch.py"), models, sizes)
    assert not test.exception
    assert sentence in test.error[0].value
    assert test.button(key="launch-button").disabled
    assert not intents(here)


def test_missing_folder_is_told(here: Home, dataset: Path, open_page: OpenPage) -> None:
    test = open_page("launch.py")
    test.text_input(key="launch-path").set_value("/nowhere/DAVIS").run()
    assert "There is no dataset folder /nowhere/DAVIS" in test.error[0].value
    assert test.button(key="launch-button").disabled


def test_any_folder_in_davis_layout_is_a_dataset(here: Home, tmp_path: Path, open_page: OpenPage) -> None:
    root = write_dataset(tmp_path / "elsewhere", {"a": 5})
    test = open_page("launch.py")
    assert "No dataset yet" in text_of(test)
    test.text_input(key="launch-path").set_value(str(root)).run()
    choose(test, ["static"])
    assert [item.value for item in test.metric] == ["1", "1", "5"]
    assert f"--davis_path {root}" in test.code[0].value


@pytest.fixture
def tiny(here: Home, dataset: Path) -> Home:
    """A file where the weights of SAM 2 tiny belong, and no GPU."""
    here.checkpoints.mkdir(parents=True)
    (here.checkpoints / "sam2_hiera_tiny.pt").touch()
    return here


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Graphics((), None, TorchBuild("2.13.0", "13.0"))
    monkeypatch.setattr("vos_core.launch.graphics", lambda: machine)


def test_sam2_without_a_gpu_wants_a_tick(tiny: Home, open_page: OpenPage) -> None:
    test = choose(open_page("launch.py"), ["sam2_hiera_tiny"], [7])
    told = test.error[0].value
    assert "this machine has no NVIDIA driver" in told and "would take about" in told and "On the CPU" in told
    assert test.button(key="launch-button").disabled
    test.checkbox(key="launch-cpu").check().run()
    assert not test.error and not test.button(key="launch-button").disabled
    assert "--option device=cpu" in test.code[0].value


def test_knobs_and_options_become_a_grid(tiny: Home, open_page: OpenPage) -> None:
    test = choose(open_page("launch.py"), ["sam2_hiera_tiny"], [2, 7])
    test.checkbox(key="launch-cpu").check()
    test.pills(key="launch-memory_temporal_stride_for_eval").set_value([1, 4])
    test.pills(key="launch-max_obj_ptrs_in_encoder").set_value([1, 16])
    test.checkbox(key="launch-option-per_obj_png_file").check()
    test.number_input(key="launch-option-score_thresh").set_value(0.5)
    test.run()
    assert not test.exception and not test.error
    assert test.metric[0].value == "6", "the stride changes nothing at N = 2"
    command = test.code[0].value
    for words in (
        "--memory_temporal_stride 1 4",
        "--max_obj_ptrs 1 16",
        "--option per_obj_png_file=True",
        "--option score_thresh=0.5",
    ):
        assert words in command


def test_one_pointer_on_sam21_is_refused_in_words(here: Home, dataset: Path, open_page: OpenPage) -> None:
    here.checkpoints.mkdir(parents=True)
    (here.checkpoints / "sam2.1_hiera_tiny.pt").touch()
    test = open_page("launch.py")
    test.pills(key="launch-models-sam2.1").set_value(["sam2.1_hiera_tiny"]).run()
    test.checkbox(key="launch-cpu").check()
    test.pills(key="launch-max_obj_ptrs_in_encoder").set_value([1]).run()
    assert "every mask would vanish" in test.error[0].value


def test_every_knob_is_explained_in_a_line(tiny: Home, open_page: OpenPage) -> None:
    test = choose(open_page("launch.py"), ["sam2_hiera_tiny"], [7])
    labels = " ".join(
        element.label for kind in ("checkbox", "pills", "number_input", "text_input") for element in test.get(kind)
    )
    labels += text_of(test)
    ours = set(OPTIONS) - {"device", "image_size", "objects_at_once", "frames_at_once"}
    for name in ours:
        assert OPTIONS[name].line in labels, name
    for mode in MODE_LINES.values():
        assert mode in labels


def test_models_without_sam2_are_not_asked_for_its_options(dataset: Path, open_page: OpenPage) -> None:
    test = choose(open_page("launch.py"), ["propagation"])
    assert not test.checkbox
