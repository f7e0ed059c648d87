"""The Queue page: its board, the buttons for all runs, logs, the empty state, a home that another host holds."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from db import queries
from db.models import Intent, Lease, Run
from db.session import reading, writing
from db.states import IntentKind
from tests.pages.conftest import OpenPage, component_data, text_of
from ui.queue import view
from vos_core.home import Home


def groups(test: AppTest) -> dict[str, list[dict[str, Any]]]:
    return {group["title"]: group["rows"] for group in component_data(test)["groups"]}


def names(row: dict[str, Any]) -> list[str]:
    return [action["name"] for action in row["actions"]]


def test_empty_queue_says_what_to_do_next(here: Home, open_page: OpenPage) -> None:
    test = open_page("queue.py")
    assert not test.exception
    assert "Nothing is queued" in text_of(test)
    assert "Launch an ablation" in json.dumps([str(element.proto) for element in test.get("page_link")])


def test_a_machine_without_a_gpu_says_so_in_one_line(
    here: Home, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    test = open_page("queue.py")
    assert "No NVIDIA GPU here" in text_of(test)
    assert component_data(test)["gpus"] == []


def test_why_a_wish_was_refused_stays_until_the_next_wish(
    here: Home, runs: dict[str, int], open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    wishes: list[dict[str, Any]] = [{"action": "up", "runs": [runs["done"]]}]
    real = view.board
    monkeypatch.setattr(view, "board", lambda *drawn: (real(*drawn)[0], wishes.pop() if wishes else None))
    test = open_page("queue.py")
    for _ in range(3):  # it polls
        (error,) = test.error
        assert "It has left the queue meanwhile" in error.value
        test.run()
    wishes.append({"action": "pause", "runs": [runs["running"]]})
    monkeypatch.setattr(view, "act", lambda *_: None)
    test.run()
    assert not test.error


def test_time_left_does_not_pass_for_that_of_runs_that_wait(
    here: Home, runs: dict[str, int], open_page: OpenPage
) -> None:
    with writing(here.database) as session:
        session.get_one(Run, runs["running"]).seconds_left = 75.0
    assert "left of what is under way" in text_of(open_page("queue.py"))
    with writing(here.database) as session:
        session.get_one(Run, runs["queued"]).seconds_left = 25.0
    text = text_of(open_page("queue.py"))
    assert "1 min 40 s" in text and "under way" not in text


def test_runs_in_queue_order_with_progress_and_their_buttons(
    here: Home, runs: dict[str, int], open_page: OpenPage
) -> None:
    test = open_page("queue.py")
    assert not test.exception
    active = groups(test)["more sizes"]
    assert [row["id"] for row in active] == [runs["running"], runs["queued"]]
    running = active[0]
    stored = queries.run_by_id(here.database, runs["running"])
    assert stored is not None
    assert running["share"] == stored.frames_done / stored.frames > 0
    assert running["done"].startswith(f"1/3 videos · {stored.frames_done}/{stored.frames} frames")
    assert names(running) == ["top", "up", "down", "pause", "cancel"]
    assert [action["name"] for action in running["actions"] if action["off"]] == ["top", "up"]
    ended = {row["id"]: row for row in groups(test)["more sizes, ended"]}
    assert names(ended[runs["failed"]]) == ["retry"]
    assert names(ended[runs["cancelled"]]) == ["resume"]
    assert "2 failed" in ended[runs["failed"]]["done"]


def test_pause_all_asks_for_all_active_runs(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("queue.py")
    test.button(key="queue-pause-all").click().run()
    assert not test.exception
    with reading(here.database) as session:
        intent = session.scalars(select(Intent).order_by(Intent.id.desc())).first()
    assert intent is not None
    assert (intent.kind, intent.payload) == (IntentKind.PAUSE.value, {"runs": [runs["running"], runs["queued"]]})


def test_the_end_of_a_chosen_log(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    here.logs.mkdir(parents=True, exist_ok=True)
    (here.logs / "dispatcher.log").write_text("".join(f"line {number}\n" for number in range(100)))
    (here.logs / "worker-cpu-0.log").write_text("hello\n")
    test = open_page("queue.py")
    shown = test.code[0].value
    assert shown.splitlines()[0] == "line 60" and shown.splitlines()[-1] == "line 99"
    test.selectbox(key="queue-log").set_value("cpu-0").run()
    assert test.code[0].value.strip() == "hello"


def test_another_hosts_home_can_only_be_looked_at(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    with writing(here.database) as session:
        session.add(
            Lease(id=1, token="t", host="node-7", boot_id="other", pid=5, process_started=0.0, heartbeat=time.time())
        )
    test = open_page("queue.py")
    assert "node-7" in component_data(test)["locked"]
    assert "node-7" in text_of(test)
    assert test.button(key="queue-pause-all").disabled


def test_inference_times_are_offered_once_a_run_is_done(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    (button,) = open_page("queue.py").get("download_button")
    assert "Inference times" in button.proto.label
    rows = queries.timed_runs(here.database)
    done = {run.name for run in queries.runs(here.database) if run.state == "done" and run.inference_s}
    assert {row.name for row in rows} == done and len(rows) > 5
