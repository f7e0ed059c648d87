"""What an examination found: findings, each ok or with what to do, and all of them as text to paste into a question."""

from __future__ import annotations

import getpass
import re
import textwrap
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any


class Level(StrEnum):
    """How bad a finding is. Only a problem keeps something from working."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"


class Topic(StrEnum):
    """What was looked at, in the order in which it is told."""

    MACHINE = "machine"
    PYTHON = "python"
    PACKAGES = "packages"
    GPUS = "gpus"
    TORCH = "torch"
    DISK = "disk"
    DATABASE = "database"
    DATASETS = "datasets"
    CHECKPOINTS = "checkpoints"
    DISPATCHER = "dispatcher"
    APP = "app"
    RAY = "ray"


_END = r"(?![\w-]|\.\w)"  # of a folder's name; a full stop may follow
WORDS = {Level.OK: "ok", Level.NOTE: "note", Level.WARNING: "WARN", Level.PROBLEM: "FAIL"}


@dataclass(frozen=True)
class Finding:
    """One line: a sentence without its full stop, and what to do (empty where nothing is to be done; its lines are
    told one below the other, so that a command can be copied)."""

    topic: Topic
    level: Level
    text: str
    advice: str = ""


@dataclass(frozen=True)
class Report:
    """All findings, by topic. Home folder and user name stand as `~` and `$USER` in them: shells understand both."""

    findings: tuple[Finding, ...]
    at: float  # Unix seconds
    seconds: float  # that the examination took

    @property
    def worst(self) -> Level:
        """The worst level of all findings."""
        return max((finding.level for finding in self.findings), key=list(Level).index, default=Level.OK)

    @property
    def sentence(self) -> str:
        """All of it in one sentence."""
        counts = {level: sum(finding.level is level for finding in self.findings) for level in Level}
        if not counts[Level.PROBLEM] and not counts[Level.WARNING]:
            return "Nothing is wrong."
        told = [
            f"{counts[level]} {word}{'s' if counts[level] > 1 else ''}"
            for level, word in ((Level.PROBLEM, "problem"), (Level.WARNING, "warning"))
            if counts[level]
        ]
        return f"{' and '.join(told)}: what to do stands below each."

    def text(self) -> str:
        """One line a finding, what to do below it; plain text."""
        lines, before = [], None
        for finding in self.findings:
            topic = finding.topic.value if finding.topic is not before else ""
            before = finding.topic
            lines.append(f"{WORDS[finding.level]:<4}  {topic:<11}  {finding.text}")
            lines += textwrap.indent(finding.advice, " " * 19 + "-> ").splitlines() if finding.advice else []
        return "\n".join([*lines, "", self.sentence])

    def values(self) -> dict[str, Any]:
        """What JSON can hold."""
        findings = [asdict(finding) for finding in self.findings]
        return {"at": self.at, "seconds": self.seconds, "worst": self.worst.value, "findings": findings}


def report(findings: Iterable[Finding], at: float, seconds: float) -> Report:
    """A report of these findings, told so that they can be shown to anybody."""
    order = list(Topic)
    told = [replace(one, text=unnamed(one.text), advice=unnamed(one.advice)) for one in findings]
    return Report(tuple(sorted(told, key=lambda one: order.index(one.topic))), at, seconds)


def unnamed(text: str) -> str:
    """`text` with `~` for the home folder, and `$USER` where a folder of a path is called as the user."""
    folder = str(Path("~").expanduser())
    if folder not in ("/", "~"):
        text = re.sub(rf"(?<![\w./-]){re.escape(folder)}{_END}", "~", text)
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return text
    return re.sub(rf"(?<=/){re.escape(user)}{_END}", "$USER", text) if user != "root" else text
