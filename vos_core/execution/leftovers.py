"""Workers on this host that outlived their dispatcher: nothing is started in a slot while its old worker lives."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time

import psutil

from db.holder import process_alive
from vos_core.home import Home

OLD_WORKER_SECONDS = 5.0  # workers end by themselves within this time when they lose their dispatcher
WORKER_MODULE = "vos_core.execution.worker"

log = logging.getLogger("dispatcher")


def worker_processes(home: Home) -> dict[psutil.Process, str]:
    """The home's worker processes on this host, each with its slot's name.

    They are looked for among the processes, not in the database: one whose dispatcher died while starting it was never
    written down.
    """
    found = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            command = process.cmdline()
            if WORKER_MODULE not in command[:-1] or os.getsid(process.pid) != process.pid:
                continue  # a child that a worker just forked looks like it until it executes, but leads no session
            if process.environ().get("VOSLAB_STATE") == str(home.state):
                found[process] = command[-1]
    return found


class Leftovers:
    """The workers of earlier dispatchers, as a new dispatcher finds them."""

    def __init__(self, home: Home) -> None:
        self._living = worker_processes(home)
        self._found_at = time.monotonic()
        if self._living:
            log.info("waiting for workers of an earlier dispatcher: %s", ", ".join(self._living.values()))

    def hold_up(self, slot: str) -> bool:
        """Whether no worker may be started in the slot yet.

        For a while all of them hold up every slot: one could still be writing a video that another slot would get.
        One that does not end by itself is killed; one that cannot be killed (stuck in a driver) keeps its slot.
        """
        waited = time.monotonic() - self._found_at
        for process in list(self._living):
            if not process_alive(process.pid, process.create_time()):
                del self._living[process]
            elif waited > OLD_WORKER_SECONDS:
                log.warning("worker %s of an earlier dispatcher does not end: killing it", self._living[process])
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
        return slot in self._living.values() or (bool(self._living) and waited < 2 * OLD_WORKER_SECONDS)
