"""Surveys in the background, as real processes: their record, and what becomes of them when they are stopped or die."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from tests.clips import write_dataset
from vos_core.datasets import Dataset, catalogue, find_datasets, open_dataset, survey_job
from vos_core.datasets.findings import Kind
from vos_core.datasets.registration import register
from vos_core.datasets.subsets import write_subset
from vos_core.datasets.survey_job import (
    SurveyPhase,
    SurveyState,
    read_survey,
    recorded_survey,
    start_survey,
    stop_survey,
    survey_name,
    surveys,
)
from vos_core.errors import InputError
from vos_core.home import Home


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "Mine", {"a": 6, "b": 5})


def until(home: Home, name: str, condition: Callable[[SurveyState], bool], seconds: float = 60) -> SurveyState:
    deadline = time.monotonic() + seconds
    while True:
        state = read_survey(home, name)
        if state is not None and condition(state):
            return state
        assert time.monotonic() < deadline, state
        time.sleep(0.02)


def slow(root: Path) -> None:
    """A video of frames that take a minute and more to decode: 1000 large ones, which are links to one file."""
    folder = root / "JPEGImages/480p/b"
    noise = np.random.default_rng(0).integers(0, 256, (2400, 3200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(root / "large.jpg", quality=95)
    for index in range(1000):
        path = folder / f"{index:05d}.jpg"
        path.unlink(missing_ok=True)
        path.symlink_to(root / "large.jpg")


def test_a_background_check_and_what_changes_after_it(home: Home, mine: Path) -> None:
    home.root.mkdir()
    (mine / "JPEGImages/480p/a/00001.jpg").write_bytes(b"")
    begun = start_survey(home, mine)
    assert (begun.phase, begun.path, begun.name) == (SurveyPhase.RUNNING, str(mine), survey_name(home, mine))
    assert not home.database.exists()
    done = until(home, begun.name, lambda state: state.phase.ended)
    assert (done.phase, done.done, done.total, done.fraction, done.changed) == (SurveyPhase.DONE, 11, 11, 1.0, False)
    assert done.survey is not None
    assert [(one.kind, one.video, one.frame) for one in done.survey.problems] == [(Kind.UNREADABLE_FRAME, "a", "00001")]
    assert surveys(home) == [done]
    write_subset(home, register(home, mine), "half", ["a"])
    assert read_survey(home, begun.name) == done, "the folder is as it was"
    (mine / "ImageSets/2017/val.txt").write_text("b\na\n")
    assert read_survey(home, begun.name) == replace(done, changed=True)
    again = start_survey(home, mine)
    done = until(home, again.name, lambda state: state.phase.ended)
    assert not done.changed and done.survey is not None
    assert (done.survey.name, [split.name for split in done.survey.splits]) == ("Mine", ["val", "half"])
    mine.rename(mine.with_name("gone"))
    state = read_survey(home, begun.name)
    assert state is not None and state.changed


def test_one_under_way_is_left_alone_and_can_be_killed(home: Home, mine: Path) -> None:
    home.root.mkdir()
    slow(mine)
    begun = start_survey(home, mine)
    running = until(home, begun.name, lambda state: state.total > 0)
    assert (running.phase, running.total) == (SurveyPhase.RUNNING, 1006)
    assert start_survey(home, mine).pid == running.pid
    with pytest.raises(InputError, match="Another process checks"):
        recorded_survey(home, mine)
    os.kill(running.pid, signal.SIGKILL)
    stopped = until(home, begun.name, lambda state: state.phase.ended)
    assert stopped.phase is SurveyPhase.STOPPED and "ended before it was done" in stopped.note
    assert not stop_survey(home, begun.name)


def test_one_that_is_stopped_says_so(home: Home, mine: Path) -> None:
    home.root.mkdir()
    slow(mine)
    begun = start_survey(home, mine)
    running = until(home, begun.name, lambda state: state.total > 0)
    assert stop_survey(home, begun.name)
    stopped = until(home, begun.name, lambda state: state.phase.ended)
    assert (stopped.phase, stopped.survey) == (SurveyPhase.STOPPED, None)
    assert stopped.note == "The check was stopped before it was done."
    until(home, begun.name, lambda _: not psutil.pid_exists(running.pid), 10)


WAITS = """
import sys
from vos_core.datasets import survey_job
survey_job.STOP_SECONDS = int(sys.argv[2])
with survey_job._asked_to_stop() as asked:
    print("ready", flush=True)
    open(sys.argv[1])  # nobody writes to it: a disk that does not answer
"""


@pytest.mark.parametrize(
    ("asked", "allowed", "ended_by"), [(1, 1, signal.SIGALRM), (2, 60, signal.SIGTERM)], ids=["once", "twice"]
)
def test_one_that_waits_for_a_disk_is_ended(tmp_path: Path, asked: int, allowed: int, ended_by: signal.Signals) -> None:
    os.mkfifo(tmp_path / "pipe")
    command = [sys.executable, "-c", WAITS, str(tmp_path / "pipe"), str(allowed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None and child.stdout.readline() == b"ready\n"
            time.sleep(0.2)  # it is at the pipe
            for _ in range(asked):
                assert child.poll() is None
                child.terminate()
                time.sleep(0.2)
            assert child.wait(10) == -ended_by
        finally:
            child.kill()


def test_a_stop_that_was_heeded_ends_nobody_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey_job, "STOP_SECONDS", 1)
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGALRM)
    with survey_job._asked_to_stop() as asked:
        os.kill(os.getpid(), signal.SIGTERM)
        assert asked.wait(5)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGALRM)) == before
    assert signal.alarm(0) == 0, "no alarm is left"


def test_what_is_no_dataset_is_told_at_once(home: Home, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a DAVIS-layout dataset"):
        start_survey(home, tmp_path)
    assert not surveys(home)


@pytest.mark.parametrize("name", ["nope", "../voslab", ""])
def test_a_survey_that_never_was(home: Home, name: str) -> None:
    assert read_survey(home, name) is None


def test_the_record_is_written_now_and_then_and_never_half(
    home: Home, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[SurveyState] = []
    monkeypatch.setattr(survey_job, "_write", lambda home, state: written.append(state))
    monkeypatch.setattr(survey_job, "WRITE_SECONDS", 0.0)
    recorded_survey(home, mine)
    assert [state.done for state in written] == [0, *range(12), 11]
    assert [state.phase for state in written[-2:]] == [SurveyPhase.RUNNING, SurveyPhase.DONE]
    for state in written:
        json.dumps(asdict(state))


def test_folders_of_one_name_have_surveys_of_their_own(home: Home, tmp_path: Path) -> None:
    one, other = tmp_path / "x" / "DAVIS", tmp_path / "y" / "DAVIS"
    assert survey_name(home, one).startswith("DAVIS-") and survey_name(home, one) != survey_name(home, other)
    assert survey_name(home, tmp_path / "y" / ".." / "x" / "DAVIS") == survey_name(home, one)


def test_reading_each_survey_opens_each_dataset_once(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abcdef":
        write_dataset(home.data / name, {"v": 1})
        recorded_survey(home, home.data / name)
    datasets = find_datasets(home)
    opened: list[str] = []

    def counting(root: Path | str, name: str | None = None) -> Dataset:
        opened.append(Path(root).name)
        return open_dataset(root, name)

    for module in (survey_job, catalogue):
        monkeypatch.setattr(module, "open_dataset", counting)
    states = [read_survey(home, survey_name(home, one.root)) for one in datasets.values()]
    assert [state is not None and state.changed for state in states] == [False] * 6
    assert opened == list("abcdef")


def test_a_link_to_a_known_dataset_is_checked_under_its_own_path(home: Home, mine: Path, tmp_path: Path) -> None:
    register(home, mine, "mine")
    link = tmp_path / "link"
    link.symlink_to(mine)
    recorded_survey(home, link)
    told = read_survey(home, survey_name(home, link))
    assert told is not None and told.phase is SurveyPhase.DONE and told.path == str(link)
    assert read_survey(home, survey_name(home, mine)) is None
