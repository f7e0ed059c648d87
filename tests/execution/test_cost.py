"""The cost of a video and the queue that it orders."""

from __future__ import annotations

import pytest

from db.states import TaskKind
from vos_core.execution.cost import CostModel, fit_cost
from vos_core.execution.task_queue import PendingTask, QueuedRun, TaskQueue
from vos_core.runs import RunSettings


def timings(a: float, b: float) -> list[tuple[int, int, float]]:
    return [(frames, objects, frames * (a + b * objects)) for frames in (40, 70, 100) for objects in (1, 2, 5)]


@pytest.mark.parametrize(("a", "b"), [(0.02, 0.01), (0.0, 0.3), (0.5, 0.001)])
def test_fit_recovers_the_coefficients(a: float, b: float) -> None:
    model = fit_cost(timings(a, b))
    assert model.per_frame == pytest.approx(a, abs=1e-9)
    assert model.per_object == pytest.approx(b, abs=1e-9)


def test_too_few_timings_give_frames_times_objects() -> None:
    assert fit_cost(timings(0.5, 0.1)[:5]).cost(10, 3) == 30


def test_more_objects_never_cost_less() -> None:
    model = fit_cost([(50, objects, 50 * (1.0 - 0.1 * objects)) for objects in (1, 2, 3, 4, 5, 6)])
    assert model.cost(50, 6) >= model.cost(50, 1) > 0


def run(run_id: int, position: float, videos: dict[str, tuple[int, int]], model: str = "flow") -> QueuedRun:
    tasks = [
        PendingTask(run_id * 100 + index, run_id, video, frames, objects, frames, TaskKind.SEGMENT, 0, 0, 0)
        for index, (video, (frames, objects)) in enumerate(videos.items())
    ]
    settings = RunSettings("DAVIS", "data:DAVIS", "val", model)
    return QueuedRun(run_id, position, settings, "/nowhere", tasks=tasks)


def drain(queue: TaskQueue, device: str = "cpu") -> list[tuple[int, str]]:
    taken = []
    while (item := queue.take(device)) is not None:
        taken.append((item[0].run_id, item[1].video))
    return taken


def test_runs_in_order_and_the_most_expensive_video_first() -> None:
    queue = TaskQueue(has_gpu=False)
    queue.put(run(2, 2.0, {"x": (10, 1), "y": (99, 9)}), CostModel())
    queue.put(run(1, 1.0, {"short": (20, 1), "crowd": (20, 5), "long": (60, 1)}), CostModel())
    assert drain(queue) == [(1, "crowd"), (1, "long"), (1, "short"), (2, "y"), (2, "x")]
    assert len(queue) == 0


def test_reordered_runs() -> None:
    queue = TaskQueue(has_gpu=False)
    queue.put(run(1, 5.0, {"a": (1, 1)}), CostModel())
    queue.put(run(2, 4.0, {"b": (1, 1)}), CostModel())
    assert drain(queue) == [(2, "b"), (1, "a")]


def test_gpus_take_sam2_and_cpus_the_rest() -> None:
    queue = TaskQueue(has_gpu=True)
    queue.put(run(1, 1.0, {"a": (1, 1)}, "sam2_hiera_tiny"), CostModel())
    queue.put(run(2, 2.0, {"b": (1, 1)}, "flow"), CostModel())
    assert drain(queue, "cuda") == [(1, "a")]
    assert drain(queue, "cpu") == [(2, "b")]


def test_put_back_goes_first() -> None:
    queue = TaskQueue(has_gpu=False)
    queue.put(run(1, 1.0, {"a": (9, 1), "b": (5, 1)}), CostModel())
    taken = queue.take("cpu")
    assert taken is not None and taken[1].video == "a"
    queue.put_back(*taken)
    assert drain(queue) == [(1, "a"), (1, "b")]


def test_put_back_after_the_run_was_read_anew() -> None:
    queue = TaskQueue(has_gpu=False)
    queue.put(run(1, 1.0, {"a": (9, 1), "b": (5, 1)}), CostModel())
    taken = queue.take("cpu")
    assert taken is not None
    queue.put(run(1, 1.0, {"c": (3, 1), "b": (5, 1)}), CostModel())
    queue.put_back(*taken)
    assert drain(queue) == [(1, "a"), (1, "b"), (1, "c")]
