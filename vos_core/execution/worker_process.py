"""A worker as its dispatcher holds it: the process, its two pipes, and what it is doing."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from vos_core.errors import VosLabError
from vos_core.execution.messages import Assign, Message, Progress, decode, encode
from vos_core.execution.slots import Slot
from vos_core.execution.task_queue import PendingTask, QueuedRun
from vos_core.home import Home

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Gone:
    """Put in the dispatcher's inbox when a worker's pipe closes."""


@dataclass
class Assignment:
    """What a worker is doing."""

    run: QueuedRun
    task: PendingTask
    attempt: int
    began: float
    cancelled_at: float | None = None


class WorkerProcess:
    """Starts a worker in a slot and reads its messages on a thread into the dispatcher's inbox."""

    def __init__(self, slot: Slot, home: Home, inbox: queue.Queue[tuple[WorkerProcess, Message | Gone]]) -> None:
        self.slot = slot
        self.assignment: Assignment | None = None
        self.ready = False
        self.progress: Progress | None = None
        self.log = home.logs / f"worker-{slot.name}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, **home.environment(), **slot.environment, "PYTHONUNBUFFERED": "1"}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "vos_core.execution.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=home.root,
                env=environment,
                start_new_session=True,
            )
        self.process_started = psutil.Process(self.process.pid).create_time()
        threading.Thread(target=self._read, args=(inbox,), daemon=True, name=f"read-{slot.name}").start()

    @property
    def idle(self) -> bool:
        """Started, and without a task."""
        return self.ready and self.assignment is None

    def send(self, message: Message) -> None:
        """Hand a message over; a worker that just died is noticed by its closed pipe."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError, ValueError):
            self.process.stdin.write(encode(message))
            self.process.stdin.flush()

    def assign(self, run: QueuedRun, task: PendingTask, attempt: int) -> None:
        """Give it a video task."""
        self.assignment = Assignment(run, task, attempt, time.time())
        self.progress = None
        self.send(
            Assign(
                task.task_id,
                attempt,
                task.kind.value,
                task.video,
                run.settings.to_json(),
                run.folder,
                run.predictions or run.folder,
                run.reference,
            )
        )

    def kill(self) -> None:
        """End it at once, its scoring process with it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _read(self, inbox: queue.Queue[tuple[WorkerProcess, Message | Gone]]) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                inbox.put((self, decode(line)))
            except VosLabError:
                continue
        self.process.wait()
        inbox.put((self, Gone()))
