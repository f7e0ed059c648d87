"""The Inspect page: which panes, frames and curves it hands to the player, in every state of a video."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from db import queries
from tests.pages.conftest import OpenPage, component_data, text_of
from tests.ui.seed import STRANGE, finish
from tests.ui.seed_apart import apart_home
from vos_core.home import Home


def panes(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {pane["key"]: pane for pane in data["panes"]}


def test_without_runs_it_says_what_to_do(here: Home, open_page: OpenPage) -> None:
    test = open_page("inspection.py")
    assert not test.exception
    assert "Nothing to look at yet" in text_of(test)


def test_deep_link_opens_run_video_and_frame(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("inspection.py", run=runs["done"], video="drifting", frame=9)
    assert not test.exception
    data = component_data(test)
    assert (data["video"], data["frame"], len(data["stems"])) == ("drifting", 9, 16)
    task = queries.task(here.database, runs["done"], "drifting")
    assert task is not None
    stored = queries.curves(here.database, task.id)
    assert [curve["object"] for curve in data["curves"]] == [1, 2]
    assert data["curves"][0]["frames"] == list(range(1, 15))  # the first and the last frame are not evaluated
    assert data["curves"][0]["j"] == list(stored[0].j)
    assert all(pane["base"] for pane in data["panes"])


def test_strange_names_are_quoted_in_addresses(runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("inspection.py", run=runs["done"], video=STRANGE)
    data = component_data(test)
    assert data["video"] == STRANGE
    for base in (data["pictures"]["base"], *(pane["base"] for pane in data["panes"])):
        assert not set("<>&' ") & set(base)
        assert not base.startswith("/")  # relative: the app may sit under a path prefix


def test_first_frame_annotations_are_said_and_there_are_no_curves(runs: dict[str, int], open_page: OpenPage) -> None:
    data = component_data(open_page("inspection.py", run=runs["mose"]))
    assert data["curves"] == []
    assert "annotated on first frames only" in data["scoreNote"]
    annotation = panes(data)["annotation"]
    assert annotation["frames"] == [0]
    assert annotation["missing"] == "No annotation of this frame."


def test_agreement_shows_what_the_run_is_held_against(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("inspection.py", run=runs["agreement"], video="crossing")
    data = component_data(test)
    assert set(panes(data)) == {"reference", "prediction"}, "the dataset's annotations explain none of its figures"
    reference = panes(data)["reference"]
    assert reference["title"] == "Reference: sample_submission, not ground truth"
    assert reference["base"].startswith(f"references/{runs['agreement']}/") and reference["frames"] is None
    assert data["measures"] == ["agreement J", "agreement F"]
    assert data["curves"], "and they are drawn"
    shutil.rmtree(here.data / "sample_submission" / "crossing")
    reference = panes(component_data(open_page("inspection.py", run=runs["agreement"], video="crossing")))["reference"]
    assert (reference["base"], reference["note"]) == (None, "No mask in sample_submission.")


def test_leaked_prompts_are_called_so(runs: dict[str, int], open_page: OpenPage) -> None:
    data = component_data(open_page("inspection.py", run=runs["leaked"], video="crossing"))
    assert panes(data)["annotation"]["title"] == "Annotation, given as prompt"
    assert data["measures"] == ["region", "contour"]
    assert component_data(open_page("inspection.py", run=runs["done"]))["measures"] == ["J", "F"]


def test_objects_kept_apart_are_shown(here: Home, open_page: OpenPage) -> None:
    run_id = apart_home(here)
    test = open_page("inspection.py", run=run_id, video="sav_1")
    assert not test.exception
    data = component_data(test)
    annotation, prediction = panes(data)["annotation"], panes(data)["prediction"]
    assert (annotation["frames"], annotation["detail"]) == ([0, 4, 8, 12], "4 of 13 frames")
    assert annotation["base"] and prediction["base"]
    assert data["objects"] == [1, 2]
    assert [(curve["object"], curve["frames"]) for curve in data["curves"]] == [(1, [4, 8]), (2, [4, 8])]
    text = text_of(test)
    assert "one folder an object: annotations and prediction" in text and "the picture then shows the lowest" in text
    assert "000: that is object 1 here" in text


def test_label_maps_need_no_word_on_overlaps(runs: dict[str, int], open_page: OpenPage) -> None:
    assert "overlap" not in text_of(open_page("inspection.py", run=runs["done"]))


@pytest.mark.parametrize(
    ("which", "video", "note"),
    [
        ("queued", "crossing", "waits in the queue"),
        ("running", "drifting", "being worked on"),
        ("failed", "drifting", "this video failed"),
        ("cancelled", "crossing", "was cancelled"),
    ],
)
def test_unfinished_video_shows_frames_and_says_why_there_is_no_prediction(
    runs: dict[str, int], open_page: OpenPage, which: str, video: str, note: str
) -> None:
    data = component_data(open_page("inspection.py", run=runs[which], video=video))
    prediction = panes(data)["prediction"]
    assert prediction["base"] is None
    assert note in prediction["note"]


@pytest.mark.parametrize(("asked", "shown"), [(-3, 0), (999, 23), ("x", 0)])
def test_impossible_frame_is_brought_into_the_video(
    runs: dict[str, int], open_page: OpenPage, asked: object, shown: int
) -> None:
    data = component_data(open_page("inspection.py", run=runs["done"], video="crossing", frame=asked))
    assert data["frame"] == shown


def test_only_one_object(runs: dict[str, int], open_page: OpenPage) -> None:
    assert component_data(open_page("inspection.py", run=runs["done"], video="crossing", object=2))["object"] == 2
    assert component_data(open_page("inspection.py", run=runs["done"], video="crossing", object=9))["object"] is None


def test_another_video_forgets_the_frame(runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("inspection.py", run=runs["done"], video="crossing", frame=20)
    test.selectbox[1].set_value("drifting").run()
    data = component_data(test)
    assert (data["video"], data["frame"]) == ("drifting", 0)
    assert "frame" not in test.query_params


def test_vanished_dataset_is_a_sentence(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    shutil.rmtree(here.data / "demo")
    test = open_page("inspection.py", run=runs["done"])
    assert not test.exception
    assert "There is no dataset folder" in test.error[0].value


def test_page_follows_when_the_video_gets_done(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("inspection.py", run=runs["queued"], video="crossing")
    assert panes(component_data(test))["prediction"]["base"] is None
    finish(here, runs["queued"], drift=3, videos=1)
    test.run()
    assert panes(component_data(test))["prediction"]["base"]
    assert component_data(test)["curves"]
