"""Workers on this machine: each a process, with its two pipes."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence

import psutil

from vos_core.errors import VosLabError
from vos_core.execution.leftovers import WORKER_MODULE
from vos_core.execution.messages import Message, decode, encode
from vos_core.execution.slots import Slot, find_slots
from vos_core.execution.worker_handle import Gone, Inbox, WorkerHandle, is_by_itself, worker_environment
from vos_core.home import Home


class WorkerProcess(WorkerHandle):
    """Starts a worker in a slot and reads its messages on a thread into the dispatcher's inbox."""

    def __init__(self, slot: Slot, home: Home, inbox: Inbox) -> None:
        super().__init__(slot, home)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", WORKER_MODULE, slot.name],  # the name: for `ps`, and for a later dispatcher
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=home.root,
                env={**os.environ, **worker_environment(slot, home)},
                start_new_session=True,
            )
        self.host = socket.gethostname()
        self.pid = self.process.pid
        self.process_started = psutil.Process(self.process.pid).create_time()
        threading.Thread(target=self._read, args=(inbox,), daemon=True, name=f"read-{slot.name}").start()

    def send(self, message: Message) -> None:
        """Write to the worker's pipe; of a worker that just died, it is closed."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError, ValueError):
            self.process.stdin.write(encode(message))
            self.process.stdin.flush()

    def wait(self, seconds: float) -> bool:
        """Whether the process ended within that time."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        return self.process.poll() is not None

    def kill(self) -> None:
        """End it at once, its scoring process with it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _read(self, inbox: Inbox) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                inbox.put((self, decode(line)))
            except VosLabError:
                continue
        inbox.put((self, how_it_ended(self.process.wait())))


class LocalWorkers:
    """This machine's GPUs and cores as slots."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._slots = find_slots()

    def slots(self) -> Sequence[Slot]:
        """They stay the same for the dispatcher's life."""
        return self._slots

    def start(self, slot: Slot, inbox: Inbox) -> WorkerHandle:
        """Start a process bound to the slot's device."""
        return WorkerProcess(slot, self._home, inbox)


def how_it_ended(code: int) -> Gone:
    """An exit code in words."""
    how = f"signal {-code} (out of memory?)" if code < 0 else f"exit code {code}"
    return Gone(how, is_by_itself(code))
