"""Jobs that go on without whoever asked: a process a job that outlives the app, and what each has come to.

The process itself (`python -m vos_core fetch NAME`, with `--verify`, or `demo`, from a terminal or from `start`) keeps
a record in `state/downloads/NAME.json`, so that every page and every terminal sees the same bar. A lock keeps a job's
record to one process. Knows no database and no screen.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import psutil

from vos_core.detached import is_alive, is_here, start_command
from vos_core.downloads.catalogue import find_item
from vos_core.downloads.failures import Damaged
from vos_core.downloads.installation import alone
from vos_core.downloads.jobs import Job, find_job, jobs
from vos_core.downloads.presence import State
from vos_core.downloads.progress import Callback, Progress, Stage
from vos_core.errors import InputError, VosLabError
from vos_core.home import Home

WRITE_SECONDS = 0.5  # between two records of a transfer
SPEED_SECONDS = 15.0  # over which the speed is taken


class Phase(StrEnum):
    """Where a job stands."""

    STARTING = "starting"
    DOWNLOADING = "downloading"
    WAITING = "waiting"
    VERIFYING = "verifying"
    UNPACKING = "unpacking"
    GENERATING = "generating"
    READY = "ready"
    FAILED = "failed"
    DAMAGED = "damaged"  # what is there is not what was published or recorded
    STOPPED = "stopped"  # its process ended before it was done

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen unless it is started again."""
        return self in (Phase.READY, Phase.FAILED, Phase.DAMAGED, Phase.STOPPED)


@dataclass(frozen=True)
class DownloadState:
    """One job as it last said. Times are Unix seconds; `done` and `total` of the present phase: bytes, or frames."""

    name: str
    phase: Phase
    done: int = 0
    total: int | None = None
    note: str = ""  # what it waits for, which file it is at, why it failed, what its end had to say
    bytes_per_second: float | None = None  # while it transfers, over the last seconds
    started_at: float = 0.0
    updated_at: float = 0.0
    host: str = ""
    pid: int = 0
    process_started: float = 0.0
    asked: bool = False  # STOPPED because somebody asked for it

    @property
    def fraction(self) -> float | None:
        """Part of the present phase that is done, 0 to 1; None where the whole is not known."""
        return min(1.0, self.done / self.total) if self.total else None

    @property
    def seconds_left(self) -> float | None:
        """Of the transfer, at the present speed; None where that cannot be told."""
        if self.phase is not Phase.DOWNLOADING or not self.bytes_per_second or self.total is None:
            return None
        return (self.total - self.done) / self.bytes_per_second


def start(home: Home, names: Iterable[str]) -> list[DownloadState]:
    """Make these ready in the background, a detached process each; one that is under way is left alone.

    Returns their states. Raises InputError for an unknown name, or where the state folder cannot be written;
    VosLabError when no process starts.
    """
    return _start(home, {job.name: job for job in map(find_job, names)})


def verify(home: Home, names: Iterable[str]) -> list[DownloadState]:
    """Read these items through in the background and compare sizes and SHA-256 (see `vos_core.downloads.verification`).

    It ends in READY with what was read as its note, or in DAMAGED with what differs; an item that is being worked on
    is left alone. Returns and raises as `start`.
    """
    items = (find_item(name) for name in names)
    return _start(home, {item.name: Job.verification(item) for item in items})


def _start(home: Home, wanted: dict[str, Job]) -> list[DownloadState]:
    with _kept(home, " and ".join(wanted)):
        _folder(home).mkdir(parents=True, exist_ok=True)
        lock = (_folder(home) / ".start.lock").open("a+b")
    with lock:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(lock, fcntl.LOCK_EX)
        return [_ensure(home, job) for job in wanted.values()]


def states(home: Home) -> list[DownloadState]:
    """Every job that was done, or is being; a process that is gone without a word is told as stopped.

    What was brought and then taken away again is no longer listed.
    """
    found = []
    for name, job in jobs().items():
        told = state(home, name)
        if told is not None and (told.phase is not Phase.READY or job.state(home) is State.READY):
            found.append(told)
    return found


def state(home: Home, name: str) -> DownloadState | None:
    """One job; None where it was never begun."""
    told = _read(home, name)
    if told is None or told.phase.ended or is_alive(told):
        return told
    asked, log = _was_asked(home, told), log_file(home, name)
    how = f"{'was stopped' if asked else 'ended'} before it was done"
    if not asked and log.exists():
        how += f", and nobody asked for that (what it printed last: {log})"
    return replace(told, phase=Phase.STOPPED, note=_stopped(name, how), asked=asked, bytes_per_second=None)


def stop(home: Home, name: str) -> bool:
    """End a job on this host; what was transferred is kept. Returns whether there was one."""
    told = _read(home, name)
    if told is None or told.phase.ended or not is_here(told) or not is_alive(told):
        return False
    with contextlib.suppress(OSError):
        # Beforehand, and not in the record: its own process may be writing that now.
        _asking(home, name).write_text(_who(told), encoding="utf-8")
    with contextlib.suppress(ProcessLookupError):
        os.kill(told.pid, 15)
    return True


def log_file(home: Home, name: str) -> Path:
    """What a job's background process printed."""
    return _folder(home) / f"{name}.log"


@contextmanager
def recorded(name: str, home: Home) -> Iterator[Callback]:
    """Keep the record of one job by this process; yields what reports its progress (see `fetch`).

    Whatever is raised leaves as it came, and stands in the record. Raises DownloadError when another process keeps it,
    InputError where the state folder cannot be written.
    """
    with contextlib.ExitStack() as stack:
        with _kept(home, name):
            stack.enter_context(alone(name, _folder(home) / f".{name}.lock"))
        record = _Record(home, name)
        try:
            yield record.report
        except VosLabError as error:
            record.end(Phase.DAMAGED if isinstance(error, Damaged) else Phase.FAILED, str(error))
            raise
        except OSError as error:
            record.end(Phase.FAILED, f"{name} cannot be written: {error.strerror or error}.")
            raise
        except KeyboardInterrupt:
            record.end(Phase.STOPPED, _stopped(name, "was stopped before it was done"), asked=True)
            raise
        except Exception as error:
            log = log_file(home, name)
            where = f"more is where it was begun{f', or in {log}' if log.exists() else ''}"
            record.end(Phase.FAILED, f"{name} failed in a way that nobody foresaw ({_words(error)}): {where}.")
            raise
        else:
            record.end(Phase.READY, record.last_words)


class _Record:
    """This process's record of one job: written when the phase changes, and now and then in between."""

    last_words = ""

    def __init__(self, home: Home, name: str) -> None:
        self._home = home
        self._state = _beginning(name, psutil.Process())
        self._marks: deque[tuple[float, int]] = deque()
        _write(home, self._state)

    def report(self, progress: Progress) -> None:
        """Take in one report."""
        phase, now = _PHASES[progress.stage], time.time()
        if phase is Phase.READY:
            self.last_words = progress.note
            return  # the end says so
        same = phase is self._state.phase
        if same and phase is not Phase.WAITING and now - self._state.updated_at < WRITE_SECONDS:
            return
        self._state = replace(
            self._state,
            phase=phase,
            done=progress.done,
            total=progress.total,
            note=progress.note,
            bytes_per_second=self._speed(now, progress.done) if phase is Phase.DOWNLOADING else None,
            updated_at=now,
        )
        _write(self._home, self._state)

    def end(self, phase: Phase, note: str = "", *, asked: bool = False) -> None:
        """The last word."""
        self._state = replace(
            self._state, phase=phase, note=note, asked=asked, bytes_per_second=None, updated_at=time.time()
        )
        _write(self._home, self._state)

    def _speed(self, now: float, done: int) -> float | None:
        if self._marks and done < self._marks[-1][1]:
            self._marks.clear()  # from the start again
        self._marks.append((now, done))
        while now - self._marks[0][0] > SPEED_SECONDS:
            self._marks.popleft()
        (then, before), seconds = self._marks[0], now - self._marks[0][0]
        return (done - before) / seconds if seconds >= WRITE_SECONDS and now > then else None


_PHASES = {
    Stage.DOWNLOADING: Phase.DOWNLOADING,
    Stage.WAITING: Phase.WAITING,
    Stage.VERIFYING: Phase.VERIFYING,
    Stage.UNPACKING: Phase.UNPACKING,
    Stage.GENERATING: Phase.GENERATING,
    Stage.READY: Phase.READY,
}


def _ensure(home: Home, job: Job) -> DownloadState:
    told = state(home, job.name)
    if told is not None and not told.phase.ended:
        return told
    try:
        _asking(home, job.name).unlink(missing_ok=True)
        begun = _beginning(job.name, start_command(home, job.words, log_file(home, job.name)))
    except (OSError, psutil.Error) as error:
        raise VosLabError(f"The work on {job.name} could not be started: {error}.") from error
    # Before the child's own first record, which comes once its interpreter is up.
    _write(home, begun)
    return begun


def _beginning(name: str, process: psutil.Process) -> DownloadState:
    now = time.time()
    return DownloadState(
        name,
        Phase.STARTING,
        started_at=now,
        updated_at=now,
        host=socket.gethostname(),
        pid=process.pid,
        process_started=process.create_time(),
    )


def _stopped(name: str, how: str) -> str:
    return f"The work on {name} {how}; start it again: {find_job(name).again}."


def _words(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")[:300]


@contextmanager
def _kept(home: Home, name: str) -> Iterator[None]:
    """What the file system refuses where jobs are kept, as an InputError: nothing was begun."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{_folder(home)}, where the work on {name} is recorded, cannot be written ({error.strerror or error}): "
            "make room, mend its permissions, or set VOSLAB_STATE to another folder."
        ) from error


def _who(told: DownloadState) -> str:
    return f"{told.host} {told.pid}"


def _asking(home: Home, name: str) -> Path:
    """Which process was last asked to stop."""
    return _folder(home) / f".{name}.stop"


def _was_asked(home: Home, told: DownloadState) -> bool:
    try:
        return _asking(home, told.name).read_text(encoding="utf-8") == _who(told)
    except (OSError, UnicodeDecodeError):
        return False


def _folder(home: Home) -> Path:
    return home.state / "downloads"


def _read(home: Home, name: str) -> DownloadState | None:
    try:
        values: dict[str, Any] = json.loads((_folder(home) / f"{name}.json").read_text(encoding="utf-8"))
        return DownloadState(**{**values, "phase": Phase(values["phase"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(home: Home, told: DownloadState) -> None:
    """Replace the record in one step. A record that cannot be written stops no fetch."""
    path = _folder(home) / f"{told.name}.json"
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with contextlib.suppress(OSError):
        temporary.write_text(json.dumps(asdict(told)), encoding="utf-8")
        temporary.replace(path)
