"""Title, notes, tags and archive of runs: all runs or none, one sentence when it cannot be; and what Results reads."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from db import queries
from db.labels import LONGEST_TAG, LONGEST_TITLE, label_runs
from db.leaderboard import archived_count, board_runs
from db.models import Run
from db.session import writing
from tests.clips import write_dataset
from tests.db.test_queries import statements
from tests.ui.seed import launch
from vos_core.errors import InputError
from vos_core.home import Home
from vos_core.runs import Grid

STRANGE = "<script>alert(\"1\")</script> 'ü' 猫"


@pytest.fixture
def runs(home: Home) -> list[int]:
    write_dataset(home.data / "DAVIS", {"a": 4})
    return launch(home, Grid((("DAVIS", home.store(home.data / "DAVIS"), "val"),), ("static", "flow")))


def labels(home: Home, run_id: int) -> tuple[str | None, str, list[str], bool]:
    run = queries.run_by_id(home.database, run_id)
    assert run is not None
    return run.title, run.notes, run.tags, run.archived


def test_labels_are_kept_and_parts_not_named_stay(home: Home, runs: list[int]) -> None:
    first, second = runs
    label_runs(home.database, [first], title=f" {STRANGE} ", notes="seen\ntwice", add_tags=["good", " paper "])
    assert labels(home, first) == (STRANGE, "seen\ntwice", ["good", "paper"], False)
    label_runs(home.database, runs, add_tags=["paper", "x"], remove_tags=["good"], archived=True)
    assert labels(home, first) == (STRANGE, "seen\ntwice", ["paper", "x"], True)
    assert labels(home, second) == (None, "", ["paper", "x"], True)
    label_runs(home.database, runs, title="", archived=False)
    assert labels(home, first) == (None, "seen\ntwice", ["paper", "x"], False)


@pytest.mark.parametrize(
    ("who", "change", "sentence"),
    [
        ((0, 9), {"add_tags": ["x"]}, r"There is no run 9: it may have been deleted\. Nothing was changed\."),
        ((0, 1), {"title": "both"}, "A title is one run's"),
        ((0,), {"title": "t" * (LONGEST_TITLE + 1)}, f"at most {LONGEST_TITLE} characters"),
        ((0,), {"title": "two\nlines"}, "one line of text"),
        ((0,), {"add_tags": ["  "]}, "A tag is empty"),
        ((0,), {"add_tags": ["t" * (LONGEST_TAG + 1)]}, f"at most {LONGEST_TAG} characters"),
    ],
)
def test_what_cannot_be_changes_nothing(
    home: Home, runs: list[int], who: tuple[int, ...], change: dict[str, Any], sentence: str
) -> None:
    ids = [runs[index] if index < len(runs) else index for index in who]
    with pytest.raises(InputError, match=sentence):
        label_runs(home.database, ids, notes="written?", **change)
    assert [labels(home, run_id) for run_id in runs] == [(None, "", [], False)] * 2


def test_tags_of_many_writers_are_all_kept(home: Home, runs: list[int]) -> None:
    writers = [
        threading.Thread(target=label_runs, args=(home.database, runs), kwargs={"add_tags": [f"t{number}"]})
        for number in range(8)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert set(labels(home, runs[0])[2]) == {f"t{number}" for number in range(8)}


def test_the_board_lists_what_is_not_put_away_with_the_parts_of_provenance_that_it_tells(
    home: Home, runs: list[int]
) -> None:
    first, second = runs
    with writing(home.database) as session:
        session.get_one(Run, first).provenance = {"gpus": {"0": "H100"}, "packages": {"torch": "2"}, "options": {}}
    label_runs(home.database, [second], archived=True)
    sent = statements(home.database)
    (row,) = board_runs(home.database)
    assert len(sent) == 1 and "json_extract(run.provenance" in sent[0] and sent[0].count("run.provenance") == 1
    assert (row.id, row.provenance, row.model) == (first, {"gpus": {"0": "H100"}}, "static")
    assert [row.id for row in board_runs(home.database, archived=True)] == [second, first]
    assert archived_count(home.database) == 1
    assert board_runs(home.database, ablation_id=99) == []
