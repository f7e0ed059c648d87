"""A worker as its dispatcher holds it, wherever it runs: its slot, what it is doing, and how to talk to it."""

from __future__ import annotations

import os
import queue
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from db.states import TaskKind
from vos_core.cuda import SLOT_DEVICE_VARIABLE
from vos_core.execution.messages import Assign, Message, Progress, Upcoming
from vos_core.execution.slots import Slot
from vos_core.execution.task_queue import Peer, PendingTask, QueuedRun, seconds_left
from vos_core.home import Home

REPOSITORY = Path(__file__).resolve().parents[2]
FAULTS = {signal.SIGILL, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGSEGV, signal.SIGSYS}


@dataclass(frozen=True)
class Gone:
    """Put in the dispatcher's inbox when a worker ended. `how` completes the sentence "its worker died on it, ..."."""

    how: str
    by_itself: bool = True  # and not killed from outside, which says nothing about the work


@dataclass
class Assignment:
    """What a worker is doing."""

    run: QueuedRun
    task: PendingTask
    attempt: int
    began: float
    expected_s: float  # loading included
    held: str | None = None  # weights that the worker held before
    cancelled_at: float | None = None
    written: bool = False  # its finished video is written down


class WorkerHandle(ABC):
    """One worker. Its messages, and at last a `Gone`, arrive in the dispatcher's inbox."""

    host: str
    pid: int  # of the worker process on `host`; 0 until it is known
    process_started: float  # psutil create_time, to tell it from a later process with the same pid

    def __init__(self, slot: Slot, home: Home) -> None:
        self.slot = slot
        self.assignment: Assignment | None = None
        self.ready = False
        self.unfit = False  # it said that it cannot use its device, and is about to end
        self.progress: Progress | None = None
        self.expected_task: int | None = None  # that it was told to expect
        self.weights: str | None = None  # that it holds, or loads for its assignment
        self.log = home.logs / f"worker-{slot.name}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)

    @property
    def idle(self) -> bool:
        """Started, and without a task."""
        return self.ready and self.assignment is None and not self.unfit

    def assign(self, run: QueuedRun, task: PendingTask) -> Assignment:
        """Note a further attempt at a video task; `begin` tells the worker."""
        held, expected_s = self.weights, task.seconds
        if task.kind is TaskKind.SEGMENT and run.weights != held:
            expected_s += run.load_s
            self.weights = run.weights
        self.assignment = Assignment(run, task, task.attempt + 1, time.time(), expected_s, held)
        self.progress = None
        return self.assignment

    def unassign(self) -> None:
        """The assignment could not be written down: it is none."""
        if self.assignment is not None:
            self.weights, self.assignment = self.assignment.held, None

    def begin(self) -> None:
        """Tell the worker its assignment."""
        assert self.assignment is not None
        run, task = self.assignment.run, self.assignment.task
        task.attempt = self.assignment.attempt
        self.send(
            Assign(
                task.task_id,
                task.attempt,
                task.kind.value,
                task.video,
                run.settings.to_json(),
                run.folder,
                run.predictions or run.folder,
                run.reference,
            )
        )

    def expect(self, run: QueuedRun, task: PendingTask) -> None:
        """Let it begin to read the video that it is likely to be given next; said once."""
        if task.task_id != self.expected_task:
            self.expected_task = task.task_id
            self.send(Upcoming(task.video, run.settings.to_json()))

    @property
    def seconds_left(self) -> float:
        """Until it is expected to be free."""
        if self.assignment is None:
            return 0.0
        return seconds_left(self.assignment.expected_s, time.time() - self.assignment.began)

    def as_peer(self) -> Peer:
        """What the queue must know of it when another worker asks for a task."""
        return Peer(self.weights, self.seconds_left)

    @abstractmethod
    def send(self, message: Message) -> None:
        """Hand a message over; that the worker is dead is noticed by its `Gone`, never here."""

    @abstractmethod
    def wait(self, seconds: float) -> bool:
        """Whether it ended within that time."""

    @abstractmethod
    def kill(self) -> None:
        """End it at once, its scoring process with it."""


Inbox = queue.Queue[tuple[WorkerHandle, Message | Gone]]


class WorkerSource(Protocol):
    """Where workers can run now, and what starts one there."""

    def slots(self) -> Sequence[Slot]:
        """The slots of this moment, in a stable order; machines may come and go."""

    def start(self, slot: Slot, inbox: Inbox) -> WorkerHandle:
        """Start a worker in a slot. It says `Ready` in the inbox when it can be given a task."""


def is_by_itself(code: int) -> bool:
    """Whether a process with this exit code ended by itself: with a code, or the signal of a fault of its own."""
    return code >= 0 or -code in FAULTS


def worker_environment(slot: Slot, home: Home) -> dict[str, str]:
    """What a worker's process needs in its environment beyond what its machine has."""
    return {
        **home.environment(),
        **slot.environment,
        SLOT_DEVICE_VARIABLE: slot.device,
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")])),
    }
