"""The Run page in every state of a run: scores, errors, and the intents that its buttons write."""

from __future__ import annotations

from pathlib import Path

import pytest

from db import queries
from db.models import Intent
from db.session import reading
from db.states import IntentKind
from tests.pages.conftest import OpenPage, component_data, text_of
from tests.ui.seed import UNREADABLE
from ui.theme import plain
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
    table = component_data(test, 0)
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


def test_done_run_offers_no_button(runs: dict[str, int], open_page: OpenPage) -> None:
    assert not open_page("run.py", run=runs["done"]).button


@pytest.mark.parametrize("wrong", ["999", "x", ""])
def test_unknown_run_in_the_address_shows_the_newest(runs: dict[str, int], open_page: OpenPage, wrong: str) -> None:
    test = open_page("run.py", run=wrong)
    assert not test.exception
    assert test.selectbox[0].value == str(max(runs.values()))
