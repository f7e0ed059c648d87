"""The Data page: what can be fetched, datasets that are here, folders that are checked and added, subsets."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.conftest import OpenPage, component_data, table_called, text_of
from tests.ui.seed import write_dataset
from ui.data.board import FETCH, Wish, demo_row, fetch_row
from vos_core.datasets import Dataset, find_datasets, open_dataset, registration, survey_job
from vos_core.datasets import catalogue as known
from vos_core.datasets.registration import register, registered
from vos_core.datasets.subsets import write_subset
from vos_core.datasets.survey_job import read_survey, recorded_survey, survey_name
from vos_core.downloads import catalogue
from vos_core.downloads.background import DownloadState, Phase
from vos_core.downloads.overview import Row, Standing
from vos_core.errors import InputError
from vos_core.home import Home
from vos_core.places import add_places

ODD = "dävis <b>'odd' set"


def rows(test: AppTest) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for group in component_data(test)["groups"] for row in group["rows"]}


def labels(row: dict[str, Any]) -> list[str]:
    return [action["label"] for action in row["actions"]]


def settled(test: AppTest, home: Home, path: Path) -> AppTest:
    """The page once the check of a folder has ended."""
    deadline = time.monotonic() + 60
    while (told := read_survey(home, survey_name(home, path))) is None or not told.phase.ended:
        assert time.monotonic() < deadline, "the check did not end"
        time.sleep(0.1)
    return test.run()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dataset outside of the home, with a name that wants care."""
    return write_dataset(tmp_path / "elsewhere" / ODD, {"one": 4, "two": 3})


def test_everything_that_can_be_fetched_with_its_size_licence_place_and_state(here: Home, open_page: OpenPage) -> None:
    here.checkpoints.mkdir(parents=True)
    (here.checkpoints / "sam2_hiera_tiny.pt").write_bytes(b"cut off")
    test = open_page("data.py")
    assert not test.exception
    found = rows(test)
    assert set(found) == {"demo", *catalogue()}
    davis = found["davis"]
    assert (davis["size"], davis["licence"], davis["standing"]) == ("833 MB", "CC BY-NC 4.0", "missing")
    assert davis["place"] == str(here.data / "DAVIS")
    assert labels(davis) == ["Fetch"]
    assert "DAVIS-2017-trainval-480p.zip" in str(davis["more"])
    damaged = found["sam2_hiera_tiny"]
    assert (damaged["standing"], damaged["bad"], labels(damaged)) == (
        "damaged",
        True,
        ["Fetch again", "Verify"],
    )
    assert "Move" in damaged["note"] and str(here.checkpoints / "sam2_hiera_tiny.pt") in damaged["note"]


@pytest.mark.parametrize(
    ("standing", "values", "expected"),
    [
        (
            Standing.DOWNLOADING,
            {"done": 100_000_000, "total": 400_000_000, "fraction": 0.25, "bytes_per_second": 2e6, "seconds_left": 150},
            (["Stop"], 0.25, "100 MB of 400 MB · 2 MB/s · 2 min 30 s left"),
        ),
        (Standing.WAITING, {"note": "answered 503; next attempt in 4 s"}, (["Stop"], None, "")),
        (Standing.VERIFYING, {"done": 5, "total": 10, "fraction": 0.5}, (["Stop"], 0.5, "0 kB of 0 kB")),
        (Standing.READY, {}, (["Verify"], None, "")),
        (Standing.PARTIAL, {"advice": "Fetch again."}, (["Fetch again"], None, "")),
        (Standing.FAILED, {"note": "No source answers."}, (["Fetch again"], None, "")),
        (Standing.DAMAGED, {"note": "A file differs.", "verifiable": True}, (["Fetch again", "Verify"], None, "")),
        (Standing.DAMAGED, {"note": "The archive is another."}, (["Fetch again"], None, "")),
    ],
)
def test_a_row_of_the_board(here: Home, standing: Standing, values: dict[str, Any], expected: object) -> None:
    item = catalogue()["davis"]
    row = fetch_row(Row(item, standing, item.destination(here), **values), here)
    assert (labels(row), row["share"], row["figures"]) == expected
    assert row["note"] == " ".join(filter(None, (values.get("note"), values.get("advice"))))


def test_why_a_button_did_nothing_stays_on_the_page(
    here: Home, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(home: Home, names: list[str]) -> None:
        raise InputError(f"There is no room for {names[0]}.")

    wishes: list[Wish] = []
    monkeypatch.setattr("ui.data.fetching.board", lambda *_: wishes.pop() if wishes else None)
    monkeypatch.setattr("vos_core.downloads.background.start", refuse)
    test = open_page("data.py")
    wishes.append(Wish(FETCH, "davis"))
    for _ in range(3):  # it polls
        test.run()
        assert not test.exception
        assert [error.value for error in test.error] == ["There is no room for davis."]


def test_a_button_that_comes_with_a_run_of_the_whole_page_is_heeded(
    here: Home, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    wishes = [Wish(FETCH, "davis")]
    monkeypatch.setattr("ui.data.fetching.board", lambda *_: wishes.pop() if wishes else None)
    monkeypatch.setattr("vos_core.downloads.background.start", lambda home, names: asked.append(names))
    test = open_page("data.py")
    assert not test.exception
    assert asked == [["davis"]]


@pytest.mark.parametrize(
    ("told", "ready", "expected"),
    [
        (None, False, ("missing", ["Generate"])),
        (None, True, ("ready", [])),
        (DownloadState("demo", Phase.GENERATING, 3, 12), False, ("generating", ["Stop"])),
        (DownloadState("demo", Phase.FAILED, note="The disk is full."), False, ("failed", ["Generate again"])),
        (DownloadState("demo", Phase.FAILED, note="The disk is full."), True, ("ready", [])),
    ],
)
def test_the_row_of_the_demo_set(here: Home, told: DownloadState | None, ready: bool, expected: object) -> None:
    row = demo_row(told, ready, here)
    assert (row["standing"], labels(row)) == expected


def test_without_a_dataset_the_page_says_what_to_do(here: Home, open_page: OpenPage) -> None:
    test = open_page("data.py", view="here")
    assert not test.exception
    assert "No dataset yet" in text_of(test)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("", "Give the path"),
        ("/nowhere/at/all", "There is no dataset folder"),
        ("/usr", "is not a DAVIS-layout dataset"),
        (f"/{'x' * 300}", "File name too long"),
        ("~nosuchuser/x", "leads to no folder"),
    ],
)
def test_a_folder_that_is_none_is_told_before_it_is_read(here: Home, open_page: OpenPage, path: str, told: str) -> None:
    test = open_page("data.py", view="here")
    test.text_input(key="add-path").set_value(path)
    test.button(key="add-check").click().run()
    assert [told in error.value.replace("\\", "") for error in test.error] == [True]


def test_a_folder_is_checked_whole_and_then_added(here: Home, folder: Path, open_page: OpenPage) -> None:
    test = open_page("data.py", view="here")
    test.text_input(key="add-path").set_value(str(folder))
    test.button(key="add-check").click().run()
    assert not test.exception and not test.error
    settled(test, here, folder)
    assert "Everything was read, and nothing is wrong." in text_of(test)
    assert not registered(here), "it is shown before it gets a name"
    test.text_input(key="add-name").set_value("odd/or even")
    test.button(key="add-register").click().run()
    assert "odd/or even" in test.error[0].value and not registered(here)
    test.text_input(key="add-name").set_value("odd")
    test.button(key="add-register").click().run()
    assert not test.exception and not test.error
    assert find_datasets(here)["odd"].root == folder


def test_what_is_wrong_is_listed_and_it_may_be_added_all_the_same(
    here: Home, folder: Path, open_page: OpenPage
) -> None:
    annotation = next((folder / "Annotations").rglob("two/00001.png"))
    annotation.write_bytes(annotation.read_bytes()[:40])
    test = open_page("data.py", view="here")
    test.text_input(key="add-path").set_value(str(folder))
    test.button(key="add-check").click().run()
    settled(test, here, folder)
    text = text_of(test)
    assert "1 error: runs over those videos would fail" in text
    assert "two/00001.png" in text
    assert "<b>" not in text.replace("<b style", ""), "the folder's name is shown, not obeyed"
    assert test.button(key="add-register").label == "Add it anyway"


def test_a_dataset_in_full_with_its_check_and_its_subsets(here: Home, folder: Path, open_page: OpenPage) -> None:
    write_dataset(here.data / "near", {"one": 3})
    dataset = register(here, folder, "odd")
    recorded_survey(here, folder)
    write_subset(here, dataset, "short", ["two"])
    test = open_page("data.py", view="here", dataset="odd")
    assert not test.exception
    listed = {row["id"]: row["cells"] for row in table_called(test, "Datasets that are here")["rows"]}
    assert (listed["odd"]["checked"], listed["near"]["checked"]) == ("nothing is wrong", "not yet")
    assert listed["odd"]["splits"] == "val (2), short (1)"
    text = text_of(test)
    assert "2 videos, 7 frames" in text and "short" in text

    test.text_input(key="subset-name").set_value("val")
    test.multiselect(key="subset-videos").set_value(["one"])
    test.button(key="subset-save").click().run()
    assert "is a split of dataset odd itself" in test.error[0].value.replace("\\", "")
    test.text_input(key="subset-name").set_value("hard")
    test.text_area(key="subset-list").set_value("two\n\n")
    test.button(key="subset-save").click().run()
    assert not test.error
    assert find_datasets(here)["odd"].video_names("hard") == ("one", "two")
    test.button(key="subset-remove-hard").click().run()
    assert "hard" not in find_datasets(here)["odd"].splits

    test.button(key="forget-odd").click().run()
    assert not test.exception
    assert "odd" not in find_datasets(here) and folder.is_dir()


def test_a_registered_folder_that_is_away_can_be_forgotten(here: Home, folder: Path, open_page: OpenPage) -> None:
    register(here, folder, "odd")
    folder.rename(folder.with_name("moved"))
    test = open_page("data.py", view="here")
    assert "is not there now" in text_of(test)
    test.button(key="forget-odd").click().run()
    assert not registered(here)


def test_a_path_in_the_address_that_leads_nowhere_is_a_sentence(here: Home, open_page: OpenPage) -> None:
    test = open_page("data.py", view="here", add="~nosuchuser/x")
    assert not test.exception
    assert "leads to no folder" in test.error[0].value.replace("\\", "")


@pytest.mark.parametrize("page", ["data.py", "launch.py", "results.py", "importing.py"])
def test_folders_that_cannot_be_looked_at_stop_no_page(here: Home, open_page: OpenPage, page: str) -> None:
    """To look at a name of 300 letters fails for everybody, as at a folder of root's or a stale mount."""
    write_dataset(here.data / "near", {"one": 3})
    (here.data / "odd").symlink_to("x" * 300)
    add_places(here, {"far": Path("/", "x" * 300)}, [])
    test = open_page(page, **({"view": "here"} if page == "data.py" else {}))
    assert not test.exception
    if page == "data.py":
        assert "cannot be read" in text_of(test)
        test.button(key="forget-far").click().run()
        assert not registered(here)


def test_forget_is_where_it_forgets_what_is_shown(here: Home, folder: Path, open_page: OpenPage) -> None:
    register(here, folder, "MOSE")
    near = write_dataset(here.data / "MOSE", {"near": 3})
    test = open_page("data.py", view="here", dataset="MOSE@data")
    listed = {row["id"]: row["cells"]["place"] for row in table_called(test, "Datasets that are here")["rows"]}
    assert listed == {"MOSE": str(folder), "MOSE@data": str(near)}
    assert not [button for button in test.button if str(button.key).startswith("forget-")]
    test = open_page("data.py", view="here", dataset="MOSE")
    test.button(key="forget-MOSE").click().run()
    assert {name: one.root for name, one in find_datasets(here).items()} == {"MOSE": near}


def test_a_rerun_opens_each_dataset_a_few_times(
    here: Home, folder: Path, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        recorded_survey(here, write_dataset(here.data / f"d{number}", {"one": 1}))
    register(here, folder, "odd")
    recorded_survey(here, folder)
    opened: list[Path | str] = []

    def counting(root: Path | str, name: str | None = None) -> Dataset:
        opened.append(root)
        return open_dataset(root, name)

    for module in (known, registration, survey_job):
        monkeypatch.setattr(module, "open_dataset", counting)
    test = open_page("data.py", view="here", dataset="d0", add=folder)
    assert not test.exception and "It is here as odd" in text_of(test)
    opened.clear()
    test.run()
    times = {Path(root).name: len([one for one in opened if Path(one) == Path(root)]) for root in opened}
    # Found, and held against its survey; the chosen one's survey stands below too; so does that of the one that was
    # added, which is opened also as a registered one.
    assert times == {"d0": 3, **{f"d{number}": 2 for number in range(1, 8)}, folder.name: 4}
