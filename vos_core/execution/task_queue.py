"""The queue in the dispatcher's memory: which video task an idle worker gets next (docs/scheduling.md)."""

from __future__ import annotations

import heapq
import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from db.states import TaskKind
from vos_core.execution.cost import CostModel
from vos_core.gpus import Placement
from vos_core.models.registry import MODELS
from vos_core.runs import RunSettings

# Options that make a worker load anew; it sets the others, and the memory size, on the weights that it holds.
WEIGHTS_OPTIONS = ("checkpoint", "config", "image_size", "device", "compile")


@dataclass(slots=True)
class PendingTask:
    """A video task that waits for a worker; `seconds` is what it is expected to take."""

    task_id: int
    run_id: int
    video: str
    frames: int
    objects: int
    annotated: int
    kind: TaskKind
    attempt: int
    failures: int
    deaths: int
    seconds: float = 0.0


@dataclass
class QueuedRun:
    """A run with video tasks left."""

    run_id: int
    position: float
    settings: RunSettings
    folder: str  # absolute
    predictions: str = ""  # absolute folder of the masks; `folder` but for imported runs
    reference: str | None = None  # absolute folder that replaces the annotations in scoring
    prepared: bool = False  # its folder and run.json are there
    load_s: float = 0.0  # expected seconds to load its weights
    placement: Placement = field(default_factory=Placement)

    @property
    def wants_gpu(self) -> bool:
        """Whether its model runs on a GPU where there is one."""
        spec = MODELS.get(self.settings.model)  # None for imported predictions
        is_sam2 = spec is not None and spec.family.startswith("sam2")
        return is_sam2 and self.settings.option("device", "auto") != "cpu"

    @property
    def weights(self) -> str | None:
        """What a worker must hold to begin at once; None for what needs no weights."""
        spec = MODELS.get(self.settings.model)
        if spec is None or spec.checkpoint is None:
            return None
        return json.dumps([self.settings.model, *(self.settings.option(name) for name in WEIGHTS_OPTIONS)], default=str)


@dataclass(frozen=True)
class Peer:
    """Another worker on the same kind of device: the weights that it holds or loads, and when it expects to be free."""

    weights: str | None
    free_in: float  # seconds


def seconds_left(expected: float, elapsed: float) -> float:
    """When a task ends that was expected to take `expected` seconds; one that is late, is late for as long again."""
    return abs(expected - elapsed)


@dataclass
class _Line:
    """Waiting tasks of one run for one kind of device, most expensive first."""

    run: QueuedRun
    weights: str | None
    tasks: deque[PendingTask] = field(default_factory=deque)


class TaskQueue:
    """Runs in queue order; inside a run the most expensive video first; an idle worker takes the next run's.

    One exception: a worker changes its weights for a run only if some of that run's videos would still be waiting by
    the time it has loaded them.
    """

    def __init__(self, has_gpu: bool) -> None:
        self._has_gpu = has_gpu
        self._lines: dict[str, dict[int, _Line]] = {"cuda": {}, "cpu": {}}
        self._order: dict[str, list[_Line]] = {}  # lines in queue order; made anew after a change

    @property
    def has_gpu(self) -> bool:
        """Whether there is a slot on a GPU now: without one, everything runs on CPUs."""
        return self._has_gpu

    @has_gpu.setter
    def has_gpu(self, has_gpu: bool) -> None:
        if has_gpu == self._has_gpu:
            return
        self._has_gpu = has_gpu
        lines = [line for lines in self._lines.values() for line in lines.values()]
        self._lines = {"cuda": {}, "cpu": {}}
        self._order.clear()
        for line in lines:
            for task in line.tasks:
                self._line(line.run, task).tasks.append(task)

    def put(self, run: QueuedRun, tasks: Sequence[PendingTask], cost: CostModel) -> None:
        """Add or replace a run; without tasks it is forgotten."""
        self.drop(run.run_id)
        run.load_s = cost.load_s if run.weights else 0.0
        for task in tasks:
            task.seconds = cost.cost(task.frames, task.objects)
        for task in sorted(tasks, key=lambda task: (-task.seconds, task.task_id)):
            self._line(run, task).tasks.append(task)

    def put_back(self, run: QueuedRun, task: PendingTask) -> None:
        """An attempt ended without a result: the task goes to the front of its run."""
        # The queue may have been read anew since: then its run counts, not the one that the attempt started with.
        self._line(run, task).tasks.appendleft(task)

    def put_last(self, run: QueuedRun, task: PendingTask) -> None:
        """As `put_back`, after the run's other tasks: those may show whether the task or its device was at fault."""
        self._line(run, task).tasks.append(task)

    def drop(self, run_id: int) -> list[PendingTask]:
        """Forget a run (cancelled, paused, deleted); returns the tasks that were waiting."""
        self._order.clear()
        dropped = [line for lines in self._lines.values() if (line := lines.pop(run_id, None)) is not None]
        return [task for line in dropped for task in line.tasks]

    def reprice(self, cost_of: Callable[[str], CostModel]) -> None:
        """Order every run's tasks by newer costs; `cost_of` gives a model's."""
        waiting: dict[int, tuple[QueuedRun, list[PendingTask]]] = {}
        for lines in self._lines.values():
            for line in lines.values():
                waiting.setdefault(line.run.run_id, (line.run, []))[1].extend(line.tasks)
        for run, tasks in waiting.values():
            self.put(run, tasks, cost_of(run.settings.model))

    def in_order(self, device: str) -> Iterator[QueuedRun]:
        """Runs with tasks that wait for `device`, in queue order."""
        return (line.run for line in self._in_order(device))

    def take(
        self,
        device: str,
        weights: str | None = None,
        peers: Sequence[Peer] = (),
        suits: Callable[[QueuedRun], bool] | None = None,
    ) -> tuple[QueuedRun, PendingTask] | None:
        """The next task for an idle worker on `device` ("cuda" or "cpu"); it leaves the queue.

        Args:
            device: of the worker.
            weights: that it holds.
            peers: the other workers on such devices.
            suits: whether a run may use the worker's slot; every run may unless given.
        """
        lines = self._in_order(device)
        if suits is not None:
            lines = [line for line in lines if suits(line.run)]
        line = _choose(lines, weights, peers)
        if line is None:
            return None
        task = line.tasks.popleft()
        if not line.tasks:
            del self._lines[device][line.run.run_id]
            self._order.clear()
        return line.run, task

    def upcoming(self, device: str, weights: str | None) -> tuple[QueuedRun, PendingTask] | None:
        """The video that a worker with these weights would likely be given to segment next; it stays in the queue."""
        for line in self._in_order(device):
            if line.weights in (None, weights) and line.tasks[0].kind is TaskKind.SEGMENT:
                return line.run, line.tasks[0]
        return None

    def waiting_seconds(self, run_id: int) -> float:
        """Expected seconds of a run's waiting tasks, one after the other."""
        lines = (lines.get(run_id) for lines in self._lines.values())
        return sum(task.seconds for line in lines if line is not None for task in line.tasks)

    def __len__(self) -> int:
        return sum(len(line.tasks) for lines in self._lines.values() for line in lines.values())

    def _line(self, run: QueuedRun, task: PendingTask) -> _Line:
        on_gpu = self._has_gpu and task.kind is TaskKind.SEGMENT and run.wants_gpu
        lines = self._lines["cuda" if on_gpu else "cpu"]
        if run.run_id not in lines:
            self._order.clear()
            lines[run.run_id] = _Line(run, run.weights)
        return lines[run.run_id]

    def _in_order(self, device: str) -> list[_Line]:
        if device not in self._order:
            lines = self._lines[device].values()
            self._order[device] = sorted(lines, key=lambda line: (line.run.position, line.run.run_id))
        return self._order[device]


def _choose(lines: Sequence[_Line], weights: str | None, peers: Sequence[Peer]) -> _Line | None:
    """The first line that is worth it for an idle worker with these weights; lines in queue order."""
    has_own = weights is not None and any(line.weights == weights for line in lines)
    free: dict[str, list[float]] = {}  # when the holders of some weights are free, as far as they are looked at
    for line in lines:
        if line.weights in (None, weights) or line.tasks[0].kind is not TaskKind.SEGMENT:
            return line
        if _waits_for_loading(line, peers, free) and not (has_own and not _ends_sooner(line, peers)):
            return line
    return None


def _waits_for_loading(line: _Line, peers: Sequence[Peer], free: dict[str, list[float]]) -> bool:
    """Whether a video of the line would still wait after `load_s`, if only holders of its weights took them."""
    assert line.weights is not None
    if line.weights not in free:
        free[line.weights] = [peer.free_in for peer in peers if peer.weights == line.weights]
        heapq.heapify(free[line.weights])
    holders = free[line.weights]
    for task in line.tasks:
        if not holders or holders[0] >= line.run.load_s:
            return True
        heapq.heapreplace(holders, holders[0] + task.seconds)
    return False


def _ends_sooner(line: _Line, peers: Sequence[Peer]) -> bool:
    """Whether one more worker brings the end of the line forward by more seconds than it spends on loading.

    With h holders the work S ends after S / h; with one more, that has to load for L, after (S + L) / (h + 1).
    """
    free_in = [peer.free_in for peer in peers if peer.weights == line.weights]
    if not free_in:
        return True
    work = sum(task.seconds for task in line.tasks) + sum(free_in)
    load_s = line.run.load_s
    return work / len(free_in) - (work + load_s) / (len(free_in) + 1) > load_s
