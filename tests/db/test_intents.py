"""What a person may write: scores that a challenge server gave, kept apart from our own."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from db import queries
from db.intents import add_server_score, remove_server_score
from tests.clips import write_dataset
from tests.ui.seed import launch
from vos_core.errors import InputError
from vos_core.home import Home
from vos_core.runs import Grid


@pytest.fixture
def run_id(home: Home) -> int:
    write_dataset(home.data / "MOSE", {"a": 4}, annotated=1)
    return launch(home, Grid((("MOSE", home.store(home.data / "MOSE"), "val"),), ("static",)))[0]


def test_a_server_score_is_kept_listed_and_removed(home: Home, run_id: int) -> None:
    first = add_server_score(home.database, run_id, " CodaLab ", {"J&F": 0.712, "J": 0.68}, "second try")
    add_server_score(home.database, run_id, "other", {"J&F": 0.7})
    scores = queries.server_scores(home.database, run_id)
    assert [(row.server, row.figures, row.notes) for row in scores] == [
        ("CodaLab", {"J&F": 0.712, "J": 0.68}, "second try"),
        ("other", {"J&F": 0.7}, ""),
    ]
    run = queries.run_by_id(home.database, run_id)
    assert run is not None and run.jf_mean is None and run.other_scores is None, "never mixed with our own"
    remove_server_score(home.database, first)
    assert [row.server for row in queries.server_scores(home.database, run_id)] == ["other"]
    assert queries.server_scores(home.database, run_id + 1) == []


@pytest.mark.parametrize(
    ("write", "sentence"),
    [
        (lambda db, run: add_server_score(db, run + 1, "CodaLab", {"J&F": 0.7}), "There is no run"),
        (lambda db, run: add_server_score(db, run, "  ", {"J&F": 0.7}), "Say which server"),
        (lambda db, run: add_server_score(db, run, "CodaLab", {}), "Give at least one figure"),
        (lambda db, run: add_server_score(db, run, "CodaLab", {" ": 0.7}), "has no name"),
        (lambda db, run: add_server_score(db, run, "CodaLab", {"J&F": math.nan}), "The figure J&F of CodaLab is nan"),
        (lambda db, run: add_server_score(db, run, "CodaLab", {"J&F": math.inf}), "The figure J&F of CodaLab is inf"),
        (lambda db, run: remove_server_score(db, 99), "There is no server score 99"),
    ],
)
def test_bad_input_is_refused(home: Home, run_id: int, write: Callable[..., object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        write(home.database, run_id)
    assert queries.server_scores(home.database, run_id) == []
