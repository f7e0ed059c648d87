"""What pages and commands read of failures."""

from __future__ import annotations

from db import ledger, queries
from db.session import writing
from tests.clips import write_dataset
from tests.ui.seed import launch
from vos_core.home import Home
from vos_core.runs import Grid


def episode(start: int, severity: float, object_id: int = 1) -> dict[str, object]:
    return {
        "object_id": object_id,
        "start": start,
        "end": start + 1,
        "kind": "lost",
        "worst_frame": start,
        "worst_score": 0.1,
        "frames": 2,
        "severity": severity,
    }


def test_failures_worst_first_of_one_run(home: Home) -> None:
    write_dataset(home.data / "DAVIS", {"a": 6, "b": 5})
    grid = Grid((("DAVIS", home.store(home.data / "DAVIS"), "val"),), ("static", "flow"))
    run_id, other = launch(home, grid)
    with writing(home.database) as session:
        a, b = queries.tasks(home.database, run_id)
        ledger.finish_task(session, a.id, {}, [], [], [episode(1, 0.02), episode(3, 0.3)])
        ledger.finish_task(session, b.id, {}, [], [], [episode(2, 0.1, object_id=2)])
        ledger.finish_task(session, queries.tasks(home.database, other)[0].id, {}, [], [], [episode(1, 0.9)])
    found = queries.failures(home.database, run_id)
    assert [(video, row.object_id, row.start, row.severity) for video, row in found] == [
        ("a", 1, 3, 0.3),
        ("b", 2, 2, 0.1),
        ("a", 1, 1, 0.02),
    ]
    assert [video for video, _ in queries.failures(home.database, run_id, limit=2)] == ["a", "b"]
