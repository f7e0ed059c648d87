"""Probes have a limit each: what hangs, breaks or lacks a package is a finding, and holds nobody else up."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from vos_core.doctor.probes import Probe, examine
from vos_core.doctor.report import Finding, Level, Topic

FINE = Finding(Topic.PYTHON, Level.OK, "fine")


def hanging(pipe: Path, seconds: float = 0.3) -> Probe:
    """Reads what nobody writes, as from a mount whose server is gone."""

    def look() -> Iterator[Finding]:
        pipe.read_text()
        yield FINE

    return Probe(Topic.DISK, f"the folder {pipe}", look, seconds)


def test_what_hangs_is_given_up_and_holds_nobody_else(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    began = time.monotonic()
    probes = [hanging(pipe), Probe(Topic.PYTHON, "Python", lambda: [FINE, FINE])]
    hung, *others = examine(probes)
    assert time.monotonic() - began < 10
    assert others == [FINE, FINE]
    assert (hung.level, hung.text) == (Level.PROBLEM, f"the folder {pipe} did not answer within 0.3 s")
    threads = threading.active_count()
    assert next(examine([hanging(pipe)])).text == hung.text
    assert threading.active_count() == threads  # the old one is still asked
    pipe.write_text("")  # the server is back
    deadline = time.monotonic() + 5
    while threading.active_count() >= threads and time.monotonic() < deadline:
        time.sleep(0.01)
    (tmp_path / "file").write_text("")
    assert list(examine([hanging(tmp_path / "file", 10)])) == [FINE]


def test_what_breaks_is_told() -> None:
    def broken() -> Iterator[Finding]:
        yield FINE
        raise ValueError("two\nlines")

    def bare() -> Iterator[Finding]:
        import a_package_that_nobody_has  # type: ignore[import-not-found]

        yield a_package_that_nobody_has

    told = list(examine([Probe(Topic.APP, "the app", broken), Probe(Topic.RAY, "Ray", bare)]))
    assert told == [
        FINE,
        Finding(Topic.APP, Level.PROBLEM, "the app could not be looked at (ValueError: two lines)"),
        Finding(Topic.RAY, Level.NOTE, "Ray: not looked at, the package a_package_that_nobody_has is missing"),
    ]
