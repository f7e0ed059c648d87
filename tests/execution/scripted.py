"""A real dispatcher in the test's own process, over workers that do what a test has them do."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from db.intents import ask
from db.schema import ensure
from db.states import IntentKind
from tests.faults.processes import until
from vos_core.execution import lease
from vos_core.execution.dispatcher import Dispatcher
from vos_core.execution.messages import Assign, Message, Ready, Unfit
from vos_core.execution.sidecar import VideoRecord, write_record
from vos_core.execution.slots import Slot
from vos_core.execution.worker_handle import Gone, Inbox, WorkerHandle, WorkerSource
from vos_core.home import Home
from vos_core.launch import LaunchPlan
from vos_core.runs import RunSettings

Script = Callable[[Assign], Iterable[Message]]


class ScriptedWorker(WorkerHandle):
    """Answers an assignment with a script's messages; without a script it does not even start, but ends as `gone`."""

    def __init__(self, slot: Slot, home: Home, inbox: Inbox, script: Script | None, gone: Gone) -> None:
        super().__init__(slot, home)
        self.host, self.pid, self.process_started = socket.gethostname(), 0, 0.0
        self._inbox, self._script = inbox, script
        inbox.put((self, Ready(0) if script is not None else gone))

    def send(self, message: Message) -> None:
        if isinstance(message, Assign):
            threading.Thread(target=self._answer, args=(message,), daemon=True).start()

    def _answer(self, task: Assign) -> None:
        assert self._script is not None
        answer: Message | None = None
        for answer in self._script(task):
            self._inbox.put((self, answer))
        self._inbox.put((self, Gone("exit code 4") if isinstance(answer, Unfit) else Ready(0)))

    def wait(self, seconds: float) -> bool:
        return True

    def kill(self) -> None:
        """There is no process."""


class ScriptedWorkers:
    """CPU slots for such workers; `starts` counts them."""

    def __init__(
        self, home: Home, script: Script | None = None, gone: Sequence[Gone] = (Gone("exit code 1"),), slots: int = 1
    ) -> None:
        self._home, self._script, self._gone = home, script, gone
        self._slots = [Slot(f"cpu-{number}", "cpu") for number in range(slots)]
        self.starts = 0

    def slots(self) -> Sequence[Slot]:
        return self._slots

    def start(self, slot: Slot, inbox: Inbox) -> WorkerHandle:
        gone = self._gone[min(self.starts, len(self._gone) - 1)]
        self.starts += 1
        return ScriptedWorker(slot, self._home, inbox, self._script, gone)


def make(task: Assign, frames: int) -> None:
    """Put a finished video without scores in place, as a worker does."""
    folder = Path(task.folder) / task.video
    folder.mkdir(parents=True, exist_ok=True)
    settings = RunSettings.from_json(task.settings)
    write_record(folder, VideoRecord(settings.fingerprint, task.video, task.attempt, frames, wall_s=1.0))


def queue_launch(home: Home, plan: LaunchPlan) -> None:
    """Ask for a launch, without starting anybody to act on it."""
    ensure(home.database)
    ask(home.database, IntentKind.LAUNCH, plan.to_payload())


def dispatch(home: Home, workers: WorkerSource, condition: Callable[[], object], seconds: float = 20) -> None:
    """Dispatch until `condition` holds; a dispatcher runs in the main thread, since it hears SIGTERM."""
    held = lease.take(home.database)
    assert held is not None
    vain: list[AssertionError] = []

    def watch() -> None:
        try:
            until(condition, seconds)
        except AssertionError as error:
            vain.append(error)
        os.kill(os.getpid(), signal.SIGTERM)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    dispatcher = Dispatcher(home, held, workers)
    signal.signal(signal.SIGTERM, lambda *_: None)  # should it come too early
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        dispatcher.run()
    finally:
        watcher.join()
        for number, handler in before.items():
            signal.signal(number, handler)
    assert not vain, vain
