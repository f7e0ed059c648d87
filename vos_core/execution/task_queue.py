"""The queue in the dispatcher's memory: which video task an idle worker gets next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from db.states import TaskKind
from vos_core.execution.cost import CostModel
from vos_core.models.registry import MODELS
from vos_core.runs import RunSettings


@dataclass
class PendingTask:
    """A video task that waits for a worker."""

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


@dataclass
class QueuedRun:
    """A run with video tasks left; `tasks` is kept most expensive first."""

    run_id: int
    position: float
    settings: RunSettings
    folder: str  # absolute
    predictions: str = ""  # absolute folder of the masks; `folder` but for imported runs
    reference: str | None = None  # absolute folder that replaces the annotations in scoring
    tasks: list[PendingTask] = field(default_factory=list)
    prepared: bool = False  # its folder and run.json are there

    @property
    def wants_gpu(self) -> bool:
        """Whether its model runs on a GPU where there is one."""
        spec = MODELS.get(self.settings.model)  # None for imported predictions
        is_sam2 = spec is not None and spec.family.startswith("sam2")
        return is_sam2 and self.settings.option("device", "auto") != "cpu"


class TaskQueue:
    """Runs in queue order; inside a run the most expensive video first; an idle worker takes the next run's."""

    def __init__(self, has_gpu: bool) -> None:
        self.has_gpu = has_gpu  # whether there is a slot on a GPU now
        self._runs: dict[int, QueuedRun] = {}

    def put(self, run: QueuedRun, cost: CostModel) -> None:
        """Add or replace a run; without tasks it is forgotten."""
        run.tasks.sort(key=lambda task: (-cost.cost(task.frames, task.objects), task.task_id))
        if run.tasks:
            self._runs[run.run_id] = run
        else:
            self._runs.pop(run.run_id, None)

    def put_back(self, run: QueuedRun, task: PendingTask) -> None:
        """An attempt ended without a result: the task goes to the front of its run."""
        # The queue may have been read anew since: then its run counts, not the one that the attempt started with.
        self._runs.setdefault(run.run_id, run).tasks.insert(0, task)

    def drop(self, run_id: int) -> list[PendingTask]:
        """Forget a run (cancelled, paused, deleted); returns the tasks that were waiting."""
        run = self._runs.pop(run_id, None)
        return run.tasks if run else []

    def in_order(self) -> Iterator[QueuedRun]:
        """Runs with waiting tasks, in queue order."""
        yield from sorted(self._runs.values(), key=lambda run: (run.position, run.run_id))

    def take(self, device: str) -> tuple[QueuedRun, PendingTask] | None:
        """The next task for an idle worker on `device` ("cuda" or "cpu"); it leaves the queue."""
        for run in self.in_order():
            for index, task in enumerate(run.tasks):
                on_gpu = self.has_gpu and run.wants_gpu and task.kind is TaskKind.SEGMENT
                if on_gpu == (device == "cuda"):
                    del run.tasks[index]
                    if not run.tasks:
                        del self._runs[run.run_id]
                    return run, task
        return None

    def __len__(self) -> int:
        return sum(len(run.tasks) for run in self._runs.values())
