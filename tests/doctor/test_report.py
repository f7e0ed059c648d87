"""Findings as text: aligned, in order, fit to paste."""

from __future__ import annotations

import json

import pytest

from vos_core.doctor import Finding, Level, Report, Topic
from vos_core.doctor.report import report, unnamed

OK = Finding(Topic.PYTHON, Level.OK, "Python 3.12.1")
LOW = Finding(Topic.DISK, Level.WARNING, "home: 5 GB free", "Make room.\nrm -r x")
GONE = Finding(Topic.PACKAGES, Level.PROBLEM, "av is missing", "make install")
SECOND = Finding(Topic.PACKAGES, Level.NOTE, "torch is another")


def test_text_has_a_line_a_finding_and_the_advice_below() -> None:
    assert report([LOW, GONE, SECOND, OK], 0.0, 1.0).text().splitlines() == [
        "ok    python       Python 3.12.1",
        "FAIL  packages     av is missing",
        "                   -> make install",
        "note               torch is another",
        "WARN  disk         home: 5 GB free",
        "                   -> Make room.",
        "                   -> rm -r x",
        "",
        "1 problem and 1 warning: what to do stands below each.",
    ]


@pytest.mark.parametrize(
    ("findings", "worst", "sentence"),
    [
        ([], Level.OK, "Nothing is wrong."),
        ([OK, SECOND], Level.NOTE, "Nothing is wrong."),
        ([LOW, OK], Level.WARNING, "1 warning: what to do stands below each."),
        ([GONE, LOW, GONE], Level.PROBLEM, "2 problems and 1 warning: what to do stands below each."),
    ],
)
def test_the_worst_counts(findings: list[Finding], worst: Level, sentence: str) -> None:
    found = Report(tuple(findings), 0.0, 0.0)
    assert (found.worst, found.sentence) == (worst, sentence)
    assert json.loads(json.dumps(found.values()))["worst"] == worst.value


@pytest.mark.parametrize(
    ("home", "user", "text", "told"),
    [
        ("/home/ada", "ada", "in /home/ada/vos and /home/ada.", "in ~/vos and ~."),
        ("/home/ada", "ada", "/home/ada2/vos", "/home/ada2/vos"),
        ("/home/ada", "ada", "/home/ada.old /x/ada-2", "/home/ada.old /x/ada-2"),
        ("/home/ada", "ada", "/mnt/home/ada/vos", "/mnt/home/$USER/vos"),
        ("/home/ada", "ada", "/scratch/ada/vos: ada", "/scratch/$USER/vos: ada"),
        ("/home/ada", "ada", "/scratch/adamant", "/scratch/adamant"),
        ("/root", "root", "/root/x /srv/root/y", "~/x /srv/root/y"),
        ("/", "work", "/work/data", "/$USER/data"),
    ],
)
def test_nobody_is_named(home: str, user: str, text: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", home)
    monkeypatch.setenv("LOGNAME", user)
    assert unnamed(text) == told
    finding = Finding(Topic.DISK, Level.OK, text, text)
    (shown,) = report([finding], 0.0, 0.0).findings
    assert (shown.text, shown.advice) == (told, told)
