"""What runs in a Ray actor: it starts a worker process beside itself and passes messages between it and the dispatcher.

Sent to the cluster by value, so it knows nothing but the standard library: a node needs the repository at the same path
for the worker itself only.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping


class Relay:
    """One worker process on the actor's node.

    The worker reads and writes pipes as any local one does, and ends when they close: with this actor, however that
    ended. The actor ends itself when nobody polls it for `silence` seconds.
    """

    def __init__(self, arguments: list[str], environment: Mapping[str, str], cwd: str, log: str, silence: float):
        with open(log, "ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                cwd=cwd,
                env={**os.environ, **environment},  # Ray has set CUDA_VISIBLE_DEVICES
                start_new_session=True,
            )
        self._silence = silence
        self._polled_at = time.monotonic()
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._watch, daemon=True).start()

    def pid(self) -> int:
        """Of the worker process."""
        return self._process.pid

    def poll(self, seconds: float) -> tuple[list[bytes], int | None]:
        """The worker's messages, waiting at most `seconds` for the first, and its exit code after the last one."""
        self._polled_at = time.monotonic()
        lines: list[bytes | None] = []
        with contextlib.suppress(queue.Empty):
            lines.append(self._lines.get(timeout=seconds))
            while True:
                lines.append(self._lines.get_nowait())
        self._polled_at = time.monotonic()
        return [line for line in lines if line is not None], self._process.wait() if None in lines else None

    def send(self, line: bytes) -> None:
        """Pass a message to the worker; that it is dead is told by `poll`."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError, ValueError):
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _watch(self) -> None:
        while time.monotonic() - self._polled_at < self._silence:
            time.sleep(0.5)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        os._exit(1)
