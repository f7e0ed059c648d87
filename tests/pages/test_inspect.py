"""The Inspect page: which panes, frames and curves it hands to the player, in every state of a video."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from sqlalchemy import select

from db import queries
from db.models import VideoTask
from db.session import writing
from db.states import TaskKind, TaskState
from tests.pages.conftest import OpenPage, component_data, text_of
from tests.ui.seed import STRANGE, finish
from tests.ui.seed_apart import apart_home
from vos_core.home import Home


def panes(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {pane["key"]: pane for pane in (data["truth"], *data["runs"])}


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
    (run,) = data["runs"]
    assert [curve["object"] for curve in run["curves"]] == [1, 2]
    assert run["curves"][0]["frames"] == list(range(1, 15))  # the first and the last frame are not evaluated
    assert run["curves"][0]["j"] == pytest.approx(list(stored[0].j), abs=1e-5)
    assert all(pane["base"] for pane in panes(data).values())


def test_strange_names_are_quoted_in_addresses(runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("inspection.py", run=runs["done"], video=STRANGE)
    data = component_data(test)
    assert data["video"] == STRANGE
    for base in (data["pictures"]["base"], *(pane["base"] for pane in panes(data).values())):
        assert not set("<>&' ") & set(base)
        assert not base.startswith("/")  # relative: the app may sit under a path prefix


def test_first_frame_annotations_are_said_and_there_are_no_curves(runs: dict[str, int], open_page: OpenPage) -> None:
    data = component_data(open_page("inspection.py", run=runs["mose"]))
    (run,) = data["runs"]
    assert run["curves"] == run["failures"] == []
    assert "annotated on first frames only" in run["curve_note"]
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
    assert data["measures"] == ["agreement J", "agreement F", "agreement"]
    assert (data["against"], data["failuresCalled"]) == (
        "the reference sample_submission, which is not ground truth",
        "Disagreements",
    )
    assert data["runs"][0]["curves"], "and they are drawn"
    shutil.rmtree(here.data / "sample_submission" / "crossing")
    reference = panes(component_data(open_page("inspection.py", run=runs["agreement"], video="crossing")))["reference"]
    assert (reference["base"], reference["note"]) == (None, "No mask in sample_submission.")


def test_leaked_prompts_are_called_so(runs: dict[str, int], open_page: OpenPage) -> None:
    data = component_data(open_page("inspection.py", run=runs["leaked"], video="crossing"))
    assert panes(data)["annotation"]["title"] == "Annotation, given as prompt"
    assert data["measures"] == ["region", "contour", "mean"]
    assert component_data(open_page("inspection.py", run=runs["done"]))["measures"] == ["J", "F", "J&F"]


def test_objects_kept_apart_are_shown(here: Home, open_page: OpenPage) -> None:
    run_id = apart_home(here)
    test = open_page("inspection.py", run=run_id, video="sav_1")
    assert not test.exception
    data = component_data(test)
    annotation, prediction = panes(data)["annotation"], panes(data)["prediction"]
    assert (annotation["frames"], annotation["detail"]) == ([0, 4, 8, 12], "4 of 13 frames")
    assert annotation["base"] and prediction["base"]
    assert data["objects"] == [1, 2]
    assert [(curve["object"], curve["frames"]) for curve in data["runs"][0]["curves"]] == [(1, [4, 8]), (2, [4, 8])]
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
    over = which in ("failed", "cancelled")
    assert prediction["curve_note"].startswith("No scores: this video" if over else "Scores appear when")


@pytest.mark.parametrize("kind", [TaskKind.SCORE, TaskKind.SCORE_DOT])
@pytest.mark.parametrize(
    ("state", "said"),
    [
        (TaskState.QUEUED, "waits to be scored again. These are"),
        (TaskState.RUNNING, "is being scored again. These are"),
        (TaskState.FAILED, "Scoring failed: Its annotation 00003.png is damaged."),
        (TaskState.CANCELLED, "Scoring again was cancelled"),
    ],
)
def test_a_video_that_is_scored_again_is_shown_as_before(
    here: Home, runs: dict[str, int], open_page: OpenPage, kind: TaskKind, state: TaskState, said: str
) -> None:
    score_again(here, runs["done"], kind, state)
    data = component_data(open_page("inspection.py", run=runs["done"], video="crossing"))
    prediction = panes(data)["prediction"]
    assert prediction["base"] and prediction["note"] == ""
    assert said in prediction["curve_note"]
    assert prediction["curves"] and prediction["failures"] and set(data["clips"]) == {"mp4", "gif"}


def test_imported_masks_are_shown_before_they_are_scored(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    score_again(here, runs["queued"], TaskKind.SCORE, TaskState.QUEUED)
    data = component_data(open_page("inspection.py", run=runs["done"], video="crossing", **{"with": runs["queued"]}))
    imported = data["runs"][1]
    assert imported["base"] and imported["curves"] == []
    assert (imported["note"], imported["curve_note"]) == ("", "This video waits to be scored.")


def score_again(home: Home, run_id: int, kind: TaskKind, state: TaskState) -> None:
    """Let scoring be all that is left of a run's videos, in this state."""
    with writing(home.database) as session:
        for task in session.scalars(select(VideoTask).where(VideoTask.run_id == run_id)):
            task.kind, task.state = kind.value, state.value
            task.error = "Its annotation 00003.png is damaged." if state is TaskState.FAILED else None


@pytest.mark.parametrize(("asked", "shown"), [(-3, 0), (999, 23), ("x", 0)])
def test_impossible_frame_is_brought_into_the_video(
    runs: dict[str, int], open_page: OpenPage, asked: object, shown: int
) -> None:
    data = component_data(open_page("inspection.py", run=runs["done"], video="crossing", frame=asked))
    assert data["frame"] == shown


@pytest.mark.parametrize(
    ("asked", "shown"), [("2", [2]), ("1,2", [1, 2]), ("0", [0]), ("9", []), ("x", []), ("2,x,2", [2])]
)
def test_objects_of_the_address(runs: dict[str, int], open_page: OpenPage, asked: str, shown: list[int]) -> None:
    data = component_data(open_page("inspection.py", run=runs["done"], video="crossing", object=asked))
    assert data["shown"] == shown


def test_runs_side_by_side(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    beside = [runs["static"], runs["failed"], runs["running"], runs["agreement"]]
    test = open_page(
        "inspection.py", run=runs["done"], video="drifting", **{"with": ",".join(map(str, beside))}, view="error"
    )
    assert not test.exception
    data = component_data(test)
    main, static, failed, running, agreement = data["runs"]
    assert [run["run"] for run in data["runs"]] == [runs["done"], *beside]
    assert main["title"] == f"#{runs['done']}" and "N = 7" in main["detail"] and "Static" in static["detail"]
    assert main["base"] and static["base"] and main["curves"] and static["curves"]
    assert "this video failed" in failed["note"] and "being worked on" in running["note"]
    assert agreement["base"] and not agreement["curves"] and "agreement with" in agreement["curve_note"]
    assert data["view"] == {"view": "error"}
    offered = {choice["id"] for choice in data["choices"]}
    assert runs["queued"] in offered and not offered & {runs["done"], *beside, runs["mose"]}
    assert all(f"with={runs['static']}," in clip["address"] for clip in data["clips"].values())
    assert {kind: clip["most"] for kind, clip in data["clips"].items()} == {"mp4": 2000, "gif": 400}


def test_a_run_beside_that_lacks_the_video_says_so(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    with writing(here.database) as session:
        task = session.scalar(
            select(VideoTask).where(VideoTask.run_id == runs["static"], VideoTask.video == "drifting")
        )
        session.delete(task)
    data = component_data(open_page("inspection.py", run=runs["done"], video="drifting", **{"with": runs["static"]}))
    assert (data["runs"][1]["base"], data["runs"][1]["note"]) == (None, "This run has no such video.")


def test_runs_that_cannot_stand_beside_are_named(runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("inspection.py", run=runs["done"], **{"with": f"{runs['mose']},999,{runs['done']},x"})
    assert [run["run"] for run in component_data(test)["runs"]] == [runs["done"]]
    text = text_of(test)
    assert f"run #{runs['mose']} is over mose" in text and "there is no run #999" in text


def test_failures_are_those_of_the_database(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    (run,) = component_data(open_page("inspection.py", run=runs["static"], video="crossing"))["runs"]
    stored = [episode for video, episode in queries.failures(here.database, runs["static"]) if video == "crossing"]
    assert stored and [
        (one["object"], one["kind"], one["start"], one["end"], one["worst"]) for one in run["failures"]
    ] == [(one.object_id, one.kind, one.start, one.end, one.worst_frame) for one in stored]
    first = run["failures"][0]
    assert first["picture"].startswith(f"thumbnails/{run['run']}/") and f"/{first['worst']}.jpg" in first["picture"]


def test_another_video_forgets_the_frame(runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("inspection.py", run=runs["done"], video="crossing", frame=20)
    test.selectbox[1].set_value("drifting").run()
    data = component_data(test)
    assert (data["video"], data["frame"]) == ("drifting", 0)
    assert "frame" not in test.query_params


def test_a_run_of_another_dataset_is_shown_from_its_beginning(runs: dict[str, int], open_page: OpenPage) -> None:
    view = {
        "with": runs["flow"],
        "video": "crossing",
        "frame": 20,
        "object": 2,
        "zoom": "2.00,0.5,0.5",
        "view": "error",
    }
    test = open_page("inspection.py", run=runs["done"], **view)
    test.selectbox[0].set_value(str(runs["mose"])).run()
    data = component_data(test)
    assert (data["runs"][0]["run"], data["video"], data["frame"]) == (runs["mose"], "only-first", 0)
    assert not test.warning
    assert set(test.query_params) == {"run", "view"}


def test_a_run_of_the_same_dataset_is_shown_at_the_same_place(
    here: Home, runs: dict[str, int], open_page: OpenPage
) -> None:
    view = {"with": runs["flow"], "video": "crossing", "frame": 20, "zoom": "2.00,0.5,0.5"}
    test = open_page("inspection.py", run=runs["done"], **view)
    test.selectbox[0].set_value(str(runs["static"])).run()
    data = component_data(test)
    assert (data["video"], data["frame"], len(data["runs"])) == ("crossing", 20, 2)
    # Of a run over a part of the dataset's videos, another one is shown, and no address was wrong.
    with writing(here.database) as session:
        where = (VideoTask.run_id == runs["done"], VideoTask.video == "crossing")
        session.delete(session.scalar(select(VideoTask).where(*where)))
    test.selectbox[0].set_value(str(runs["done"])).run()
    assert not test.warning
    assert set(test.query_params) == {"run", "with"}


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
    assert component_data(test)["runs"][0]["curves"]
