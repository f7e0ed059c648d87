"""A row an item for pages and lists: the disk and the job's record as one word, with what to do."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.downloads.faulty_server import Fault, FaultyServer
from tests.downloads.small_catalogue import NAME, PATH, WEIGHTS, install
from vos_core.downloads import (
    Damaged,
    DownloadError,
    Kind,
    Progress,
    Row,
    Stage,
    Standing,
    background,
    catalogue,
    overview,
)
from vos_core.downloads.background import DownloadState, Phase
from vos_core.downloads.records import Records
from vos_core.home import Home


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: Home) -> None:
    install(monkeypatch, tmp_path / "site")
    home.checkpoints.mkdir(parents=True, exist_ok=True)


_spies: dict[int, list[str]] = {}  # by thread: others may be at work


def _audit(event: str, _arguments: tuple[object, ...]) -> None:
    if event in ("open", "os.scandir", "os.listdir") and (spy := _spies.get(threading.get_ident())) is not None:
        spy.append(event)


sys.addaudithook(_audit)  # there is no taking it away again: it does nothing while nobody asks


@pytest.fixture
def looked_at() -> Iterator[list[str]]:
    """Files opened and folders listed from here on."""
    here = threading.get_ident()
    yield _spies.setdefault(here, [])
    del _spies[here]


def row(home: Home, name: str = NAME) -> Row:
    return next(row for row in overview(home) if row.name == name)


def tell(home: Home, phase: Phase, name: str = NAME, ago: float = 0.0, **facts: object) -> None:
    """A job's record, as the process `facts["pid"]` (this one) would have left it."""
    me = psutil.Process()
    told = {
        "name": name,
        "phase": phase.value,
        "host": socket.gethostname(),
        "pid": me.pid,
        "process_started": me.create_time(),
        "updated_at": time.time() - ago,
        **facts,
    }
    folder = home.state / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(told))


def checkpoint(home: Home, data: bytes = WEIGHTS) -> Path:
    path = home.checkpoints / f"{NAME}.pt"
    path.write_bytes(data)
    return path


def test_a_row_says_what_it_is(home: Home) -> None:
    rows = overview(home)
    assert [row.name for row in rows] == list(catalogue())
    assert {row.standing for row in rows} == {Standing.MISSING}
    mose = row(home, "mose")
    assert (mose.kind, mose.licence, mose.size) == (Kind.DATASET, "CC BY-NC-SA 4.0", 3875208344)
    assert mose.destination == home.data / "MOSE" / "valid" and mose.page.startswith("https://")
    assert mose.command == "python -m vos_core fetch mose" and "first frames only" in mose.title
    assert (mose.advice, mose.note, mose.fraction) == ("", "", None)
    assert row(home, "mose-sample-submission").kind is Kind.PREDICTIONS
    assert row(home, "secvos").size == 749_900_000 and row(home, "mosev2").size is None


@pytest.mark.parametrize("phase", [phase for phase in Phase if not phase.ended and phase is not Phase.GENERATING])
def test_what_a_job_does_now_is_the_standing(home: Home, phase: Phase) -> None:
    tell(home, phase, done=30, total=120, note="a word", bytes_per_second=10.0)
    said = row(home)
    assert said.standing.value == phase.value and said.standing.working
    assert (said.done, said.total, said.fraction, said.note, said.advice) == (30, 120, 0.25, "a word", "")
    assert said.seconds_left == (9.0 if phase is Phase.DOWNLOADING else None)


def test_every_phase_has_a_standing() -> None:
    assert {phase.value for phase in Phase if not phase.ended} - {"generating"} == {
        standing.value for standing in Standing if standing.working
    }


def half(home: Home) -> None:
    (home.checkpoints / f"{NAME}.pt.part").write_bytes(WEIGHTS[:100])


def short(home: Home) -> None:
    checkpoint(home, WEIGHTS[:100])


def rotten(home: Home) -> None:
    path = checkpoint(home)
    Records(NAME, home).note_file(path, "0" * 64, "x", compared=True)
    Records(NAME, home).note_damage(path, f"{path} has SHA-256 000 where 111 is published.")


def archive(home: Home) -> None:
    (home.data / "MOSE").mkdir(parents=True)
    (home.data / "MOSE" / "valid.tar.gz").write_bytes(b"x")


@pytest.mark.parametrize(
    ("make", "name", "standing", "note", "advice"),
    [
        (checkpoint, NAME, Standing.READY, "", ""),
        (half, NAME, Standing.PARTIAL, "", "Fetch again: it goes on from what is there."),
        (short, NAME, Standing.DAMAGED, f"has 100 bytes where the published file has {len(WEIGHTS)}.", "Move "),
        (rotten, NAME, Standing.DAMAGED, "has SHA-256 000 where 111 is published.", "away or delete it, then fetch ag"),
        (archive, "mose", Standing.PARTIAL, "", "Fetch: what was put there is verified and unpacked."),
    ],
)
def test_what_lies_there_is_the_standing(
    home: Home, make: Callable[[Home], object], name: str, standing: Standing, note: str, advice: str
) -> None:
    make(home)
    said = row(home, name)
    assert said.done == ((1 if name == "mose" else 100) if standing is Standing.PARTIAL else None)
    assert said.standing is standing and not said.standing.working
    assert note in said.note if note else said.note == ""
    assert advice in said.advice if advice else said.advice == ""


def test_a_failure_says_why_and_how_to_go_on_until_the_files_change(home: Home) -> None:
    with pytest.raises(DownloadError), background.recorded(NAME, home):
        raise DownloadError("no source has it.")
    said = row(home)
    assert (said.standing, said.note) == (Standing.FAILED, "no source has it.")
    assert said.advice.startswith("Fetch again. By hand: get ")
    assert str(home.checkpoints / f"{NAME}.pt") in said.advice
    tell(home, Phase.FAILED, note="It failed. By hand: get it.")
    assert row(home).advice == "Fetch again.", "the way by hand is told once"
    half(home)
    tell(home, Phase.FAILED, note="It failed. By hand: get it.")
    assert row(home).advice == "Fetch again: it goes on from what is there."
    checkpoint(home)
    assert row(home).standing is Standing.READY, "put there by hand"


def test_an_archive_that_would_not_do_is_told_until_another_is_there(home: Home) -> None:
    archive(home)
    tell(home, Phase.DAMAGED, "mose", note=f"{home.data}/MOSE/valid.tar.gz has 1 bytes where …")
    said = row(home, "mose")
    assert said.standing is Standing.DAMAGED
    assert said.advice == f"Move {home.data}/MOSE/valid.tar.gz away or delete it, then fetch again."
    tell(home, Phase.FAILED, "mose", note="is damaged or no archive: delete it and fetch it again.")
    said = row(home, "mose")
    assert (said.standing, said.advice) == (
        Standing.FAILED,
        "Nothing is left to download: mend what the reason names, then fetch again.",
    )
    tell(home, Phase.FAILED, "mose", ago=30.0, note="is damaged or no archive: delete it and fetch it again.")
    os.utime(home.data / "MOSE" / "valid.tar.gz", (1, 1))
    assert row(home, "mose").standing is Standing.PARTIAL, "changed since, whatever its own time says"


def test_a_process_that_is_gone_leaves_what_can_be_continued(home: Home) -> None:
    half(home)
    tell(home, Phase.DOWNLOADING, pid=2**22 + 1, done=100, total=1000)
    said = row(home)
    assert (said.standing, said.advice) == (Standing.PARTIAL, "Fetch again: it goes on from what is there.")


@pytest.mark.parametrize(
    ("make", "standing"), [(None, Standing.MISSING), (half, Standing.PARTIAL), (checkpoint, Standing.READY)]
)
@pytest.mark.parametrize("asked", [False, True], ids=["died", "stopped"])
def test_a_process_that_died_has_its_log_named(
    home: Home, make: Callable[[Home], object] | None, standing: Standing, asked: bool
) -> None:
    if make is not None:
        make(home)
    tell(home, Phase.STARTING, pid=2**22 + 1)
    log = background.log_file(home, NAME)
    log.write_text("Killed")
    if asked:
        log.with_name(f".{NAME}.stop").write_text(f"{socket.gethostname()} {2**22 + 1}")
    said = row(home)
    assert said.standing is standing
    assert (str(log) in said.note) != asked and bool(said.note) != asked


def test_a_check_that_failed_leaves_its_reason(home: Home) -> None:
    checkpoint(home)
    with pytest.raises(RuntimeError), background.recorded(NAME, home):
        raise RuntimeError("a surprise")
    said = row(home)
    assert said.standing is Standing.READY and "(RuntimeError: a surprise)" in said.note


def test_what_can_be_read_through(home: Home) -> None:
    assert not row(home).verifiable
    rotten(home)
    assert (row(home).standing, row(home).verifiable) == (Standing.DAMAGED, True)
    archive(home)
    tell(home, Phase.DAMAGED, "mose", note="valid.tar.gz has 1 bytes where …")
    assert (row(home, "mose").standing, row(home, "mose").verifiable) == (Standing.DAMAGED, False)


def test_what_was_said_at_the_end_stays_while_it_is_there(home: Home) -> None:
    path = checkpoint(home)
    with background.recorded(NAME, home) as report:
        report(Progress(NAME, Stage.READY, note="Fine: 1 file, 0.00 GB, all as published."))
    assert row(home).note == "Fine: 1 file, 0.00 GB, all as published."
    path.unlink()
    assert (row(home).standing, row(home).note) == (Standing.MISSING, "")


def test_a_damaged_end_is_kept(home: Home) -> None:
    path = checkpoint(home)
    with pytest.raises(Damaged), background.recorded(NAME, home):
        raise Damaged(f"{path} is not what it was.")
    assert background.state(home, NAME) == replace(
        background.state(home, NAME) or DownloadState("", Phase.READY), phase=Phase.DAMAGED
    )
    assert row(home).standing is Standing.DAMAGED and row(home).note == f"{path} is not what it was."


def test_fetched_then_verified_in_the_background(
    server: FaultyServer, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOSLAB_MIRROR", server.url)
    server.put(PATH, WEIGHTS, Fault(after=1000, stall=60.0))
    background.start(home, [NAME])
    assert until(home, Standing.DOWNLOADING).note == ""
    assert background.stop(home, NAME)
    assert until(home, Standing.PARTIAL).advice
    server.put(PATH, WEIGHTS)
    background.start(home, [NAME])
    until(home, Standing.READY)
    (begun,) = background.verify(home, [NAME])
    assert begun.phase is Phase.STARTING
    said = until(home, Standing.READY)
    assert said.note == "Fine: 1 file, 0.00 GB, all as published."
    checkpoint(home, b"y" * len(WEIGHTS))
    background.verify(home, [NAME])
    said = until(home, Standing.DAMAGED)
    assert "has SHA-256" in said.note and said.advice == (
        f"Move {home.checkpoints / NAME}.pt away or delete it, then fetch again."
    )


def until(home: Home, standing: Standing, seconds: float = 40.0) -> Row:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        said = row(home)
        if said.standing is standing:
            return said
        time.sleep(0.05)
    raise AssertionError(f"{said}\n{background.log_file(home, NAME).read_text()}")


def test_a_look_costs_the_same_however_many_videos_there_are(home: Home, looked_at: list[str]) -> None:
    costs = []
    for videos in (15, 1500):
        for number in range(videos):
            for folder in ("JPEGImages", "Annotations"):
                (home.data / "MOSE" / "valid" / folder / f"{number:05d}").mkdir(parents=True, exist_ok=True)
        overview(home)  # the first look at a folder may be a longer one
        looked_at.clear()
        overview(home)
        costs.append(len(looked_at))
    assert costs[0] == costs[1] > 0
