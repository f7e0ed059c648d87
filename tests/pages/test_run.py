"""The Run page in every state of a run: scores, errors, and the intents that its buttons write."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from db import ledger, queries
from db.models import FailureEpisode, Intent, Run
from db.session import reading, writing
from db.states import IntentKind
from tests.pages.conftest import OpenPage, table_called, text_of
from tests.ui.seed import UNREADABLE
from ui.theme import plain
from ui.wording import SCORES
from vos_core.analysis.failures import DISAGREEMENT_LINES, KIND_LINES, FailureKind
from vos_core.execution.intents import apply_intents
from vos_core.home import Home


def last_intent(database: Path) -> tuple[str, list[int]]:
    with reading(database) as session:
        intent = session.query(Intent).order_by(Intent.id.desc()).first()
        assert intent is not None
        return intent.kind, intent.payload["runs"]


def test_without_runs_it_says_what_to_do(here: Home, open_page: OpenPage) -> None:
    test = open_page("run.py")
    assert not test.exception
    assert "No runs yet" in text_of(test)


def test_done_run_shows_the_seven_figures_and_the_toolkits_table(
    here: Home, runs: dict[str, int], open_page: OpenPage
) -> None:
    test = open_page("run.py", run=runs["done"])
    assert not test.exception
    run = queries.run_by_id(here.database, runs["done"])
    assert run is not None
    assert [(item.label, item.value) for item in test.metric][:3] == [
        ("J&F-Mean", f"{run.jf_mean:.3f}"),
        ("J-Mean", f"{run.j_mean:.3f}"),
        ("J-Recall", f"{run.j_recall:.3f}"),
    ]
    table = table_called(test, "Scores of each object")
    assert [column["label"] for column in table["columns"]][:3] == ["Sequence", "J-Mean", "F-Mean"]
    rows = queries.object_rows(here.database, run.id)
    assert [(row["id"], row["cells"]["j_mean"]) for row in table["rows"]] == [(r.sequence, r.j_mean) for r in rows]
    assert {"crossing_1", "crossing_2"} <= {row["id"] for row in table["rows"]}


def test_failed_videos_are_named_with_their_sentence(runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("run.py", run=runs["failed"])
    assert not test.metric
    assert "No official scores" in text_of(test)
    (error,) = test.error
    assert error.value.count(plain(UNREADABLE)) == 2
    assert "drifting" in error.value and "<script>" not in error.value


def test_first_frame_annotations_give_no_scores_and_say_so(runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("run.py", run=runs["mose"])
    assert not test.exception
    assert not test.metric
    assert "annotated on first frames only" in text_of(test)


@pytest.mark.parametrize(
    ("which", "button", "intent"),
    [
        ("failed", "retry", IntentKind.RETRY),
        ("cancelled", "resume", IntentKind.RESUME),
        ("running", "cancel", IntentKind.CANCEL),
        ("queued", "cancel", IntentKind.CANCEL),
    ],
)
def test_button_writes_its_intent_once(
    here: Home, runs: dict[str, int], open_page: OpenPage, which: str, button: str, intent: IntentKind
) -> None:
    test = open_page("run.py", run=runs[which])
    test.button(key=button).click().run()
    assert not test.exception
    assert last_intent(here.database) == (intent.value, [runs[which]])
    assert test.button(key=button).disabled


def test_done_run_has_nothing_to_cancel_retry_or_resume(runs: dict[str, int], open_page: OpenPage) -> None:
    keys = {button.key for button in open_page("run.py", run=runs["done"]).button}
    assert not keys & {"cancel", "retry", "resume"}


@pytest.mark.parametrize(
    ("which", "sentence"),
    [
        ("agreement", "Agreement with sample\\_submission, no J&F"),
        ("leaked", "Prompted with its own annotations, no J&F"),
    ],
)
def test_figures_that_are_no_official_score_are_never_called_j_and_f(
    here: Home, runs: dict[str, int], open_page: OpenPage, which: str, sentence: str
) -> None:
    test = open_page("run.py", run=runs[which])
    assert not test.exception
    assert sentence in test.warning[0].value
    run = queries.run_by_id(here.database, runs[which])
    assert run is not None and run.other_scores
    assert test.metric[0].value == f"{run.other_scores['jf_mean']:.3f}"
    labels = [item.label for item in test.metric] + [
        column["label"] for column in table_called(test, "Scores of each object")["columns"]
    ]
    assert not [label for label in labels if label.startswith(("J", "F-"))]
    assert sentence in open_page("inspection.py", run=runs[which]).warning[0].value


@pytest.mark.parametrize(("figure", "outcome"), [(0.8925, "success"), (0.88, "error")])
def test_sam2_run_is_held_against_the_published_figures(
    here: Home, runs: dict[str, int], open_page: OpenPage, figure: float, outcome: str
) -> None:
    with writing(here.database) as session:
        run = session.get_one(Run, runs["done"])
        run.dataset, run.model, run.memory_size, run.memory_mode = "DAVIS", "sam2_hiera_large", 7, "naive"
        run.videos, run.videos_done, run.objects, run.jf_mean = 30, 30, 61, figure
    test = open_page("run.py", run=runs["done"], part="more")
    assert not test.exception
    (box,) = test.get(outcome)
    assert f"{figure:.4f}" in box.value and "0.8938" in box.value
    shown = {row["id"]: row["cells"] for row in table_called(test, "The seven")["rows"]}
    assert list(shown) == [name for name, _ in SCORES]
    assert (shown["jf_mean"]["published"], shown["jf_mean"]["ours"]) == (0.89376, figure)
    assert shown["jf_mean"]["difference"] == f"{figure - 0.89376:+.4f}"


def test_runs_without_published_figures_are_held_against_none(runs: dict[str, int], open_page: OpenPage) -> None:
    assert "Against the published figures" not in [
        item.value for item in open_page("run.py", run=runs["done"], part="more").subheader
    ]


def test_failures_are_listed_worst_first_and_lead_to_their_worst_frame(
    here: Home, runs: dict[str, int], open_page: OpenPage
) -> None:
    test = open_page("run.py", run=runs["static"], part="failures")
    stored = queries.failures(here.database, runs["static"])
    assert len(stored) > 3
    rows = table_called(test, "Failures")["rows"]
    assert [row["cells"]["cost"] for row in rows] == [100 * episode.severity for _, episode in stored]
    assert rows[0]["cells"]["line"] == KIND_LINES[FailureKind(stored[0][1].kind)]
    video, worst = stored[0]
    asked = parse_qs(urlsplit(rows[0]["href"]).query)
    assert asked == {
        "run": [str(runs["static"])],
        "video": [video],
        "object": [str(worst.object_id)],
        "frame": [str(worst.worst_frame)],
    }
    kind = stored[-1][1].kind
    test.pills(key=f"failure-kinds-{runs['static']}").set_value([kind]).run()
    assert {row["cells"]["kind"] for row in table_called(test, "Failures")["rows"]} == {kind}


def test_disagreements_are_no_failures(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("run.py", run=runs["agreement"], part="failures")
    stored = queries.failures(here.database, runs["agreement"])
    assert stored and "Where they disagree" in [item.value for item in test.subheader]
    shown = table_called(test, "Disagreements with sample_submission")
    assert shown["rows"][0]["cells"]["line"] == DISAGREEMENT_LINES[FailureKind(stored[0][1].kind)]
    assert "Agreement there" in [column["label"] for column in shown["columns"]]
    assert "J&F" not in [column["label"] for column in shown["columns"]]


def test_no_failures_says_where_they_were_looked_for(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    with writing(here.database) as session:
        for episode in session.scalars(select(FailureEpisode)).all():
            session.delete(episode)
    assert "No failures found. Looked for in the 3 scored videos of 3." in text_of(
        open_page("run.py", run=runs["done"], part="failures")
    )
    assert "in the 1 scored video of 3" in text_of(open_page("run.py", run=runs["failed"], part="failures"))
    assert "No failures" not in text_of(open_page("run.py", run=runs["mose"], part="failures")), (
        "nothing is scored there"
    )


def test_server_scores_are_kept_apart_and_can_be_removed(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("run.py", run=runs["mose"])
    test.text_input(key="server-name").set_value("MOSE valid")
    test.text_input(key="server-figures").set_value("J&F = 0.712; J=0.671")
    test.button(key="server-keep").click().run()
    assert not test.exception and not test.error
    (kept,) = queries.server_scores(here.database, runs["mose"])
    assert (kept.server, kept.figures) == ("MOSE valid", {"J&F": 0.712, "J": 0.671})
    assert "**MOSE valid** (server)" in text_of(test)
    assert not test.metric
    test.button(key=f"server-remove-{kept.id}").click().run()
    assert not queries.server_scores(here.database, runs["mose"])


@pytest.mark.parametrize(
    ("server", "figures", "sentence"),
    [
        ("", "J = 0.7", "name is empty"),
        ("MOSE", "", "at least one figure"),
        ("MOSE", "J = high", "no figure"),
        ("MOSE", "0.7", "no figure"),
        ("MOSE", "J = 0.7, J = 0.8", "twice"),
        ("MOSE", "J = nan", "out of range"),
        ("MOSE", "J = 2", "a fraction from 0 to 1"),
    ],
)
def test_wrong_server_scores_are_refused_with_a_sentence(
    here: Home, runs: dict[str, int], open_page: OpenPage, server: str, figures: str, sentence: str
) -> None:
    test = open_page("run.py", run=runs["mose"])
    test.text_input(key="server-name").set_value(server)
    test.text_input(key="server-figures").set_value(figures)
    test.button(key="server-keep").click().run()
    assert not test.exception
    assert sentence in test.error[0].value
    assert not queries.server_scores(here.database, runs["mose"])


def test_submission_is_written_and_offered(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("run.py", run=runs["mose"])
    test.button(key="submission-write").click().run()
    assert not test.exception
    assert "1 video, 10 frames, 2 objects" in test.success[0].value
    run = queries.run_by_id(here.database, runs["mose"])
    assert run is not None
    with zipfile.ZipFile(here.outputs / "submissions" / f"{run.name}.zip") as archive:
        assert archive.namelist() == [f"only-first/{index:05d}.png" for index in range(10)]
    assert f"submissions/{run.id}" in str(test.get("link_button")[0].proto)


def test_submission_that_is_not_whole_lists_its_problems(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    run = queries.run_by_id(here.database, runs["mose"])
    assert run is not None
    (here.locate(run.predictions) / "only-first" / "00004.png").unlink()
    test = open_page("run.py", run=runs["mose"])
    test.button(key="submission-write").click().run()
    assert not test.exception
    assert "00004 has no prediction" in test.error[0].value
    assert not test.get("link_button")
    assert not list((here.outputs / "submissions").iterdir())


@pytest.mark.parametrize("wrong", ["999", "x", ""])
def test_unknown_run_in_the_address_shows_the_newest(runs: dict[str, int], open_page: OpenPage, wrong: str) -> None:
    test = open_page("run.py", run=wrong)
    assert not test.exception
    assert test.selectbox[0].value == str(max(runs.values()))


def test_timings_by_stage_are_sums_over_the_videos(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    shown = text_of(open_page("run.py", run=runs["done"], part="background"))
    frames = sum(task.frames for task in queries.tasks(here.database, runs["done"]))
    for stage, seconds in (
        ("Waiting for frames", 0.03 * frames),
        ("Decoding", 0.02 * frames),
        ("Inference", 0.11 * frames),
    ):
        assert f"<dt>{stage}</dt><dd>{seconds:.1f} s</dd>" in shown
    assert "<dt>Loading and warming</dt><dd>1.5 s</dd>" in shown
    assert "<dt>Peak memory of a worker</dt><dd>0.50 GiB</dd>" in shown


def test_a_second_metric_is_asked_for_and_shown(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("run.py", run=runs["done"], part="more")
    test.button(key="score-dot").click().run()
    assert not test.exception
    with writing(here.database) as session:
        (intent,) = ledger.pending_intents(session)
        assert (intent.kind, intent.payload["dot"]) == ("score", True)
        assert [item["id"] for item in intent.payload["runs"]] == [runs["done"]]
        apply_intents(session, here)
        run = session.get_one(Run, runs["done"])
        assert {task.kind for task in run.tasks} == {"score_dot"} and run.state == "queued"
        run.state, run.dot_scores = "done", {"J&F-dot": 0.61, "J-dot": 0.6, "F-dot": 0.62, "J&F-dot-d": None}
    shown = {item.label: item.value for item in open_page("run.py", run=runs["done"], part="more").metric}
    assert (shown["J&F-dot"], shown["J&F-dot-d"]) == ("0.610", "–")
    assert shown["J&F-Mean"] != shown["J&F-dot"]


@pytest.mark.parametrize("which", ["agreement", "leaked", "mose", "running", "failed"])
def test_no_second_metric_where_there_can_be_none(runs: dict[str, int], open_page: OpenPage, which: str) -> None:
    test = open_page("run.py", run=runs[which], part="more")
    assert not test.exception
    assert "score-dot" not in [button.key for button in test.button]


def test_a_run_is_held_against_a_folder(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("run.py", run=runs["mose"])
    masks = here.locate("outputs:demo_pred_pngs/demo_flow")
    for path, sentence in (
        ("", "Give the folder"),
        ("/nowhere", "There is no folder"),
        (str(masks), "has no masks of"),
    ):
        test.text_input(key="agreement-path").set_value(path)
        test.button(key="agreement").click().run()
        assert sentence in test.error[0].value
    assert "agreement with the folder, and no J&F" in text_of(test)
    own = queries.run_by_id(here.database, runs["mose"])
    assert own is not None
    test.text_input(key="agreement-path").set_value(str(here.locate(own.predictions)))
    test.button(key="agreement").click().run()
    assert not test.exception and not test.error
    with writing(here.database) as session:
        apply_intents(session, here)
    newest = queries.runs(here.database)[0]
    assert newest.score_kind == "agreement" and newest.reference == own.predictions


@pytest.mark.parametrize("order", ["", "name"])
def test_bars_are_of_every_scored_video(here: Home, runs: dict[str, int], open_page: OpenPage, order: str) -> None:
    chart = table_called(open_page("run.py", run=runs["done"], order=order), "J and F of each video")
    tasks = {task.video: task for task in queries.tasks(here.database, runs["done"])}
    worst = sorted(tasks, key=lambda video: (tasks[video].j_mean or 0) + (tasks[video].f_mean or 0))
    assert [mark["id"] for mark in chart["marks"]] == (sorted(tasks) if order == "name" else worst)
    for mark in chart["marks"]:
        task = tasks[mark["id"]]
        assert [bar["value"] for bar in mark["bars"]] == [task.j_mean, task.f_mean]
        assert parse_qs(urlsplit(mark["href"]).query) == {"run": [str(runs["done"])], "video": [mark["id"]]}


def test_what_is_scored_so_far_is_called_so_far(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    rows = queries.object_rows(here.database, runs["running"])
    mean = sum(row.jf_mean for row in rows) / len(rows)
    shown = text_of(open_page("run.py", run=runs["running"]))
    assert f"So far, over the objects of 1 of 3 videos: J&F-Mean {mean:.3f}" in shown
    assert "So far" not in text_of(open_page("run.py", run=runs["done"]))


@pytest.mark.parametrize(
    ("kind", "what"), [("official", "annotations"), ("leaked", "annotations"), ("agreement", "masks")]
)
def test_a_finished_run_with_videos_that_cannot_be_scored_says_so(
    here: Home, runs: dict[str, int], open_page: OpenPage, kind: str, what: str
) -> None:
    with writing(here.database) as session:
        run = session.get_one(Run, runs["done"])
        run.score_kind, run.reference = kind, run.predictions if kind == "agreement" else None
        run.tasks[0].j_mean = run.tasks[0].f_mean = None
    shown = text_of(open_page("run.py", run=runs["done"]))
    assert f"Over the objects of 2 of 3 videos: the others have no {what} to be scored against. A bar" in shown
    assert "So far" not in shown


@pytest.mark.parametrize(("video", "shown"), [("drifting", "drifting"), ("", "crossing"), ("no such", "crossing")])
def test_curves_are_of_the_video_in_the_address_else_of_the_worst(
    here: Home, runs: dict[str, int], open_page: OpenPage, video: str, shown: str
) -> None:
    query = {"video": video} if video else {}
    test = open_page("run.py", run=runs["static"], part="time", **query)
    assert not test.exception
    (data,) = [json.loads(item.proto.json) for item in test.get("bidi_component") if "measures" in item.proto.json]
    task = queries.task(here.database, runs["static"], shown)
    assert task is not None
    assert (data["video"], data["frames"], data["measures"]) == (shown, task.frames, ["J", "F"])
    stored = queries.curves(here.database, task.id)
    assert [curve["object"] for curve in data["runs"][0]["curves"]] == [curve.object_id for curve in stored]
    assert data["runs"][0]["curves"][0]["f"] == [round(value, 5) for value in stored[0].f]
    means = dict.fromkeys(stored[0].frames, 0.0)
    for curve in stored:
        for frame, j, f in zip(curve.frames, curve.j, curve.f, strict=True):
            means[frame] += j + f
    assert data["frame"] == min(means, key=lambda frame: (means[frame], frame))


def test_the_log_has_this_runs_lines_and_no_others(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    here.logs.mkdir(parents=True, exist_ok=True)
    one, other = f"run {runs['done']} video crossing: done", f"run {runs['done']}0 video crossing: done"
    (here.logs / "dispatcher.log").write_text(f"{one}\n{other}\n", encoding="utf-8")
    shown = text_of(open_page("run.py", run=runs["done"], part="log"))
    assert one in shown.splitlines() and other not in shown
    assert "has no word of this run" in text_of(open_page("run.py", run=runs["static"], part="log"))


def test_what_is_not_chosen_is_not_drawn(runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("run.py", run=runs["done"], part="videos")
    captions = [json.loads(item.proto.json).get("caption", "") for item in test.get("bidi_component")]
    assert "Videos of this run with their timings" in captions and "Scores of each object" not in captions
    assert not test.get("plotly_chart")
