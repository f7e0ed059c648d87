"""`label`: what a person calls a run, from the command line."""

from __future__ import annotations

import json

import pytest

from db import queries
from tests.clips import write_dataset
from tests.ui.seed import launch
from vos_core.cli import main
from vos_core.home import Home
from vos_core.runs import Grid


@pytest.fixture
def runs(home: Home, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    write_dataset(home.data / "DAVIS", {"a": 4})
    return launch(home, Grid((("DAVIS", home.store(home.data / "DAVIS"), "val"),), ("static", "flow")))


def test_label_writes_and_tells(home: Home, runs: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    words = ["label", str(runs[0]), "--title", "<b>baseline</b> ü", "--tag", "a b", "--tag", "c", "--notes", "n"]
    assert main([*words, "--json"]) == 0
    told = {"run": runs[0], "title": "<b>baseline</b> ü", "notes": "n", "tags": ["a b", "c"], "archived": False}
    assert json.loads(capsys.readouterr().out) == [told]
    assert main(["label", "<b>baseline</b> ü", "DAVIS_flow", "--untag", "c", "--archive"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"#{runs[0]} <b>baseline</b> ü [a b] (archived)",
        f"#{runs[1]} DAVIS_flow (archived)",
    ]
    assert main(["label", str(runs[1]), "--unarchive"]) == 0
    assert [run.archived for run in queries.runs(home.database)] == [False, True]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "Say what to change"),
        (["--tag", ""], "A tag is empty"),
        (["DAVIS_flow", "--title", "both"], "A title is one run's"),
        (["99", "--archive"], "There is no run '99'"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(
    runs: list[int], capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    assert main(["label", "DAVIS_static", *words]) == 2
    assert sentence in capsys.readouterr().err
