"""The dispatcher's crew: the slots of this moment, the worker in each, and which slots are given up."""

from __future__ import annotations

import logging
import queue
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from vos_core.execution.leftovers import Leftovers
from vos_core.execution.messages import Cancel, Stop
from vos_core.execution.slots import Slot, may_use
from vos_core.execution.task_queue import Peer, QueuedRun
from vos_core.execution.worker_handle import Gone, Inbox, WorkerHandle, WorkerSource
from vos_core.home import Home

CANCEL_SECONDS = 1.5  # or two frames, whichever is longer: then a cancelled worker that has not stopped is killed
STOP_SECONDS = 6.0  # for all workers, when the dispatcher is told to stop
# A slot is given up after three starts in a row that ended by themselves. One that was killed from outside says little:
# somebody's hand, or the system short of memory for a moment; after fifteen, there is no point in going on.
START_FAILED, START_KILLED, GIVEN_UP = 5, 1, 15
# A slot whose worker could not use its GPU is left alone for a while. After so many in a row that lost it, it is given
# up. After so many that found it full with the same weights, a run does not wait for it any more; while the run has
# other slots, this one is still tried after each rest.
REST_SECONDS, MOST_UNFIT = 60.0, 3

log = logging.getLogger("dispatcher")


@dataclass
class _Rest:
    """A slot whose last workers could not use their device."""

    until: float = 0.0  # time.monotonic
    sentence: str = ""  # what the last one said
    broken: int = 0  # how many lost it
    full: Counter[str | None] = field(default_factory=Counter)  # how many found no room, by the weights they loaded

    def forbids(self, weights: str | None) -> bool:
        """Whether it was tried often enough with these weights."""
        return max(self.broken, self.full[weights]) >= MOST_UNFIT


class Crew:
    """At most one worker a slot. What workers say arrives in `inbox`; what is written of them is the dispatcher's."""

    def __init__(self, home: Home, source: WorkerSource) -> None:
        self.inbox: Inbox = queue.Queue()
        self._source = source
        self._leftovers = Leftovers(home)
        self._slots: Sequence[Slot] = ()
        self._workers: dict[str, WorkerHandle] = {}
        self._bad_starts: dict[str, int] = {}  # by slot, since the last one that went well
        self._rests: dict[str, _Rest] = {}  # by slot, since the last video that was finished there

    def __iter__(self) -> Iterator[WorkerHandle]:
        return iter(list(self._workers.values()))

    def __len__(self) -> int:
        return len(self._workers)

    def __contains__(self, worker: WorkerHandle) -> bool:
        return self._workers.get(worker.slot.name) is worker

    # --- slots

    def look(self) -> None:
        """See which slots there are now. One that left and comes back is tried anew."""
        self._slots = self._source.slots()
        there = {slot.name for slot in self._slots}
        self._bad_starts = {name: count for name, count in self._bad_starts.items() if name in there}
        self._rests = {name: rest for name, rest in self._rests.items() if name in there}

    @property
    def has_gpu(self) -> bool:
        """Whether a slot is on a GPU."""
        return any(slot.device == "cuda" for slot in self._slots)

    def vacancies(self) -> Iterator[tuple[Slot, WorkerHandle | None]]:
        """Slots that can take a task now, each with its idle worker; with None where a worker could be started."""
        for slot in self._slots:
            worker = self._workers.get(slot.name)
            if worker is not None:
                free = worker.idle
            else:
                free = (self.may_start(slot) or self.is_given_up(slot)) and not self._leftovers.hold_up(slot.name)
            if free:
                yield slot, worker

    def may_use(self, slot: Slot, run: QueuedRun) -> bool:
        """Whether the run's launch allows this slot."""
        return may_use(slot, run.placement, self._slots)

    def peers(self, slot: Slot) -> list[Peer]:
        """The workers in the other slots of that device."""
        others = (worker for worker in self if worker.slot.device == slot.device and worker.slot.name != slot.name)
        return [worker.as_peer() for worker in others]

    # --- life of a worker

    def start(self, slot: Slot) -> None:
        """Start a worker there."""
        self._workers[slot.name] = self._source.start(slot, self.inbox)

    def may_start(self, slot: Slot) -> bool:
        """Whether a start there is worth trying: not after many that failed, nor while the slot rests."""
        rest = self._rests.get(slot.name)
        rested = rest is None or (time.monotonic() >= rest.until and rest.broken < MOST_UNFIT)
        return rested and not self._is_without_starts(slot)

    def is_given_up(self, slot: Slot) -> bool:
        """Whether there may be runs that do not wait for this slot any more."""
        rest = self._rests.get(slot.name)
        return self._is_without_starts(slot) or (rest is not None and any(map(rest.forbids, [None, *rest.full])))

    def _is_without_starts(self, slot: Slot) -> bool:
        return self._bad_starts.get(slot.name, 0) >= GIVEN_UP

    def _is_given_up_for(self, slot: Slot, run: QueuedRun) -> bool:
        rest = self._rests.get(slot.name)
        return self._is_without_starts(slot) or (rest is not None and rest.forbids(run.weights))

    def resting(self) -> list[Slot]:
        """Slots without a worker whose last one could not use its device."""
        return [slot for slot in self._slots if slot.name in self._rests and slot.name not in self._workers]

    def trouble(self, slot: Slot) -> str | None:
        """What the last worker said that could not use the device there; None where all could."""
        rest = self._rests.get(slot.name)
        return None if rest is None else rest.sentence

    def is_hopeless(self, device: str, run: QueuedRun) -> bool:
        """Whether all slots that the run may use are given up."""
        usable = [slot for slot in self._slots if slot.device == device and self.may_use(slot, run)]
        return all(self._is_given_up_for(slot, run) for slot in usable if slot.number == 1)

    def on_ready(self, worker: WorkerHandle) -> None:
        """It has started, or has ended a task."""
        worker.ready = True
        self._bad_starts.pop(worker.slot.name, None)

    def on_unfit(self, worker: WorkerHandle, sentence: str, *, broken: bool) -> None:
        """It cannot use its device, which is full or `broken`, and ends: its slot rests."""
        name = worker.slot.name
        rest = self._rests.setdefault(name, _Rest())
        rest.until, rest.sentence = time.monotonic() + REST_SECONDS, sentence
        if broken:
            rest.broken += 1
        else:
            rest.full[worker.weights] += 1
        worker.unfit = True
        log.error("worker %s cannot use its device, the slot rests for %.0f s: %s", name, REST_SECONDS, sentence)

    def on_finished(self, worker: WorkerHandle) -> None:
        """It finished a video: its device can be used."""
        self._rests.pop(worker.slot.name, None)

    def on_gone(self, worker: WorkerHandle, gone: Gone) -> None:
        """It ended; its slot is free."""
        name = worker.slot.name
        del self._workers[name]
        if not worker.ready:
            self._bad_starts[name] = self._bad_starts.get(name, 0) + (START_FAILED if gone.by_itself else START_KILLED)
            log.error("worker %s did not start (%s): see %s", name, gone.how, worker.log)

    # --- what they are on

    def at_work(self) -> list[int]:
        """The tasks that workers are on."""
        return [worker.assignment.task.task_id for worker in self if worker.assignment]

    def runs_at_work(self) -> set[int]:
        """The runs that workers are on."""
        return {worker.assignment.run.run_id for worker in self if worker.assignment}

    def is_on(self, run_id: int) -> bool:
        """Whether a worker is on a task of that run."""
        return run_id in self.runs_at_work()

    def cancel(self, run_ids: Collection[int]) -> None:
        """Have the tasks of these runs stopped."""
        for worker in self:
            assignment = worker.assignment
            if assignment and assignment.run.run_id in run_ids and assignment.cancelled_at is None:
                assignment.cancelled_at = time.monotonic()
                worker.send(Cancel(assignment.task.task_id, assignment.attempt))

    def kill_deaf(self) -> None:
        """A cancelled worker that is stuck in a frame, or still loads its model, loses its process."""
        for worker in self:
            if worker.assignment is None or worker.assignment.cancelled_at is None:
                continue
            speed = worker.progress.frames_per_second if worker.progress else None
            grace = max(CANCEL_SECONDS, 2 / speed if speed else 0.0)
            if time.monotonic() - worker.assignment.cancelled_at > grace:
                worker.kill()

    def stop(self) -> None:
        """End them all, those that do not stop by themselves too. Their last words are in the inbox."""
        for worker in self:
            if worker.assignment is not None:
                worker.assignment.cancelled_at = worker.assignment.cancelled_at or time.monotonic()
            worker.send(Stop())
        deadline = time.monotonic() + STOP_SECONDS
        for worker in self:
            worker.wait(max(0.1, deadline - time.monotonic()))
            worker.kill()
