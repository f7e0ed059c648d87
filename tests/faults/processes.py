"""Real processes that fault tests start, watch and kill: a home's app, dispatcher and workers."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from db import queries
from vos_core.execution.leftovers import worker_processes
from vos_core.home import Home
from vos_core.launch import LaunchPlan, plan_launch
from vos_core.runs import Grid

ROOT = Path(__file__).resolve().parents[2]
DISPATCHER_MODULE = "vos_core.execution.dispatcher"


def until(condition: Callable[[], object], seconds: float, problem: str = "waited in vain") -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, problem
        time.sleep(0.05)


def family(home: Home) -> list[psutil.Process]:
    """Every process of this home but the calling one: app, dispatcher, workers, scoring processes."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            mine = process.environ().get("VOSLAB_STATE") == str(home.state)
            if mine and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def dispatchers(home: Home) -> list[psutil.Process]:
    found = []
    for process in family(home):
        with contextlib.suppress(psutil.Error):
            if DISPATCHER_MODULE in process.cmdline():
                found.append(process)
    return found


def finished_videos(home: Home) -> list[Path]:
    """Folders of videos that are whole: put in place with their records."""
    folders = (record.parent for record in home.outputs.glob("*/*/*/.voslab.json"))
    return [folder for folder in folders if not folder.name.startswith(".tmp-")]


def end_all(home: Home) -> None:
    """Kill whatever is left of this home's processes, those that start others first."""
    for _ in range(5):
        left = sorted(family(home), key=lambda process: process.pid)
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=5)
        if not left:
            return


@dataclass
class App:
    """The app as README starts it; killed, it can be started again."""

    home: Home
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if not self.port:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
        self.home.root.mkdir(parents=True, exist_ok=True)
        streamlit = Path(sys.executable).with_name("streamlit")
        with (self.home.root / "app.log").open("ab") as log:
            self.process = subprocess.Popen(
                [streamlit, "run", "app.py", "--server.port", str(self.port)],
                cwd=ROOT,
                env={**os.environ, **self.home.environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def answers(self) -> bool:
        with contextlib.suppress(OSError):
            return bool(urllib.request.urlopen(f"http://127.0.0.1:{self.port}/_stcore/health", timeout=2).status == 200)
        return False

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and no waiting for what it started."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def served(home: Home) -> Iterator[App]:
    """A running app; afterwards nothing of its home is left running."""
    app = App(home)
    try:
        app.start()
        until(app.answers, 90, f"the app did not start: see {home.root / 'app.log'}")
        yield app
    finally:
        if app.process is not None:
            app.kill()
        end_all(home)


@dataclass
class Watch:
    """Looks at a home's processes and folders all the time and notes what must never be."""

    home: Home
    problems: list[str] = field(default_factory=list)
    looks: int = 0
    _made: dict[Path, int] = field(default_factory=dict)
    _end: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Watch:
        self._thread = threading.Thread(target=self._look_on, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _look_on(self) -> None:
        while not self._end.wait(0.05):
            self.looks += 1
            slots = Counter(worker_processes(self.home).values())
            self.problems += [f"{count} workers on slot {slot}" for slot, count in slots.items() if count > 1]
            for folder in finished_videos(self.home):
                record = folder / ".voslab.json"
                with contextlib.suppress(FileNotFoundError):
                    made = record.stat().st_mtime_ns
                    if self._made.setdefault(folder, made) != made:
                        self._made[folder] = made
                        self.problems.append(f"{folder} was made again")


def plan(home: Home, dataset: str, models: tuple[str, ...], sizes: tuple[int, ...] = (), **grid: object) -> LaunchPlan:
    return plan_launch(Grid(((dataset, f"data:{dataset}", "val"),), models, sizes, **grid), home)  # type: ignore[arg-type]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def results(home: Home, run_ids: list[int]) -> dict[str, dict[str, object]]:
    """Everything that must not depend on what happened on the way: states, figures, rows, curves and masks, by run."""
    found: dict[str, dict[str, object]] = {}
    for run in queries.runs(home.database, run_ids):
        folder = home.locate(run.folder)
        tasks = queries.tasks(home.database, run.id)
        states = (run.state, {task.video: (task.state, task.error) for task in tasks})
        curves = {task.video: queries.curves(home.database, task.id) for task in tasks}
        # Digests, not the pictures: what differs must be readable in a report.
        masks = {str(path.relative_to(folder)): _digest(path) for path in sorted(folder.glob("*/*.png"))}
        figures = (run.jf_mean, run.j_mean, run.j_recall, run.j_decay, run.f_mean, run.f_recall, run.f_decay)
        rows = queries.object_rows(home.database, run.id)
        found[run.name] = {"states": states, "figures": figures, "rows": rows, "curves": curves, "masks": masks}
    return found


def differences(found: dict[str, dict[str, object]], expected: dict[str, dict[str, object]]) -> list[str]:
    """What differs, in lines that can be read: whole results are too long for a report, which shows their end only."""
    assert found.keys() == expected.keys()
    return [
        f"{name}: {part} are {repr(found[name][part])[:500]} and not {repr(wanted)[:500]}"
        for name, parts in expected.items()
        for part, wanted in parts.items()
        if found[name][part] != wanted
    ]
