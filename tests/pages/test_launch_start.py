"""What the launch form starts from: nothing, a template, a run, an address."""

from __future__ import annotations

from pathlib import Path

import pytest

from db import queries
from tests.pages.conftest import OpenPage, text_of
from tests.pages.launching import choose, command_of, intents, parts
from tests.ui.seed import write_dataset
from ui.launch.templates import relaunch_link
from vos_core.downloads import Progress, Stage
from vos_core.downloads.background import recorded
from vos_core.home import Home
from vos_core.launch import LaunchPlan

pytestmark = pytest.mark.usefixtures("no_gpu")


def test_what_is_chosen_outlives_older_addresses(here: Home, dataset: Path, open_page: OpenPage) -> None:
    test = choose(open_page("launch.py"), ["static", "propagation"], [1, 2, 3, 5, 7])
    before = parts(test)
    for sizes in ([1, 2, 5, 7], [1, 2, 7], [1, 2]):  # each click leaves before the browser hears of the one before it
        test.query_params.clear()
        for name, value in before.items():
            test.query_params[name] = value
        test.pills(key="launch-sizes").set_value(sizes).run()
        assert test.pills(key="launch-sizes").value == sizes
        assert parts(test)["sizes"] == ",".join(map(str, sizes))
    for name, value in before.items():
        test.query_params[name] = value
    test.button(key="launch-button").click().run()
    assert "Handed to the dispatcher" in text_of(test)
    (intent,) = intents(here)
    assert [run.settings.memory_size for run in LaunchPlan.from_payload(intent.payload).runs] == [None, 1, 2]


def test_the_users_ablation_in_one_click(here: Home, dataset: Path, open_page: OpenPage) -> None:
    test = open_page("launch.py", template="users-ablation")
    assert not test.exception
    told = text_of(test)
    assert "32 of 32" in told.replace("\u2009", " ") and "memory mode **naive**" in told
    assert test.pills(key="launch-modes").value == ["naive"]
    assert test.pills(key="launch-sizes").value == list(range(8))
    labels = [button.label for button in test.button if button.label.startswith("Fetch")]
    assert [label.split(" (")[0] for label in labels] == [
        "Fetch davis",
        "Fetch sam2_hiera_base_plus",
        "Fetch sam2_hiera_large",
        "Fetch mose",
    ]
    assert test.button(key="launch-button").disabled
    assert "--dataset DAVIS MOSE" in command_of(test) and "--memory_mode naive" in command_of(test)


def test_without_a_dataset_the_demo_set_is_generated_from_here(
    here: Home, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr("vos_core.downloads.background.start", lambda home, names: started.append(names))
    test = open_page("launch.py")
    assert "No dataset yet" in text_of(test)
    test.button(key="fetch-demo").click().run()
    assert started == [["demo"]]
    with recorded("demo", here) as report:
        report(Progress("demo", Stage.GENERATING, 62, 124))
        test.run()
        (bar,) = test.get("progress")
        assert bar.proto.value == 50 and "generating, 62 of 124 frames" in bar.proto.text
        # The template's refusal has the same bar, once.
        other = open_page("launch.py", template="demo-ablation")
        assert not other.exception and "There is no dataset 'demo'" in text_of(other)
        assert len(other.get("progress")) == 1 and other.button(key="launch-button").disabled
        other.multiselect[0].set_value([]).run()
        assert len(other.get("progress")) == 1, "told above the form where the plan has nothing to say of it"
        other.multiselect[0].set_value(["demo"]).run()
        write_dataset(here.data / "demo", {"one": 6, "two": 4})
    test.run()
    assert "No dataset yet" not in text_of(test)
    assert test.multiselect[0].value == ["demo"], "what came is chosen"
    other.run()
    assert other.button(key="launch-button").label == "Launch 7 runs" and not other.button(key="launch-button").disabled
    test.multiselect[0].set_value([]).run()
    assert test.multiselect[0].value == [], "and can be taken away again"


def test_the_refusal_of_the_demo_ablation_has_the_button(
    here: Home, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr("vos_core.downloads.background.start", lambda home, names: started.append(names))
    write_dataset(here.data / "DAVIS", {"one": 6})
    test = open_page("launch.py", template="demo-ablation")
    assert test.button(key="fetch-demo").label == "Generate the demo dataset"
    test.button(key="fetch-demo").click().run()
    assert started == [["demo"]]


def test_everything_chosen_lives_in_the_address(tiny: Home, open_page: OpenPage) -> None:
    test = choose(open_page("launch.py"), ["propagation", "sam2_hiera_tiny"], [2, 7])
    test.multiselect(key="launch-videos").set_value(["two"])
    test.checkbox(key="launch-cpu").check()
    test.pills(key="launch-modes").set_value(["naive"])
    test.pills(key="launch-memory_temporal_stride_for_eval").set_value([1, 4])
    test.number_input(key="launch-option-score_thresh").set_value(0.5)
    test.text_input(key="launch-option-more").set_value("image_size=512")
    test.text_input(key="launch-name").set_value("mine, and yours")
    test.run()
    assert not test.exception and not test.error
    again = open_page("launch.py", **parts(test))
    assert not again.exception
    assert command_of(again) == command_of(test)
    for words in ("--video two", "--option image_size=512", "--name 'mine, and yours'", "--memory_mode naive"):
        assert words in command_of(again)
    assert parts(again) == parts(test)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("done", "--dataset demo --model propagation --memory_size 7"),
        ("mose", "--dataset mose --model flow"),
    ],
)
def test_a_run_is_launched_again_from_its_settings(
    runs: dict[str, int], open_page: OpenPage, key: str, words: str
) -> None:
    test = open_page("launch.py", like=runs[key])
    assert not test.exception and not test.error
    assert command_of(test) == f"python -m vos_core run {words}"
    assert "like" not in test.query_params
    assert test.button(key="launch-button").label.startswith("Nothing to launch")


def test_links_to_launch_again(here: Home, runs: dict[str, int]) -> None:
    def link_of(key: str) -> str | None:
        run = queries.run_by_id(here.database, runs[key])
        assert run is not None
        return relaunch_link(run)

    assert link_of("failed") == f"launch?like={runs['failed']}"
    assert link_of("agreement") is None, "masks that somebody else made"


@pytest.mark.parametrize("name", ["like", "template"])
def test_an_address_that_leads_nowhere_is_told(dataset: Path, open_page: OpenPage, name: str) -> None:
    test = open_page("launch.py", **{name: "99"})
    assert not test.exception
    assert "There is no" in test.error[0].value
    assert test.metric[0].value == "7"
