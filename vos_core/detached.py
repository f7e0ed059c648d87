"""Commands that go on when whoever asked for them is gone: started detached, and told from a later process of their
number by when they began."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from socket import gethostname
from typing import Protocol

import psutil

from vos_core.home import Home

SILENT_SECONDS = 120.0  # one on another host whose record has not changed for so long is over
_REPOSITORY = Path(__file__).resolve().parents[1]


class Traced(Protocol):
    """A record that says which process keeps it. Times are Unix seconds."""

    @property
    def host(self) -> str: ...
    @property
    def pid(self) -> int: ...
    @property
    def process_started(self) -> float: ...
    @property
    def updated_at(self) -> float: ...


def start_command(home: Home, words: Sequence[str], log: Path) -> psutil.Process:
    """Start `python -m vos_core WORDS` for `home` in a session of its own; what it prints goes to the end of `log`.

    Raises OSError or psutil.Error when no process starts.
    """
    environment = {**os.environ, **home.environment()}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_REPOSITORY), os.environ.get("PYTHONPATH")]))
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "vos_core", *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=home.root,
            env=environment,
            start_new_session=True,
        )
    process = psutil.Process(child.pid)  # before anybody waits for it: then there is one, if only a zombie
    threading.Thread(target=child.wait, daemon=True).start()  # or it stays one
    return process


def is_here(record: Traced) -> bool:
    """Whether the record's process is one of this host."""
    return record.host == gethostname()


def is_alive(record: Traced) -> bool:
    """Whether the record's process still works: looked up on this host, by the record's age on another one."""
    if not is_here(record):
        return time.time() - record.updated_at < SILENT_SECONDS
    try:
        process = psutil.Process(record.pid)
        same = abs(process.create_time() - record.process_started) < 1
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
