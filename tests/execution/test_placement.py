"""Which GPUs a run's videos go to: plain slots, the real queue."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from db.states import TaskKind
from vos_core.execution.cost import CostModel
from vos_core.execution.slots import Slot, find_slots, may_use
from vos_core.execution.task_queue import PendingTask, QueuedRun, TaskQueue
from vos_core.gpus import Gpu, Placement
from vos_core.runs import RunSettings

SLOTS = find_slots({"VOSLAB_CPU_WORKERS": "1"}, [Gpu("0", "L4"), Gpu("2", "L4")])
BY_NAME: Mapping[str, Slot] = {slot.name: slot for slot in SLOTS}


def queue_of(placements: list[Placement], videos: int = 2) -> TaskQueue:
    queue = TaskQueue(has_gpu=True)
    for run_id, placement in enumerate(placements, start=1):
        settings = RunSettings("DAVIS", "data:DAVIS", "val", "sam2_hiera_large", 7, "naive")
        run = QueuedRun(run_id, float(run_id), settings, "/nowhere", placement=placement)
        tasks = [
            PendingTask(10 * run_id + k, run_id, f"v{k}", 50, 2, 50, TaskKind.SEGMENT, 0, 0, 0) for k in range(videos)
        ]
        queue.put(run, tasks, CostModel())
    return queue


def taken_by(queue: TaskQueue, name: str) -> int | None:
    slot = BY_NAME[name]
    taken = queue.take(slot.device, suits=lambda run: may_use(slot, run.placement, SLOTS))
    return taken[0].run_id if taken else None


@pytest.mark.parametrize(
    ("placements", "slot", "run"),
    [
        ([Placement()], "gpu-0", 1),
        ([Placement()], "gpu-2", 1),
        ([Placement(("2",)), Placement()], "gpu-0", 2),  # the first run is not for this GPU: it takes the next one's
        ([Placement(("2",)), Placement()], "gpu-2", 1),
        ([Placement(("2",))], "gpu-0", None),
        ([Placement(("5",))], "gpu-0", 1),  # chosen on a machine that had a GPU 5: waiting for it would be for ever
        ([Placement(("2", "5"))], "gpu-0", None),
        ([Placement()], "gpu-0.2", None),  # one worker a GPU, unless more are wanted
        ([Placement((), 2)], "gpu-0.2", 1),
        ([Placement((), 2)], "gpu-0.3", None),
        ([Placement(("2",), 2)], "gpu-0.2", None),
        ([Placement(("2",), 2)], "gpu-2.2", 1),
        ([Placement()], "cpu-0", None),  # SAM 2 does not wander to a CPU worker while there is a GPU
    ],
)
def test_a_slot_takes_from_runs_that_may_use_it(placements: list[Placement], slot: str, run: int | None) -> None:
    assert taken_by(queue_of(placements), slot) == run


def test_the_machine_may_say_that_several_workers_share_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOSLAB_WORKERS_PER_GPU", "3")
    assert taken_by(queue_of([Placement()]), "gpu-0.3") == 1
    assert taken_by(queue_of([Placement((), 1)]), "gpu-0.2") is None  # what a launch says counts more
