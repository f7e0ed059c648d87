"""What a comparison reads: the same rows as run by run, and means of frames as their scores give them."""

from __future__ import annotations

import pytest

from db import queries
from db.comparisons import frame_means
from tests.ui.seed import full_home
from vos_core.home import Home


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, dict[str, int]]:
    home = Home.from_environment({}, cwd=tmp_path_factory.mktemp("seeded") / "home")
    return home, full_home(home)


def test_rows_of_several_runs_are_those_of_each(seeded: tuple[Home, dict[str, int]]) -> None:
    home, runs = seeded
    ids = [runs["done"], runs["static"], runs["queued"], 999]
    found = queries.object_rows_of(home.database, ids)
    assert list(found) == ids
    assert found[runs["queued"]] == found[999] == []
    for run_id in ids[:2]:
        assert found[run_id] == queries.object_rows(home.database, run_id) != []


@pytest.mark.parametrize("object_id", [None, 2])
def test_means_of_frames(seeded: tuple[Home, dict[str, int]], object_id: int | None) -> None:
    home, runs = seeded
    ids = [runs["static"], runs["done"], runs["queued"]]
    found = frame_means(home.database, ids, "crossing", object_id)
    assert found[runs["queued"]] == {}
    for run_id in ids[:2]:
        task = queries.task(home.database, run_id, "crossing")
        assert task is not None
        curves = [c for c in queries.curves(home.database, task.id) if object_id in (None, c.object_id)]
        expected = {
            frame: sum((curve.j[place] + curve.f[place]) / 2 for curve in curves) / len(curves)
            for place, frame in enumerate(curves[0].frames)
        }
        assert found[run_id] == pytest.approx(expected)
