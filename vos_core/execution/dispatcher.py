"""The dispatcher: the one background process that hands video tasks to workers and writes their results."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import time
from collections import deque
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from types import FrameType

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from db import ledger, queries
from db.schema import ensure
from db.states import TaskKind
from vos_core.cuda import CLUSTER_VARIABLE
from vos_core.execution import lease
from vos_core.execution.clocks import RunClocks
from vos_core.execution.intents import Effects, apply_intents, remove_folders, write_run_file
from vos_core.execution.leftovers import Leftovers
from vos_core.execution.loading import cost_of, queued_runs
from vos_core.execution.messages import Cancel, Failed, Finished, Message, Progress, Ready, Stop, Stopped
from vos_core.execution.outcomes import (
    finished_record,
    write_death,
    write_failure,
    write_finished,
    write_run_failure,
    write_stopped,
)
from vos_core.execution.progress import Underway, pace_of
from vos_core.execution.ray_workers import RayWorkers
from vos_core.execution.sidecar import sweep
from vos_core.execution.slots import Slot, may_use
from vos_core.execution.task_queue import PendingTask, QueuedRun, TaskQueue
from vos_core.execution.worker_handle import Assignment, Gone, Inbox, WorkerHandle, WorkerSource
from vos_core.execution.worker_process import LocalWorkers
from vos_core.home import Home

TICK_SECONDS = 0.2
HEARTBEAT_SECONDS = 1.0
IDLE_EXIT_SECONDS = 20.0
CANCEL_SECONDS = 1.5  # or two frames, whichever is longer: then a cancelled worker that has not stopped is killed
STOP_SECONDS = 6.0  # for all workers, when the dispatcher is told to stop
RETRY_SECONDS = 1.0
MOST_FAILED_STARTS = 3

log = logging.getLogger("dispatcher")


class Dispatcher:
    """One loop: hear workers, apply intents, hand out tasks, and write everything in one commit a second."""

    def __init__(self, home: Home, held: lease.Held, source: WorkerSource) -> None:
        self._home, self._held = home, held
        self._database = home.database
        self._leftovers = Leftovers(home)
        self._source = source
        self._slots: Sequence[Slot] = ()
        self._workers: dict[str, WorkerHandle] = {}
        self._failed_starts: dict[str, int] = {}
        self._inbox: Inbox = queue.Queue()
        self._queue = TaskQueue(has_gpu=False)
        self._clocks = RunClocks()
        self._unheard: deque[tuple[WorkerHandle, Message | Gone]] = deque()
        self._adrift = True  # what is in memory may differ from the database
        self._stopping = False
        self._heartbeat_at = 0.0
        self._idle_since = time.monotonic()

    # --- life

    def run(self) -> None:
        """Dispatch until idle, told to stop, or the lease is lost."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            while not self._stopping:
                try:
                    if self._adrift:
                        self._catch_up()
                    self._tick()
                    if self._is_idle() and self._held.release(unless_asked=True):
                        log.info("nothing left to do")
                        self._stop_workers()
                        return
                except (OperationalError, OSError) as error:
                    # Locked or a full disk: nothing is lost, results wait on disk and in memory.
                    log.warning("this cannot be done now, trying again: %s", getattr(error, "orig", error))
                    self._adrift = True
                    time.sleep(RETRY_SECONDS)
            self._shut_down()
        except lease.LeaseLost:
            log.error("another dispatcher took the lease: stopping without a word to the database")
            self._stop_workers()

    def _catch_up(self) -> None:
        """Read the queue anew. Tasks that are marked as running while no worker is on them wait again: an earlier
        dispatcher's, or one of ours whose end could not be written."""
        at_work = [worker.assignment.task.task_id for worker in self._workers.values() if worker.assignment]
        with self._writing() as session:
            ledger.requeue_interrupted(session, at_work)
        self._queue = TaskQueue(has_gpu=self._queue.has_gpu)
        self._reload(None)
        self._adrift = False

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def _is_idle(self) -> bool:
        if len(self._queue) or any(worker.assignment for worker in self._workers.values()):
            self._idle_since = time.monotonic()
        return time.monotonic() - self._idle_since > IDLE_EXIT_SECONDS

    def _shut_down(self) -> None:
        log.info("stopping: running videos go back to the queue")
        self._stop_workers()
        deadline = time.monotonic() + RETRY_SECONDS
        try:
            while self._workers and time.monotonic() < deadline:
                self._hear(TICK_SECONDS)  # their last words: what was finished is done
            with self._writing() as session:
                ledger.requeue_interrupted(session)
                ledger.write_paces(session, {})
            self._held.release()
        except OperationalError as error:
            log.warning("this is left to the next dispatcher: %s", error.orig)

    def _stop_workers(self) -> None:
        for worker in self._workers.values():
            if worker.assignment is not None:
                worker.assignment.cancelled_at = worker.assignment.cancelled_at or time.monotonic()
            worker.send(Stop())
        deadline = time.monotonic() + STOP_SECONDS
        for worker in self._workers.values():
            worker.wait(max(0.1, deadline - time.monotonic()))
            worker.kill()

    # --- one turn of the loop

    def _tick(self) -> None:
        self._hear(TICK_SECONDS)
        self._apply_intents()
        self._kill_deaf_workers()
        self._hand_out()
        if time.monotonic() - self._heartbeat_at >= HEARTBEAT_SECONDS:
            self._beat()

    def _hear(self, seconds: float) -> None:
        """Take messages, waiting at most `seconds` for the first. One stays unheard until it is written down: a
        database that is locked for a while loses none."""
        with contextlib.suppress(queue.Empty):
            if not self._unheard:
                self._unheard.append(self._inbox.get(timeout=seconds))
            while True:
                self._unheard.append(self._inbox.get_nowait())
        self._write_finished()
        while self._unheard:
            self._on_message(*self._unheard[0])
            self._unheard.popleft()

    def _write_finished(self) -> None:
        """Write down all videos that were heard to be finished, in one transaction: results may come by hundreds."""
        found = []
        for worker, message in self._unheard:
            assignment = worker.assignment
            if isinstance(message, Finished) and assignment is not None and _is_about(message, assignment):
                record = finished_record(assignment.run, assignment.task)
                if record is not None:
                    found.append((assignment, record))
        write_finished(self._writing, [(assignment.task, record) for assignment, record in found])
        for assignment, _ in found:
            assignment.written = True

    def _on_message(self, worker: WorkerHandle, message: Message | Gone) -> None:
        if isinstance(message, Gone):
            self._on_gone(worker, message.how)
            return
        if isinstance(message, Ready):
            worker.ready = True
            self._failed_starts.pop(worker.slot.name, None)
            return
        assignment = worker.assignment
        if assignment is None or not _is_about(message, assignment):
            return  # of an attempt that was superseded
        if isinstance(message, Progress):
            worker.progress = message
            return
        if not assignment.written:
            self._on_end(assignment.run, assignment.task, message)
        self._leave(worker, assignment)

    def _leave(self, worker: WorkerHandle, assignment: Assignment) -> None:
        """The worker is no longer on that run; when it was the last one, the run's clock stops."""
        run_id = assignment.run.run_id
        worker.assignment, worker.progress = None, None
        if not any(w.assignment and w.assignment.run.run_id == run_id for w in self._workers.values()):
            self._clocks.stop(run_id)

    def _on_end(self, run: QueuedRun, task: PendingTask, message: Message) -> None:
        """A worker's last word on an attempt. One transaction each: a message may be heard again after it failed."""
        waits = False
        if isinstance(message, Finished):
            lost = f"Video {task.video}: its finished folder vanished from {run.folder}."
            waits = write_failure(self._writing, task, lost)
        elif isinstance(message, Failed) and message.whole_run:
            self._fail_run(run, task, message.sentence)
        elif isinstance(message, Failed):
            waits = write_failure(self._writing, task, message.sentence)
        elif isinstance(message, Stopped):
            waits = write_stopped(self._writing, task)
        if waits:
            self._queue.put_back(run, task)

    def _fail_run(self, run: QueuedRun, task: PendingTask, sentence: str) -> None:
        write_run_failure(self._writing, run.run_id, [task, *self._queue.drop(run.run_id)], sentence)

    def _on_gone(self, worker: WorkerHandle, how: str) -> None:
        """A worker ended."""
        name = worker.slot.name
        if self._workers.get(name) is not worker:
            return
        if not worker.ready:
            self._failed_starts[name] = self._failed_starts.get(name, 0) + 1
            log.error("worker %s did not start (%s): see %s", name, how, worker.log)
        if worker.assignment is not None:
            self._on_death(worker, worker.assignment, how)
            self._leave(worker, worker.assignment)
        del self._workers[name]

    def _on_death(self, worker: WorkerHandle, assignment: Assignment, how: str) -> None:
        """A worker died on a video: twice makes a failure, unless we killed it for not stopping."""
        run, task = assignment.run, assignment.task
        with contextlib.suppress(OSError):
            sweep(Path(run.folder), task.video)
        if assignment.cancelled_at is not None:
            waits = write_stopped(self._writing, task)
        else:
            log.warning("worker %s died (%s) on video %s", worker.slot.name, how, task.video)
            sentence = f"Video {task.video}: its worker died on it, {how}; see {worker.log}."
            waits = write_death(self._writing, task, sentence)
        if waits:
            self._queue.put_back(run, task)

    def _apply_intents(self) -> None:
        if not queries.pending_intent(self._database):
            return
        with self._writing() as session:
            effects = apply_intents(session, self._home)
        self._after(effects)

    def _after(self, effects: Effects) -> None:
        for worker in self._workers.values():
            assignment = worker.assignment
            if assignment and assignment.run.run_id in effects.stop and assignment.cancelled_at is None:
                assignment.cancelled_at = time.monotonic()
                worker.send(Cancel(assignment.task.task_id, assignment.attempt))
        remove_folders(effects)
        self._reload(effects.reload)
        self._idle_since = time.monotonic()

    def _kill_deaf_workers(self) -> None:
        """A cancelled worker that is stuck in a frame, or still loads its model, loses its process."""
        for worker in list(self._workers.values()):
            if worker.assignment is None or worker.assignment.cancelled_at is None:
                continue
            speed = worker.progress.frames_per_second if worker.progress else None
            grace = max(CANCEL_SECONDS, 2 / speed if speed else 0.0)
            if time.monotonic() - worker.assignment.cancelled_at > grace:
                worker.kill()

    def _hand_out(self) -> None:
        self._slots = self._source.slots()
        self._queue.has_gpu = any(slot.device == "cuda" for slot in self._slots)
        there = {slot.name for slot in self._slots}  # a node that left and comes back is tried anew
        self._failed_starts = {name: count for name, count in self._failed_starts.items() if name in there}
        for slot in self._slots:
            worker = self._workers.get(slot.name)
            if (worker is not None and not worker.idle) or (worker is None and self._leftovers.hold_up(slot.name)):
                continue
            while (taken := self._take(slot, worker)) is not None:
                run, task = taken
                if not self._prepare(run, task) or self._adopt(run, task):
                    continue
                if worker is None:
                    # Start the process; it takes the task when it says that it is ready.
                    self._queue.put_back(run, task)
                    self._start_worker(slot)
                    break
                self._assign(worker, run, task)
                break
            else:
                if worker is not None and slot.number > 1:
                    worker.send(Stop())  # it would hold its GPU's memory for nobody
        for worker in self._workers.values():
            if worker.assignment and (upcoming := self._queue.upcoming(worker.slot.device, worker.weights)):
                worker.expect(*upcoming)

    def _take(self, slot: Slot, worker: WorkerHandle | None) -> tuple[QueuedRun, PendingTask] | None:
        others = (w for w in self._workers.values() if w is not worker and w.slot.device == slot.device)
        weights, peers = worker.weights if worker else None, [other.as_peer() for other in others]
        return self._queue.take(slot.device, weights, peers, lambda run: may_use(slot, run.placement, self._slots))

    def _start_worker(self, slot: Slot) -> None:
        if self._failed_starts.get(slot.name, 0) >= MOST_FAILED_STARTS:
            log_file = self._home.logs / f"worker-{slot.name}.log"
            while (taken := self._queue.take(slot.device, suits=partial(self._is_hopeless, slot.device))) is not None:
                self._fail_run(*taken, f"No worker can be started on this machine: see {log_file}.")
            return
        self._workers[slot.name] = self._source.start(slot, self._inbox)

    def _is_hopeless(self, device: str, run: QueuedRun) -> bool:
        """Whether workers start in none of the slots that the run may use."""
        usable = [s for s in self._slots if s.device == device and may_use(s, run.placement, self._slots)]
        return all(self._failed_starts.get(s.name, 0) >= MOST_FAILED_STARTS for s in usable if s.number == 1)

    def _prepare(self, run: QueuedRun, task: PendingTask) -> bool:
        """Have the run's folder and `run.json` there; False when the run had to be failed."""
        if run.prepared:
            return True
        try:
            write_run_file(Path(run.folder), run.settings, Path(run.folder).name)
        except OSError as error:
            self._fail_run(run, task, f"The run's folder {run.folder} cannot be written: {error.strerror}.")
            return False
        run.prepared = True
        return True

    def _adopt(self, run: QueuedRun, task: PendingTask) -> bool:
        """Take over a video that an earlier attempt finished (its dispatcher died before it heard)."""
        if task.kind is not TaskKind.SEGMENT:
            return False
        record = finished_record(run, task)
        if record is None:
            return False
        write_finished(self._writing, [(task, record)])
        return True

    def _assign(self, worker: WorkerHandle, run: QueuedRun, task: PendingTask) -> None:
        attempt = task.attempt + 1
        with self._writing() as session:
            ledger.start_task(session, task.task_id, attempt, worker.slot.name)
        task.attempt = attempt
        if task.kind is TaskKind.SEGMENT or run.predictions != run.folder:
            self._clocks.start(run.run_id)  # scoring masks again is no part of what the run took
        worker.assign(run, task, attempt)

    # --- database

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Session]:
        """A transaction under the lease, which it renews; runs' seconds are brought up to now with it."""
        seconds = self._clocks.unwritten()
        with self._held.writing() as session:
            ledger.add_active_seconds(session, seconds)
            yield session
        self._clocks.written(seconds)

    def _beat(self) -> None:
        """One commit a second: the lease, all workers and all progress."""
        self._heartbeat_at = time.monotonic()
        progress = {
            worker.assignment.task.task_id: worker.progress.frames_done
            for worker in self._workers.values()
            if worker.assignment and worker.progress
        }
        with self._writing() as session:
            ledger.write_progress(session, progress)
            ledger.write_paces(session, self._paces())
            ledger.forget_workers(session, but=self._workers)
            for run_id in {w.assignment.run.run_id for w in self._workers.values() if w.assignment}:
                ledger.refresh_run(session, run_id)
            for name, worker in self._workers.items():
                state = "busy" if worker.assignment else "idle" if worker.ready else "starting"
                ledger.record_worker(
                    session,
                    name,
                    host=worker.host,
                    pid=worker.pid,
                    process_started=worker.process_started,
                    device=worker.slot.device,
                    state=state,
                    task_id=worker.assignment.task.task_id if worker.assignment else None,
                    frames_per_second=worker.progress.frames_per_second if worker.progress else None,
                )

    def _paces(self) -> dict[int, tuple[float | None, float | None]]:
        """Frames a second and seconds left of every run that a worker is on."""
        underway: dict[int, list[Underway]] = {}
        for worker in self._workers.values():
            if worker.assignment is not None:
                task, heard = worker.assignment.task, worker.progress
                done, rate = (heard.frames_done, heard.frames_per_second) if heard else (0, None)
                video = Underway(task.frames, done, rate, task.seconds)
                underway.setdefault(task.run_id, []).append(video)
        paces = {run: pace_of(videos, self._queue.waiting_seconds(run)) for run, videos in underway.items()}
        return {run: (pace.frames_per_second, pace.seconds_left) for run, pace in paces.items()}

    def _reload(self, run_ids: set[int] | None) -> None:
        """Read the queue from the database: of the given runs, or (None) of all."""
        for run_id in run_ids or ():
            self._queue.drop(run_id)
        costs = lru_cache(partial(cost_of, self._database))
        for run, tasks in queued_runs(self._home, run_ids):
            self._queue.put(run, tasks, costs(run.settings.model))


def _is_about(message: Message, assignment: Assignment) -> bool:
    """Whether a worker's message is about what it is doing now."""
    return (getattr(message, "task_id", None), getattr(message, "attempt", None)) == (
        assignment.task.task_id,
        assignment.attempt,
    )


def main() -> None:
    """Entry of `python -m vos_core.execution.dispatcher`."""
    home = Home.from_environment()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    ensure(home.database)
    held = lease.take(home.database)
    if held is None:
        log.info("another dispatcher holds the lease")
        return
    cluster = os.environ.get(CLUSTER_VARIABLE)
    log.info("dispatching for %s", home.root)
    try:
        Dispatcher(home, held, RayWorkers(cluster, home) if cluster else LocalWorkers(home)).run()
    finally:
        with contextlib.suppress(OperationalError):
            held.release()


if __name__ == "__main__":
    main()
