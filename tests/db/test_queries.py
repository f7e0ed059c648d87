"""What pages and commands read: failures, and the queue at a glance."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import event

from db import ledger, queries
from db.intents import ask
from db.queue import queue_overview
from db.session import engine_for, writing
from db.states import IntentKind, RunState
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


def statements(database: Path) -> list[str]:
    """Selects from here on, as they are sent to the database."""
    sent: list[str] = []

    @event.listens_for(engine_for(database), "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("SELECT"):
            sent.append(statement)

    return sent


def test_the_queue_at_a_glance(home: Home) -> None:
    write_dataset(home.data / "DAVIS", {"a": 6, "b": 5})
    grid = Grid((("DAVIS", home.store(home.data / "DAVIS"), "val"),), ("static", "flow", "propagation"))
    first, second, ended = launch(home, grid)
    running = queries.tasks(home.database, second)[1]
    with writing(home.database) as session:
        for run_id, columns in {
            first: {"position": 9.0},
            second: {"state": RunState.RUNNING.value, "frames_done": 3, "frames_per_second": 1.5, "seconds_left": 60.0},
            ended: {"state": RunState.DONE.value},
        }.items():
            for name, value in columns.items():
                setattr(session.get_one(queries.Run, run_id), name, value)
        process = {"host": "here", "pid": 1, "process_started": 0.0, "device": "cpu"}
        ledger.start_task(session, running.id, 1, "cpu-1")
        ledger.write_progress(session, {running.id: 3})
        ledger.record_worker(session, "cpu-1", state="busy", task_id=running.id, frames_per_second=1.5, **process)
        ledger.record_worker(session, "cpu-0", state="idle", task_id=None, frames_per_second=None, **process)
    sent = statements(home.database)
    overview = queue_overview(home.database)
    assert len(sent) == 3, "the same three statements however long the queue is"
    assert [(row.id, row.state) for row in overview.ended] == [(ended, "done")]
    assert [(row.id, row.model, row.state) for row in overview.runs] == [
        (second, "flow", "running"),
        (first, "static", "queued"),
    ]
    row = overview.runs[0]
    assert (row.videos, row.frames, row.frames_done, row.frames_per_second, row.seconds_left) == (2, 11, 3, 1.5, 60.0)
    assert [bool(worker.since) for worker in overview.workers] == [False, True]
    assert [(w.name, w.state, w.run_id, w.run, w.video, w.frames_done, w.frames) for w in overview.workers] == [
        ("cpu-0", "idle", None, None, None, None, None),
        ("cpu-1", "busy", second, row.name, "b", 3, 5),
    ]


def test_marks_change_with_what_is_asked_and_done(home: Home) -> None:
    write_dataset(home.data / "DAVIS", {"a": 6})
    grid = Grid((("DAVIS", home.store(home.data / "DAVIS"), "val"),), ("static", "flow"))
    mine, other = launch(home, grid)

    def marks() -> tuple[object, object]:
        return queries.runs_mark(home.database), queries.run_mark(home.database, mine)

    sent = statements(home.database)
    before = marks()
    assert before == marks() and len(sent) == 8
    found = []
    for run_id, name, value in (
        (other, "frames_done", 3),
        (other, "state", RunState.DONE.value),
        (mine, "videos_done", 1),
        (mine, "state", RunState.DONE.value),
    ):
        with writing(home.database) as session:
            setattr(session.get_one(queries.Run, run_id), name, value)
        after = marks()
        found.append((after[0] != before[0], after[1] != before[1]))
        before = after
    assert found == [(False, False), (True, False), (False, True), (True, True)]
    ask(home.database, IntentKind.RETRY, {"runs": [mine]})
    asked = marks()
    assert asked[0] != before[0] and asked[1] != before[1]
    with writing(home.database) as session:
        session.delete(session.get_one(queries.Run, mine))
    gone = marks()
    assert gone[0] != asked[0] and gone[1] != asked[1]
