"""Surveys in the background: a detached process each, and what each has come to, in `state/surveys`.

The process itself (`python -m vos_core datasets check PATH --record`) keeps the record, so that every page and every
terminal sees the same. Knows no database and no screen.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import psutil

from vos_core.cores import default_cpu_workers
from vos_core.datasets.catalogue import dataset_in
from vos_core.datasets.findings import Survey
from vos_core.datasets.layout import folder_at, open_dataset
from vos_core.datasets.survey import Progress, stamp_of, survey
from vos_core.detached import is_alive, is_here, start_command
from vos_core.errors import InputError, VosLabError
from vos_core.home import Home
from vos_core.locks import in_turn

WRITE_SECONDS = 0.5  # between two records
STOP_SECONDS = 5  # from being asked to stop to the end of the process


class SurveyPhase(StrEnum):
    """Where a survey stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"  # `note` says why
    STOPPED = "stopped"  # asked to, or its process ended without a word: `note` says which

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen unless it is started again."""
        return self is not SurveyPhase.RUNNING


@dataclass(frozen=True)
class SurveyState:
    """A survey as it last said. Times are Unix seconds; `done` and `total` are frames (0 while they are counted)."""

    name: str  # of the survey: `survey_name`
    path: str  # the folder that is looked through, absolute
    phase: SurveyPhase
    done: int = 0
    total: int = 0
    note: str = ""
    survey: Survey | None = None  # when done
    changed: bool = False  # done, but the folder's videos or lists are others by now: check again
    started_at: float = 0.0
    updated_at: float = 0.0
    host: str = ""
    pid: int = 0
    process_started: float = 0.0

    @property
    def fraction(self) -> float | None:
        """Part of the frames that is done, 0 to 1; None while they are counted."""
        return min(1.0, self.done / self.total) if self.total else None


def survey_name(home: Home, path: Path | str) -> str:
    """The name of a folder's survey: the folder's own, and a mark of where it lies (`DAVIS-1a2b3c4d`)."""
    root = folder_at(path)
    mark = hashlib.sha256(home.store(root).encode()).hexdigest()[:8]
    return f"{re.sub(r'[^A-Za-z0-9_.+-]+', '-', root.name).strip('-.')[:60] or 'dataset'}-{mark}"


def start_survey(home: Home, path: Path | str) -> SurveyState:
    """Look through the dataset at `path` in the background; one that is under way is left alone.

    Raises InputError when there is no dataset; VosLabError when no process starts.
    """
    root = open_dataset(path).root
    name = survey_name(home, root)
    try:
        with in_turn(_folder(home) / ".start.lock"):
            known = read_survey(home, name)
            return known if known is not None and not known.phase.ended else _start(home, name, root)
    except (OSError, psutil.Error) as error:
        raise VosLabError(f"The check of {root} could not be started: {error}.") from error


def read_survey(home: Home, name: str) -> SurveyState | None:
    """The survey called `name` (`survey_name`); None where it was never begun."""
    told = _read(home, name)
    if told is None:
        return None
    if told.phase is SurveyPhase.RUNNING and not is_alive(told):
        note = "The check ended before it was done (its process is gone): start it again."
        return replace(told, phase=SurveyPhase.STOPPED, note=note)
    if told.phase is SurveyPhase.DONE and told.survey is not None:
        return replace(told, changed=_has_changed(told.path, told.survey))
    return told


def surveys(home: Home) -> list[SurveyState]:
    """All of them, the latest first."""
    found = [read_survey(home, path.stem) for path in _folder(home).glob("[!.]*.json")]
    return sorted((one for one in found if one is not None), key=lambda one: -one.started_at)


def stop_survey(home: Home, name: str) -> bool:
    """End a survey on this host. Returns whether there was one."""
    told = _read(home, name)
    if told is None or told.phase.ended or not is_here(told) or not is_alive(told):
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(told.pid, signal.SIGTERM)
    return True


def log_file(home: Home, name: str) -> Path:
    """What a survey's background process printed."""
    return _folder(home) / f"{name}.log"


def recorded_survey(home: Home, path: Path | str, progress: Progress | None = None) -> Survey:
    """Look through the dataset at `path` in this process, and keep the record. SIGTERM ends it (a main thread's).

    Raises InputError when there is no dataset, or another process is at it. What fails stands in the record too.
    """
    dataset = dataset_in(home, path)
    # Under the path that was asked for: that of the dataset may be another, which a link leads to.
    name, root = survey_name(home, path), folder_at(path)
    _folder(home).mkdir(parents=True, exist_ok=True)
    with _alone(_folder(home) / f".{name}.lock", root), _asked_to_stop() as asked:
        record = _Record(home, _beginning(name, root, psutil.Process()))

        def report(done: int, total: int) -> None:
            record.report(done, total)
            if progress is not None:
                progress(done, total)

        try:
            found = survey(dataset, progress=report, stop=asked.is_set, processes=default_cpu_workers())
        except (VosLabError, OSError) as error:
            record.end(SurveyPhase.FAILED, str(error))
            raise
        if found.whole:
            record.end(SurveyPhase.DONE, survey=found)
        else:
            record.end(SurveyPhase.STOPPED, "The check was stopped before it was done.")
        return found


class _Record:
    """This process's record of one survey: written now and then, and at the end."""

    def __init__(self, home: Home, state: SurveyState) -> None:
        self._home = home
        self._state = state
        self._written = 0.0
        _write(home, state)

    def report(self, done: int, total: int) -> None:
        now = time.time()
        if now - self._written < WRITE_SECONDS and self._state.total == total:
            return
        self._written = now
        self._state = replace(self._state, done=done, total=total, updated_at=now)
        with contextlib.suppress(OSError):  # a record that cannot be written stops no survey
            _write(self._home, self._state)

    def end(self, phase: SurveyPhase, note: str = "", survey: Survey | None = None) -> None:
        """The last word."""
        done = survey.frames if survey is not None else self._state.done
        self._state = replace(self._state, phase=phase, note=note, survey=survey, done=done, updated_at=time.time())
        _write(self._home, self._state)


def _start(home: Home, name: str, root: Path) -> SurveyState:
    words = ["datasets", "check", str(root), "--record"]
    begun = _beginning(name, root, start_command(home, words, log_file(home, name)))
    # Before the child's own first record, which comes once its interpreter is up.
    _write(home, begun)
    return begun


@contextmanager
def _alone(path: Path, root: Path) -> Iterator[None]:
    with path.open("a+b") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"Another process checks {root} now: wait for it.") from error
        except OSError:
            pass  # a file system without locks
        yield


@contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """Set by SIGTERM; where this is no main thread, by nothing.

    A second one ends the process at once. So does the first, after `STOP_SECONDS`: whoever waits for a disk that does
    not answer asks nothing.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    alarm_before = signal.getsignal(signal.SIGALRM)

    def stop(*_: object) -> None:
        asked.set()
        # The system's own answers: they need no Python, which may be waiting.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(STOP_SECONDS)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGTERM, before)
        if asked.is_set():
            signal.alarm(0)
            signal.signal(signal.SIGALRM, alarm_before)


def _has_changed(path: str, found: Survey) -> bool:
    # By the folder alone: to look for its name among all datasets, for each of them, is quadratic.
    try:
        return stamp_of(open_dataset(path)) != found.stamp
    except InputError:
        return True  # it is gone, or cannot be read


def _beginning(name: str, root: Path, process: psutil.Process) -> SurveyState:
    now = time.time()
    return SurveyState(
        name,
        str(root),
        SurveyPhase.RUNNING,
        started_at=now,
        updated_at=now,
        host=socket.gethostname(),
        pid=process.pid,
        process_started=process.create_time(),
    )


def _folder(home: Home) -> Path:
    return home.state / "surveys"


def _read(home: Home, name: str) -> SurveyState | None:
    if Path(name).name != name:
        return None
    try:
        values: Mapping[str, Any] = json.loads((_folder(home) / f"{name}.json").read_text(encoding="utf-8"))
        found = Survey.from_json(values["survey"]) if values["survey"] else None
        return SurveyState(**{**values, "phase": SurveyPhase(values["phase"]), "survey": found})
    except (OSError, ValueError, KeyError, TypeError):
        return None  # never begun, or by another version


def _write(home: Home, told: SurveyState) -> None:
    """Replace the record in one step."""
    path = _folder(home) / f"{told.name}.json"
    temporary = path.with_name(f".{told.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(asdict(told)), encoding="utf-8")
    temporary.replace(path)
