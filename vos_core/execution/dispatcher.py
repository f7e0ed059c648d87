"""The dispatcher: the one background process that hands video tasks to workers and writes their results."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator
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
from vos_core.execution.beat import write_beat
from vos_core.execution.clocks import RunClocks
from vos_core.execution.cost import CostModel
from vos_core.execution.crew import Crew
from vos_core.execution.effects import Effects
from vos_core.execution.intents import apply_intents, remove_folders
from vos_core.execution.loading import cost_of, queued_runs
from vos_core.execution.messages import Failed, Finished, Message, Progress, Ready, Stop, Stopped, Unfit
from vos_core.execution.outcomes import (
    ended_at,
    finished_record,
    record_all,
    write_death,
    write_failure,
    write_finished,
    write_run_failure,
    write_stopped,
)
from vos_core.execution.ray_workers import RayWorkers
from vos_core.execution.rebuild import rebuild_damaged
from vos_core.execution.run_file import run_facts, write_run_file
from vos_core.execution.sidecar import VideoRecord, sweep
from vos_core.execution.slots import Slot
from vos_core.execution.task_queue import PendingTask, QueuedRun, TaskQueue
from vos_core.execution.worker_handle import Assignment, Gone, WorkerHandle, WorkerSource
from vos_core.execution.worker_process import LocalWorkers
from vos_core.home import Home

TICK_SECONDS = 0.2
HEARTBEAT_SECONDS = 1.0
IDLE_EXIT_SECONDS = 20.0
RETRY_SECONDS = 1.0
PRICING_SECONDS = 30.0  # so often, what finished meanwhile tells what the waiting videos cost
MOST_ADOPTED = 200  # in one turn: thousands would keep the heartbeat waiting

log = logging.getLogger("dispatcher")


class Dispatcher:
    """One loop: hear workers, apply intents, hand out tasks, and write everything in one commit a second."""

    def __init__(self, home: Home, held: lease.Held, source: WorkerSource) -> None:
        self._home, self._held = home, held
        self._database = home.database
        self._crew = Crew(home, source)
        self._queue = TaskQueue(has_gpu=False)
        self._clocks = RunClocks()
        self._unheard: deque[tuple[WorkerHandle, Message | Gone]] = deque()
        self._adrift = True  # what is in memory may differ from the database
        self._stopping = False
        self._heartbeat_at = 0.0
        self._priced_at = time.monotonic()
        self._has_news = False  # videos finished since the last pricing
        self._idle_since = time.monotonic()
        self._ended_at: dict[int, float] = {}  # when the videos were finished that this turn takes over, by task

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
                        self._crew.stop()
                        return
                except (OperationalError, OSError) as error:
                    # Locked or a full disk: nothing is lost, results wait on disk and in memory.
                    log.warning("this cannot be done now, trying again: %s", getattr(error, "orig", error))
                    self._adrift = True
                    time.sleep(RETRY_SECONDS)
            self._shut_down()
        except lease.LeaseLost:
            log.error("another dispatcher took the lease: stopping without a word to the database")
            self._crew.stop()

    def _catch_up(self) -> None:
        """Read the queue anew. Tasks that are marked as running while no worker is on them wait again: an earlier
        dispatcher's, or one of ours whose end could not be written."""
        with self._writing() as session:
            ledger.requeue_interrupted(session, self._crew.at_work())
        self._queue = TaskQueue(has_gpu=self._queue.has_gpu)
        self._reload(None)
        self._adrift = False

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def _is_idle(self) -> bool:
        if len(self._queue) or self._crew.at_work():
            self._idle_since = time.monotonic()
        return time.monotonic() - self._idle_since > IDLE_EXIT_SECONDS

    def _shut_down(self) -> None:
        log.info("stopping: running videos go back to the queue")
        self._crew.stop()
        deadline = time.monotonic() + RETRY_SECONDS
        try:
            while len(self._crew) and time.monotonic() < deadline:
                self._hear(TICK_SECONDS)  # their last words: what was finished is done
            with self._writing() as session:
                ledger.requeue_interrupted(session)
                ledger.write_paces(session, {})
            self._held.release()
        except OperationalError as error:
            log.warning("this is left to the next dispatcher: %s", error.orig)

    # --- one turn of the loop

    def _tick(self) -> None:
        self._hear(TICK_SECONDS)
        self._apply_intents()
        self._crew.kill_deaf()
        if time.monotonic() - self._heartbeat_at >= HEARTBEAT_SECONDS:
            self._beat()  # before anything is started: after a long sleep, the lease may be lost
        if self._has_news and time.monotonic() - self._priced_at >= PRICING_SECONDS:
            self._queue.reprice(self._costs())
            self._priced_at, self._has_news = time.monotonic(), False
        self._hand_out()

    def _hear(self, seconds: float) -> None:
        """Take messages, waiting at most `seconds` for the first. One stays unheard until it is written down: a
        database that is locked for a while loses none."""
        with contextlib.suppress(queue.Empty):
            if not self._unheard:
                self._unheard.append(self._crew.inbox.get(timeout=seconds))
            while True:
                self._unheard.append(self._crew.inbox.get_nowait())
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
            assignment.written = self._has_news = True

    def _on_message(self, worker: WorkerHandle, message: Message | Gone) -> None:
        if isinstance(message, Gone):
            self._on_gone(worker, message)
            return
        if isinstance(message, Ready):
            self._crew.on_ready(worker)
            return
        assignment = worker.assignment
        if assignment is None or not _is_about(message, assignment):
            return  # of an attempt that was superseded
        if isinstance(message, Progress):
            worker.progress = message
            return
        if not assignment.written:
            self._on_end(assignment.run, assignment.task, message)
        if isinstance(message, Unfit):
            self._crew.on_unfit(worker, message.sentence, broken=message.by_video)
        elif isinstance(message, Finished):
            self._crew.on_finished(worker)
        self._leave(worker, assignment)

    def _leave(self, worker: WorkerHandle, assignment: Assignment) -> None:
        """The worker is no longer on that run; when it was the last one, the run's clock stops."""
        run_id = assignment.run.run_id
        worker.assignment, worker.progress = None, None
        if not self._crew.is_on(run_id):
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
        elif isinstance(message, Unfit) and message.by_video:
            waits = write_death(self._writing, task, message.sentence)
        elif isinstance(message, Stopped | Unfit):
            waits = write_stopped(self._writing, task)
        if waits and isinstance(message, Unfit) and message.by_video:
            self._queue.put_last(run, task)
        elif waits:
            self._queue.put_back(run, task)

    def _fail_run(self, run: QueuedRun, task: PendingTask, sentence: str) -> None:
        write_run_failure(self._writing, run.run_id, [task, *self._queue.drop(run.run_id)], sentence)

    def _on_gone(self, worker: WorkerHandle, gone: Gone) -> None:
        """A worker ended."""
        if worker not in self._crew:
            return
        if worker.assignment is not None:
            self._on_death(worker, worker.assignment, gone.how)
            self._leave(worker, worker.assignment)
        self._crew.on_gone(worker, gone)

    def _on_death(self, worker: WorkerHandle, assignment: Assignment, how: str) -> None:
        """A worker died on a video: twice makes a failure, unless we killed it for not stopping."""
        run, task = assignment.run, assignment.task
        with contextlib.suppress(OSError):
            sweep(Path(run.folder), task.video, up_to=assignment.attempt)
        if assignment.cancelled_at is not None:
            waits = write_stopped(self._writing, task)
        else:
            log.warning("run %s video %s: worker %s died on it (%s)", run.run_id, task.video, worker.slot.name, how)
            sentence = f"Video {task.video}: its worker died on it, {how}; see {worker.log}."
            waits = write_death(self._writing, task, sentence)
        if waits:
            self._queue.put_back(run, task)

    def _apply_intents(self) -> None:
        if not queries.pending_intent(self._database):
            return
        with self._writing() as session:
            effects = apply_intents(session, self._home, self._crew.runs_at_work())
        self._after(effects)

    def _after(self, effects: Effects) -> None:
        self._crew.cancel(effects.stop)
        remove_folders(effects)
        self._reload(effects.reload)
        self._idle_since = time.monotonic()

    def _hand_out(self) -> None:
        """Give every idle worker a task and start workers for what waits; one transaction for all of it."""
        self._crew.look()
        self._queue.has_gpu = self._crew.has_gpu
        adopted: list[tuple[PendingTask, VideoRecord]] = []
        self._ended_at.clear()
        given: list[tuple[WorkerHandle, Assignment]] = []
        try:
            for slot, worker in self._crew.vacancies():
                taken = self._take(slot, worker, adopted)
                if worker is None:
                    if taken is not None:
                        # Start the process; it takes the task when it says that it is ready.
                        self._queue.put_back(*taken)
                        self._start_worker(slot)
                elif taken is not None:
                    given.append((worker, worker.assign(*taken)))
                elif slot.number > 1 and len(adopted) < MOST_ADOPTED:
                    worker.send(Stop())  # it would hold its GPU's memory for nobody
            self._write_hand_out(adopted, given)
        except BaseException:
            for worker, _ in given:
                worker.unassign()
            raise
        for worker, assignment in given:
            run = assignment.run
            if assignment.task.kind is TaskKind.SEGMENT or run.predictions != run.folder:
                self._clocks.start(run.run_id)  # scoring masks again is no part of what the run took
            worker.begin()
        for worker in self._crew:
            if worker.assignment and (upcoming := self._queue.upcoming(worker.slot.device, worker.weights)):
                worker.expect(*upcoming)

    def _write_hand_out(
        self, adopted: list[tuple[PendingTask, VideoRecord]], given: list[tuple[WorkerHandle, Assignment]]
    ) -> None:
        if not adopted and not given:
            return
        with self._writing() as session:
            record_all(session, adopted, self._ended_at)
            for worker, assignment in given:
                run, task, attempt = assignment.run, assignment.task, assignment.attempt
                ledger.start_task(session, task.task_id, attempt, worker.slot.name)
                log.info("run %s video %s: worker %s, attempt %d", run.run_id, task.video, worker.slot.name, attempt)
        self._has_news |= bool(adopted)

    def _take(
        self, slot: Slot, worker: WorkerHandle | None, adopted: list[tuple[PendingTask, VideoRecord]]
    ) -> tuple[QueuedRun, PendingTask] | None:
        """The next task for a slot that must be done. Videos on the way that an earlier attempt finished (its
        dispatcher died before it heard) are taken over: they join `adopted`."""
        weights, peers = worker.weights if worker else None, self._crew.peers(slot)
        suits = partial(self._crew.may_use, slot)
        while len(adopted) < MOST_ADOPTED:
            taken = self._queue.take(slot.device, weights, peers, suits)
            if taken is None:
                return None
            run, task = taken
            if not self._prepare(run, task):
                continue
            record = finished_record(run, task) if task.kind is TaskKind.SEGMENT else None
            if record is None:
                return taken
            adopted.append((task, record))
            self._ended_at[task.task_id] = ended_at(run, task)
        return None

    def _start_worker(self, slot: Slot) -> None:
        if self._crew.is_given_up(slot):
            log_file = self._home.logs / f"worker-{slot.name}.log"
            why = self._crew.trouble(slot) or f"No worker can be started on this machine: see {log_file}."
            hopeless = partial(self._crew.is_hopeless, slot.device)
            while (taken := self._queue.take(slot.device, suits=hopeless)) is not None:
                self._fail_run(*taken, why)
        if self._crew.may_start(slot):
            self._crew.start(slot)

    def _prepare(self, run: QueuedRun, task: PendingTask) -> bool:
        """Have the run's folder and `run.json` there; False when the run had to be failed."""
        if run.prepared:
            return True
        try:
            facts = run_facts(self._database, run.run_id)
            write_run_file(Path(run.folder), run.settings, Path(run.folder).name, facts)
        except OSError as error:
            self._fail_run(run, task, f"The run's folder {run.folder} cannot be written: {error.strerror}.")
            return False
        run.prepared = True
        return True

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
        with self._writing() as session:
            write_beat(session, self._crew, self._queue)

    def _reload(self, run_ids: set[int] | None) -> None:
        """Read the queue from the database: of the given runs, or (None) of all."""
        for run_id in run_ids or ():
            self._queue.drop(run_id)
        costs = self._costs()
        for run, tasks in queued_runs(self._home, run_ids):
            self._queue.put(run, tasks, costs(run.settings.model))

    def _costs(self) -> Callable[[str], CostModel]:
        """What videos cost now, by model."""
        return lru_cache(partial(cost_of, self._database))


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
        rebuild_damaged(home, held)
        Dispatcher(home, held, RayWorkers(cluster, home) if cluster else LocalWorkers(home)).run()
    finally:
        with contextlib.suppress(OperationalError):
            held.release()


if __name__ == "__main__":
    main()
