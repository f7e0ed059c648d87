"""`failures --other`: what another run fixes and breaks, as text and as JSON."""

from __future__ import annotations

import json

import pytest

from db.episodes import paired_episodes
from tests.ui.seed import finish, launch, write_dataset
from vos_core.analysis.fixes import fixed
from vos_core.cli import main
from vos_core.home import Home
from vos_core.runs import Grid


@pytest.fixture
def ids(home: Home, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    write_dataset(home.data / "demo", {"one": 12})
    write_dataset(home.data / "other", {"one": 6})
    ids = launch(home, Grid((("demo", home.store(home.data / "demo"), "val"),), ("static", "flow")))
    ids += launch(home, Grid((("other", home.store(home.data / "other"), "val"),), ("static", "flow")))
    for run_id, drift in zip(ids[:3], (24, 1, 4), strict=True):
        finish(home, run_id, drift=drift)
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    return ids


def test_what_another_run_fixes(home: Home, ids: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    expected = fixed(paired_episodes(home.database, ids[0], ids[1]))
    assert expected
    assert main(["failures", str(ids[0]), "--other", str(ids[1])]) == 0
    out = capsys.readouterr().out
    assert f"{len(expected)} fixed by demo_flow:" in out and "0 broken by demo_flow:" in out
    assert f"{expected[0].here:.3f}  {expected[0].there:.3f}" in out
    assert main(["failures", str(ids[1]), "--other", str(ids[0])]) == 0
    out = capsys.readouterr().out
    assert "0 fixed by demo_static:" in out and f"{len(expected)} broken by demo_static:" in out
    assert f"{expected[0].there:.3f}  {expected[0].here:.3f}" in out, "the first run's mean comes first"


def test_as_json(home: Home, ids: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    expected = fixed(paired_episodes(home.database, ids[0], ids[1]))
    assert main(["failures", str(ids[0]), "--other", str(ids[1]), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["broken"] == []
    assert [(row["video"], row["start"], row["other_mean"]) for row in told["fixed"]] == [
        (episode.video, episode.start, episode.there) for episode in expected
    ]
    assert main(["failures", str(ids[0]), "--other", str(ids[1]), "--json", "--kind", "ghost"]) == 0
    assert json.loads(capsys.readouterr().out) == {"fixed": [], "broken": []}


@pytest.mark.parametrize(("other", "said"), [(2, "not scored against the same"), (3, "has no scores (queued)")])
def test_runs_that_cannot_be_held_against_each_other(
    ids: list[int], other: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["failures", str(ids[0]), "--other", str(ids[other])]) == 2
    assert said in capsys.readouterr().err
