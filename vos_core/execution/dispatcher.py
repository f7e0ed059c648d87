"""The dispatcher: the one background process that hands video tasks to workers and writes their results."""

from __future__ import annotations

import contextlib
import logging
import queue
import signal
import time
from collections import deque
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path
from types import FrameType

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from db import ledger, queries
from db.models import Run
from db.schema import ensure
from db.session import reading, writing
from db.states import RunState, TaskKind, TaskState
from vos_core.execution import lease
from vos_core.execution.intents import Effects, apply_intents, remove_folders, write_run_file
from vos_core.execution.loading import clear_up, cost_of, queued_runs
from vos_core.execution.messages import Cancel, Failed, Finished, Message, Progress, Ready, Stop, Stopped
from vos_core.execution.outcomes import (
    finished_record,
    write_death,
    write_failure,
    write_finished,
    write_run_failure,
    write_stopped,
)
from vos_core.execution.slots import Slot
from vos_core.execution.task_queue import PendingTask, QueuedRun, TaskQueue
from vos_core.execution.worker_handle import Assignment, Gone, Inbox, WorkerHandle, WorkerSource
from vos_core.execution.worker_process import LocalWorkers
from vos_core.home import Home

TICK_SECONDS = 0.2
HEARTBEAT_SECONDS = 1.0
IDLE_EXIT_SECONDS = 20.0
CANCEL_GRACE_SECONDS = 10.0
STOP_GRACE_SECONDS = 8.0
MOST_FAILED_STARTS = 3

log = logging.getLogger("dispatcher")


class Dispatcher:
    """One loop: hear workers, apply intents, hand out tasks, and write everything in one commit a second."""

    def __init__(self, home: Home, token: str, source: WorkerSource) -> None:
        self._home, self._token = home, token
        self._database = home.database
        self._source = source
        self._slots: Sequence[Slot] = ()
        self._workers: dict[str, WorkerHandle] = {}
        self._failed_starts: dict[str, int] = {}
        self._inbox: Inbox = queue.Queue()
        self._queue = TaskQueue(has_gpu=False)
        self._active_since: dict[int, float] = {}  # run -> when a worker was last known on it
        self._unheard: deque[tuple[WorkerHandle, Message | Gone]] = deque()
        self._stopping = False
        self._heartbeat_at = 0.0
        self._idle_since = time.monotonic()

    # --- life

    def run(self) -> None:
        """Dispatch until idle, told to stop, or the lease is lost."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        clear_up(self._database)
        self._reload(None)
        try:
            while not self._stopping:
                try:
                    self._tick()
                except OperationalError as error:
                    # Locked or a full disk: nothing is lost, results wait on disk and in memory.
                    log.warning("the database cannot be written now, trying again: %s", error.orig)
                    time.sleep(1.0)
                if self._is_idle() and lease.release(self._database, self._token, unless_asked=True):
                    log.info("nothing left to do")
                    return
        except _LeaseLost:
            log.error("another dispatcher took the lease: stopping without a word to the database")
            self._stop_workers()
            return
        self._shut_down()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def _is_idle(self) -> bool:
        if len(self._queue) or any(worker.assignment for worker in self._workers.values()):
            self._idle_since = time.monotonic()
        return time.monotonic() - self._idle_since > IDLE_EXIT_SECONDS

    def _shut_down(self) -> None:
        log.info("stopping: running videos go back to the queue")
        self._stop_workers()
        with writing(self._database) as session:
            for worker in self._workers.values():
                if worker.assignment is not None:
                    ledger.set_task_state(session, worker.assignment.task.task_id, TaskState.QUEUED)
            self._write_active_times(session)
            ledger.forget_workers(session)
        lease.release(self._database, self._token)

    def _stop_workers(self) -> None:
        for worker in self._workers.values():
            worker.send(Stop())
        deadline = time.monotonic() + STOP_GRACE_SECONDS
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
        while self._unheard:
            self._on_message(*self._unheard[0])
            self._unheard.popleft()

    def _on_message(self, worker: WorkerHandle, message: Message | Gone) -> None:
        if isinstance(message, Gone):
            self._on_gone(worker, message.how)
            return
        if isinstance(message, Ready):
            worker.ready = True
            self._failed_starts.pop(worker.slot.name, None)
            return
        assignment = worker.assignment
        current = assignment is not None and (message.task_id, message.attempt) == (  # type: ignore[union-attr]
            assignment.task.task_id,
            assignment.attempt,
        )
        if assignment is None or not current:
            return  # of an attempt that was superseded
        if isinstance(message, Progress):
            worker.progress = message
            return
        self._on_end(assignment.run, assignment.task, message)
        self._leave(worker, assignment)

    def _leave(self, worker: WorkerHandle, assignment: Assignment) -> None:
        """The worker is no longer on that run; when it was the last one, the run's clock stops."""
        run_id = assignment.run.run_id
        self._note_active(run_id)
        worker.assignment, worker.progress = None, None
        if not any(w.assignment and w.assignment.run.run_id == run_id for w in self._workers.values()):
            self._active_since.pop(run_id, None)

    def _on_end(self, run: QueuedRun, task: PendingTask, message: Message) -> None:
        """A worker's last word on an attempt."""
        state = TaskState.DONE
        if isinstance(message, Finished):
            record = finished_record(run, task)
            if record is not None:
                write_finished(self._database, task, record)
            else:
                lost = f"Video {task.video}: its finished folder vanished from {run.folder}."
                state = write_failure(self._database, task, lost)
        elif isinstance(message, Failed) and message.whole_run:
            self._fail_run(run, task, message.sentence)
        elif isinstance(message, Failed):
            state = write_failure(self._database, task, message.sentence)
        elif isinstance(message, Stopped):
            state = write_stopped(self._database, task)
        if state is TaskState.QUEUED:
            self._put_back(run, task)

    def _fail_run(self, run: QueuedRun, task: PendingTask, sentence: str) -> None:
        write_run_failure(self._database, run.run_id, [task, *self._queue.drop(run.run_id)], sentence)

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
        if assignment.cancelled_at is not None:
            state = write_stopped(self._database, task)
        else:
            log.warning("worker %s died (%s) on video %s", worker.slot.name, how, task.video)
            sentence = f"Video {task.video}: its worker died on it, {how}; see {worker.log}."
            state = write_death(self._database, task, sentence)
        if state is TaskState.QUEUED:
            self._put_back(run, task)

    def _apply_intents(self) -> None:
        if not queries.pending_intent(self._database):
            return
        with writing(self._database) as session:
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
        """A cancelled worker that does not answer (stuck in one frame) loses its process."""
        for worker in list(self._workers.values()):
            assignment = worker.assignment
            late = assignment is not None and assignment.cancelled_at is not None
            if late and time.monotonic() - assignment.cancelled_at > CANCEL_GRACE_SECONDS:  # type: ignore
                worker.kill()

    def _hand_out(self) -> None:
        self._slots = self._source.slots()
        self._queue.has_gpu = any(slot.device == "cuda" for slot in self._slots)
        for slot in self._slots:
            worker = self._workers.get(slot.name)
            if worker is not None and not worker.idle:
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

    def _take(self, slot: Slot, worker: WorkerHandle | None) -> tuple[QueuedRun, PendingTask] | None:
        others = (w for w in self._workers.values() if w is not worker and w.slot.device == slot.device)
        return self._queue.take(slot.device, worker.weights if worker else None, [other.as_peer() for other in others])

    def _start_worker(self, slot: Slot) -> None:
        if self._failed_starts.get(slot.name, 0) >= MOST_FAILED_STARTS:
            usable = [s for s in self._slots if s.device == slot.device]
            if all(self._failed_starts.get(s.name, 0) >= MOST_FAILED_STARTS for s in usable):
                log_file = self._home.logs / f"worker-{slot.name}.log"
                while (taken := self._queue.take(slot.device)) is not None:
                    self._fail_run(*taken, f"No worker can be started on this machine: see {log_file}.")
            return
        self._workers[slot.name] = self._source.start(slot, self._inbox)

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
        write_finished(self._database, task, record)
        return True

    def _assign(self, worker: WorkerHandle, run: QueuedRun, task: PendingTask) -> None:
        task.attempt += 1
        with writing(self._database) as session:
            ledger.start_task(session, task.task_id, task.attempt, worker.slot.name)
        self._active_since.setdefault(run.run_id, time.monotonic())
        worker.assign(run, task, task.attempt)

    def _put_back(self, run: QueuedRun, task: PendingTask) -> None:
        with reading(self._database) as session:
            state = session.scalar(select(Run.state).where(Run.id == run.run_id))
        if state in (RunState.QUEUED.value, RunState.RUNNING.value):
            self._queue.put_back(run, task)

    # --- database

    def _note_active(self, run_id: int) -> None:
        """Fold the time since the last note into the run's active seconds."""
        since = self._active_since.get(run_id)
        if since is None:
            return
        now = time.monotonic()
        with writing(self._database) as session:
            run = session.get(Run, run_id)
            if run is not None:
                run.active_s += now - since
        self._active_since[run_id] = now

    def _write_active_times(self, session: Session) -> None:
        now = time.monotonic()
        for run_id, since in list(self._active_since.items()):
            run = session.get(Run, run_id)
            if run is not None:
                run.active_s += now - since
            self._active_since[run_id] = now

    def _beat(self) -> None:
        """One commit a second: the lease, all workers and all progress."""
        self._heartbeat_at = time.monotonic()
        progress = {
            worker.assignment.task.task_id: worker.progress.frames_done
            for worker in self._workers.values()
            if worker.assignment and worker.progress
        }
        with writing(self._database) as session:
            if not ledger.renew_lease(session, self._token):
                raise _LeaseLost
            ledger.write_progress(session, progress)
            self._write_active_times(session)
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

    def _reload(self, run_ids: set[int] | None) -> None:
        """Read the queue from the database: of the given runs, or (None) of all."""
        for run_id in run_ids or ():
            self._queue.drop(run_id)
        costs = lru_cache(partial(cost_of, self._database))
        for run, tasks in queued_runs(self._home, run_ids):
            self._queue.put(run, tasks, costs(run.settings.model))


class _LeaseLost(Exception):
    """Another dispatcher took over."""


def main() -> None:
    """Entry of `python -m vos_core.execution.dispatcher`."""
    home = Home.from_environment()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    ensure(home.database)
    token = lease.take(home.database)
    if token is None:
        log.info("another dispatcher holds the lease")
        return
    log.info("dispatching for %s", home.root)
    try:
        Dispatcher(home, token, LocalWorkers(home)).run()
    finally:
        with contextlib.suppress(OperationalError):
            lease.release(home.database, token)


if __name__ == "__main__":
    main()
