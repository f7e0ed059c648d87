"""The Launch page: what it says it will queue, what it refuses, and the intent that it writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pages.conftest import OpenPage, table_called, text_of
from tests.pages.launching import choose, command_of, intents, parts
from tests.ui.seed import write_dataset
from vos_core.datasets import find_datasets, open_dataset
from vos_core.datasets.subsets import write_subset
from vos_core.downloads import DownloadError, Progress, Stage
from vos_core.downloads.background import recorded
from vos_core.home import Home
from vos_core.launch import LaunchPlan
from vos_core.models.registry import MODE_LINES
from vos_core.models.sam2_options import OPTIONS

pytestmark = pytest.mark.usefixtures("no_gpu")


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
    assert [item.value for item in test.metric][:3] == [str(runs), str(videos), str(frames)]


def test_shows_the_equivalent_command(dataset: Path, open_page: OpenPage) -> None:
    test = choose(open_page("launch.py"), ["propagation"], [2, 5])
    assert command_of(test) == "python -m vos_core run --dataset demo --model propagation --memory_size 2 5"


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
    assert any(element.proto.label == "See the results" for element in test.get("page_link"))


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
    assert sentence in text_of(test)
    assert test.button(key="launch-button").disabled
    assert not intents(here)


def test_every_problem_is_told_at_once(dataset: Path, open_page: OpenPage) -> None:
    (dataset / "Annotations" / "480p" / "one" / "00000.png").unlink()
    (dataset / "Annotations" / "480p" / "two" / "00002.png").unlink()
    test = choose(open_page("launch.py"), ["static"])
    assert "Video one" in text_of(test) and "Video two" in text_of(test)


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
    assert sentence in text_of(test)
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
    assert [item.value for item in test.metric][:3] == ["1", "1", "5"]
    assert f"--davis_path {root}" in command_of(test)


def test_a_split_beside_the_datasets_own_is_chosen_and_launched(here: Home, dataset: Path, open_page: OpenPage) -> None:
    write_subset(here, open_dataset(dataset), "short", find_datasets(here)[dataset.name].video_names()[:1])
    test = choose(open_page("launch.py"), ["static"])
    test.selectbox(key=f"launch-split-{dataset.name}").set_value("short").run()
    assert not test.exception and not test.error
    test.button(key="launch-button").click().run()
    (intent,) = intents(here)
    (run,) = LaunchPlan.from_payload(intent.payload).runs
    assert run.settings.split == "short" and len(run.videos) == 1


def with_splits(root: Path, video: str) -> Path:
    """A dataset with a train split beside val."""
    write_dataset(root, {video: 4, f"{video}2": 4})
    (root / "ImageSets" / "2017" / "train.txt").write_text(f"{video}\n")
    return root


def test_the_folder_of_a_chosen_dataset_is_no_other_one(here: Home, open_page: OpenPage) -> None:
    root = with_splits(here.data / "DAVIS", "a")
    test = choose(open_page("launch.py", datasets="DAVIS", path=str(root), models="static"), ["static"])
    assert not test.exception
    assert [box.label for box in test.selectbox if box.label.startswith("Split")] == ["Split of DAVIS"]
    assert [item.value for item in test.metric][:2] == ["1", "2"]
    assert "That folder is DAVIS, which is chosen above." in text_of(test)


def test_two_folders_of_one_name_have_a_split_each(here: Home, tmp_path: Path, open_page: OpenPage) -> None:
    with_splits(here.data / "DAVIS", "a")
    other = with_splits(tmp_path / "other=1" / "DAVIS", "b")
    test = choose(open_page("launch.py", datasets="DAVIS", path=str(other), models="static"), ["static"])
    assert not test.exception
    test.selectbox(key=f"launch-split-{other}").set_value("train").run()
    again = open_page("launch.py", **parts(test))
    for page in (test, again):
        assert not page.exception
        chosen = [page.selectbox(key=f"launch-split-{label}").value for label in ("DAVIS", other)]
        assert chosen == ["val", "train"]
    again.button(key="launch-button").click().run()
    (intent,) = intents(here)
    runs = LaunchPlan.from_payload(intent.payload).runs
    assert [(run.settings.dataset_path, run.settings.split) for run in runs] == [
        ("data:DAVIS", "val"),
        (here.store(other), "train"),
    ]


def test_the_answer_to_a_launch_goes_with_the_form_that_asked(dataset: Path, open_page: OpenPage) -> None:
    test = choose(open_page("launch.py"), ["static"])
    test.button(key="launch-button").click().run()
    assert "Handed to the dispatcher" in text_of(test)
    assert "Handed to the dispatcher" in text_of(test.run())
    choose(test, ["flow"])
    assert "Handed to the dispatcher" not in text_of(test)
    choose(test, ["static"])
    assert "Handed to the dispatcher" not in text_of(test)


def test_the_answer_to_a_launch_goes_with_another_address(
    dataset: Path, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = choose(open_page("launch.py"), ["static"])
    test.button(key="launch-button").click().run()
    assert "Handed to the dispatcher" in text_of(test)
    monkeypatch.setattr("ui.launch.address.navigated", lambda: True)  # by a link, which AppTest has no way to follow
    assert "Handed to the dispatcher" in text_of(test.run())
    test.query_params["opened"] = "anew"  # an address that the form did not write
    assert "Handed to the dispatcher" not in text_of(test.run())


def test_sam2_without_a_gpu_wants_a_tick(tiny: Home, open_page: OpenPage) -> None:
    test = choose(open_page("launch.py"), ["sam2_hiera_tiny"], [7])
    told = text_of(test)
    assert "this machine has no NVIDIA driver" in told and "would take about" in told and "On the CPU" in told
    assert test.button(key="launch-button").disabled
    test.checkbox(key="launch-cpu").check().run()
    assert not test.error and not test.button(key="launch-button").disabled
    assert "--option device=cpu" in command_of(test)


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
    command = command_of(test)
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
    assert "every mask would vanish" in text_of(test)


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


def test_refused_cells_are_told_and_the_rest_is_launched(here: Home, dataset: Path, open_page: OpenPage) -> None:
    test = choose(open_page("launch.py"), ["static", "propagation", "sam2_hiera_tiny"], [0, 2, 8])
    assert not test.exception
    told = text_of(test)
    assert "**4 of 7 runs cannot be launched.**" in told.replace("\u2009", " ")
    for sentence in ("Memory size 0 is out of range for propagation", "no trained position code", "hiera\\_tiny.pt"):
        assert sentence in told
    button = test.button(key="launch-button")
    assert button.label == "Launch the 3 others" and not button.disabled
    assert command_of(test).endswith("--skip_refused")
    button.click().run()
    (intent,) = intents(here)
    labels = [run.settings.label for run in LaunchPlan.from_payload(intent.payload).runs]
    assert labels == ["static", "propagation N=2", "propagation N=8"]


def test_a_fetch_is_started_and_its_state_is_seen(
    here: Home, dataset: Path, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr("vos_core.downloads.background.start", lambda home, names: started.append(names))
    test = choose(open_page("launch.py"), ["sam2_hiera_tiny"], [7])
    test.button(key="fetch-sam2_hiera_tiny").click().run()
    assert started == [["sam2_hiera_tiny"]]
    with recorded("sam2_hiera_tiny", here) as report:
        report(Progress("sam2_hiera_tiny", Stage.DOWNLOADING, 62_000_000, 156_000_000))
        test.run()
        (bar,) = test.get("progress")
        assert bar.proto.value == 39 and "downloading, 62 MB of 156 MB" in bar.proto.text
    with pytest.raises(DownloadError), recorded("sam2_hiera_tiny", here):
        raise DownloadError("Every source failed.")
    test.run()
    assert "Every source failed." in text_of(test)
    assert test.button(key="fetch-sam2_hiera_tiny").label.startswith("Fetch again")


def test_what_is_here_already_is_told_a_row(runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("launch.py", datasets="demo", models="propagation", sizes="4,5,6,8,9,12")
    assert not test.exception
    rows = {row["cells"]["run"]: row for row in table_called(test, "The runs of this launch")["rows"]}
    assert {name: row["cells"]["standing"] for name, row in rows.items()} == {
        "propagation N=4": f"resumed (#{runs['failed']})",
        "propagation N=5": f"done (#{runs['done'] - 1})",
        "propagation N=6": f"resumed (#{runs['cancelled']})",
        "propagation N=8": f"under way (#{runs['running']})",
        "propagation N=9": f"under way (#{runs['queued']})",
        "propagation N=12": "new",
    }
    assert rows["propagation N=4"]["href"] == f"run?run={runs['failed']}"
    assert test.button(key="launch-button").label == "Launch 3 runs"
    assert "No past run of Propagation here" in text_of(test), "the seeded videos were done on another processor"


def test_models_without_sam2_are_not_asked_for_its_options(dataset: Path, open_page: OpenPage) -> None:
    test = choose(open_page("launch.py"), ["propagation"])
    assert not test.checkbox
