"""Measures the dispatcher with a long queue: 200 runs of 300 videos, real SQLite, a real dispatcher process.

    python benchmarks/scale.py [--runs 200] [--videos 300] [--seconds 20] [--home DIR]

The dispatcher is the one that the app starts; only its workers are made up: each answers at once with the record of a
video of 25 frames and two objects, written to the run's folder as a worker does, so that what is measured is handing
out, taking in and writing down. While it works, the Queue page's query is timed from this process.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import os
import queue
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import psutil
from PIL import Image

from db import queries
from db.intents import ask
from db.queue import queue_overview
from db.schema import ensure
from db.session import engine_for, file_system, journal_mode
from db.states import IntentKind, IntentState
from vos_core.execution import lease
from vos_core.execution.dispatcher import Dispatcher
from vos_core.execution.messages import Assign, Finished, Message, Ready, Stop
from vos_core.execution.sidecar import ObjectRecord, VideoRecord, write_record
from vos_core.execution.slots import Slot
from vos_core.execution.worker_handle import Inbox, WorkerHandle
from vos_core.home import Home
from vos_core.launch import LaunchPlan, plan_launch
from vos_core.masks import write_mask
from vos_core.runs import Grid, RunSettings

FRAMES, OBJECTS, WORKERS = 25, 2, 8
SIZES = tuple(range(1, 17))
POLLS = 60


class InstantWorker(WorkerHandle):
    """Has a video done before it is asked."""

    def __init__(self, slot: Slot, home: Home, inbox: Inbox) -> None:
        super().__init__(slot, home)
        self.host, self.pid, self.process_started = socket.gethostname(), 0, 0.0
        self._inbox = inbox
        self._assignments: queue.Queue[Assign | None] = queue.Queue()
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        scores = tuple(0.5 for _ in range(FRAMES - 2))
        record = VideoRecord(
            fingerprint="",
            video="",
            attempt=1,
            frames=FRAMES,
            inference_s=1.0,
            wall_s=1.0,
            device_name="none",
            provenance={"packages": {"numpy": np.__version__}},
            objects=tuple(
                ObjectRecord(k + 1, tuple(range(1, FRAMES - 1)), scores, scores, (0.5, 0.5, 0.0), (0.5, 0.5, 0.0))
                for k in range(OBJECTS)
            ),
        )
        self._inbox.put((self, Ready(0)))
        while (task := self._assignments.get()) is not None:
            fingerprint = RunSettings.from_json(task.settings).fingerprint
            folder = Path(task.folder) / task.video
            folder.mkdir(parents=True)
            write_record(folder, replace(record, fingerprint=fingerprint, video=task.video, attempt=task.attempt))
            self._inbox.put((self, Finished(task.task_id, task.attempt)))
            self._inbox.put((self, Ready(0)))

    def send(self, message: Message) -> None:
        if isinstance(message, Assign):
            self._assignments.put(message)
        elif isinstance(message, Stop):
            self._assignments.put(None)

    def wait(self, seconds: float) -> bool:
        return True

    def kill(self) -> None:
        self._assignments.put(None)


class InstantWorkers:
    """CPU slots with such workers."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._slots = [Slot(f"cpu-{number}", "cpu") for number in range(WORKERS)]

    def slots(self) -> Sequence[Slot]:
        return self._slots

    def start(self, slot: Slot, inbox: Inbox) -> WorkerHandle:
        return InstantWorker(slot, self._home, inbox)


def dispatch(home: Home) -> None:
    """What the dispatcher's own entry does, with instant workers."""
    logging.basicConfig(level=logging.INFO)
    ensure(home.database)
    held = lease.take(home.database)
    assert held is not None, "another dispatcher works in this home"
    Dispatcher(home, held, InstantWorkers(home)).run()


def write_dataset(root: Path, videos: int) -> None:
    """A dataset of small frames: hard links to one picture and one mask."""
    for folder, suffix in (("JPEGImages", "jpg"), ("Annotations", "png")):
        first = root / folder / "480p" / "v000" / f"00000.{suffix}"
        first.parent.mkdir(parents=True)
        if suffix == "jpg":
            Image.new("RGB", (64, 48)).save(first)
        else:
            mask = np.zeros((48, 64), np.uint8)
            mask[5:20, 5:20], mask[25:40, 30:50] = 1, 2
            write_mask(first, mask)
        for number in range(videos):
            target = root / folder / "480p" / f"v{number:03d}"
            target.mkdir(exist_ok=True)
            for frame in range(FRAMES):
                path = target / f"{frame:05d}.{suffix}"
                if path != first:
                    os.link(first, path)
    lists = root / "ImageSets" / "2017"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("".join(f"v{number:03d}\n" for number in range(videos)))


def plan(home: Home, runs: int) -> LaunchPlan:
    """So many runs: `propagation` at 16 memory sizes, over the dataset and over the same one under other names."""
    dataset = ("scale", home.store(home.data / "scale"), "val")
    checked = plan_launch(Grid((dataset,), ("propagation",), SIZES), home)
    copies = (
        replace(run, settings=replace(run.settings, dataset=f"scale-{copy}"))
        for copy in range(-(-runs // len(SIZES)))
        for run in checked.runs
    )
    return replace(checked, runs=tuple(itertools.islice(copies, runs)))


def timed(action: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def cpu_seconds(process: psutil.Process) -> float:
    """Seconds of a core that it has had."""
    times = process.cpu_times()
    return float(times.user + times.system)


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    """Wait for it."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("waited in vain: see dispatcher.log in the home folder (--home)")
        time.sleep(0.02)


def is_applied(home: Home, intent_id: int) -> bool:
    """Whether the dispatcher has queued the launch."""
    intent = queries.intent(home.database, intent_id)
    if intent is not None and intent.state == IntentState.REFUSED.value:
        raise SystemExit(f"refused: {intent.answer}")
    return intent is not None and intent.state == IntentState.APPLIED.value


def done(home: Home) -> int:
    """Videos done so far, from the database's own tasks."""
    with engine_for(home.database).connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM video_task WHERE state = 'done'").scalar_one())


def measure(home: Home, runs: int, videos: int, seconds: float) -> list[tuple[str, str, str]]:
    """(what, wanted, measured) rows."""
    write_dataset(home.data / "scale", videos)
    ensure(home.database)
    launch: list[LaunchPlan] = []
    planning = timed(lambda: launch.append(plan(home, runs)))
    began = time.perf_counter()
    intent = ask(home.database, IntentKind.LAUNCH, launch[0].to_payload())
    asked = time.perf_counter() - began
    process = subprocess.Popen(
        [sys.executable, __file__, "--dispatch", "--home", str(home.root)],
        stderr=(home.root / "dispatcher.log").open("wb"),
    )
    try:
        until(lambda: is_applied(home, intent))
        queued = time.perf_counter() - began
        until(lambda: done(home) > 0)
        first = time.perf_counter() - began
        dispatcher = psutil.Process(process.pid)
        start, at, spent = done(home), time.perf_counter(), cpu_seconds(dispatcher)
        polls = []
        while time.perf_counter() - at < seconds:
            polls.append(timed(lambda: queue_overview(home.database)))
            time.sleep(seconds / POLLS)
        finished = done(home) - start
        rate = finished / (time.perf_counter() - at)
        rate_of_a_core = finished / (cpu_seconds(dispatcher) - spent)
        status = Path(f"/proc/{process.pid}/status").read_text()
        peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
        now = dispatcher.memory_info().rss / 2**20
        overview = queue_overview(home.database)
    finally:
        process.send_signal(signal.SIGTERM)
        stopping = timed(lambda: process.wait(30))
    polls = sorted(1e3 * poll for poll in polls)
    return [
        ("plan checked (frames and annotations of every video read)", "", f"{planning:.1f} s"),
        ("intent written", "", f"{asked:.2f} s"),
        (f"{runs * videos:,} tasks queued, the dispatcher's start included", "under 10 s", f"{queued:.1f} s"),
        ("first video done", "", f"{first:.1f} s"),
        ("videos handed out, taken in and written down", "at least 200/s", f"{rate:.0f}/s"),
        ("the same, for each second of a core that the dispatcher got", "at least 200/s", f"{rate_of_a_core:.0f}/s"),
        (
            f"Queue page's query ({len(overview.runs)} runs), median / 95% / longest",
            "under 100 ms",
            f"{statistics.median(polls):.1f} / {polls[int(0.95 * len(polls))]:.1f} / {polls[-1]:.1f} ms",
        ),
        ("dispatcher's memory, now / peak", "under 300 MB", f"{now:.0f} / {peak:.0f} MB"),
        ("stopping", "under 10 s", f"{stopping:.1f} s"),
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--videos", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=20.0, help="time the hand-out for so long")
    parser.add_argument("--home", type=Path, help="an empty folder (default: a temporary one)")
    parser.add_argument("--dispatch", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.dispatch:
        dispatch(Home.from_environment({}, cwd=args.home))
        return
    with tempfile.TemporaryDirectory(prefix="voslab-scale-") as temporary:
        home = Home.from_environment({}, cwd=args.home or Path(temporary))
        home.root.mkdir(parents=True, exist_ok=True)
        rows = measure(home, args.runs, args.videos, args.seconds)
        kind = file_system(home.root) or "unknown"
        print(f"{os.cpu_count()} cores, file system {kind}, journal mode {journal_mode(home.root)}\n")
        print("| | wanted | measured |\n|---|---|---|")
        for what, wanted, measured in rows:
            print(f"| {what} | {wanted} | {measured} |")


if __name__ == "__main__":
    main()
