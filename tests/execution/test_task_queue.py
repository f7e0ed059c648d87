"""Which video an idle worker gets next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from db.states import TaskKind
from vos_core.execution.cost import CostModel
from vos_core.execution.task_queue import Peer, PendingTask, QueuedRun, TaskQueue, seconds_left
from vos_core.runs import RunSettings

BASE, LARGE = "sam2_hiera_base_plus", "sam2_hiera_large"


def put(
    queue: TaskQueue,
    run_id: int,
    position: float,
    videos: dict[str, tuple[int, int]],
    model: str = "flow",
    load_s: float = 0,
) -> None:
    tasks = [
        PendingTask(run_id * 100 + index, run_id, video, frames, objects, frames, TaskKind.SEGMENT, 0, 0, 0)
        for index, (video, (frames, objects)) in enumerate(videos.items())
    ]
    settings = RunSettings("DAVIS", "data:DAVIS", "val", model)
    queue.put(QueuedRun(run_id, position, settings, "/nowhere"), tasks, CostModel(0.0, 1.0, load_s))


def drain(queue: TaskQueue, device: str = "cpu") -> list[tuple[int, str]]:
    taken = []
    while (item := queue.take(device)) is not None:
        taken.append((item[0].run_id, item[1].video))
    return taken


def test_runs_in_order_and_the_most_expensive_video_first() -> None:
    queue = TaskQueue(has_gpu=False)
    put(queue, 2, 2.0, {"x": (10, 1), "y": (99, 9)})
    put(queue, 1, 1.0, {"short": (20, 1), "crowd": (20, 5), "long": (60, 1)})
    assert drain(queue) == [(1, "crowd"), (1, "long"), (1, "short"), (2, "y"), (2, "x")]
    assert len(queue) == 0


def test_reordered_runs() -> None:
    queue = TaskQueue(has_gpu=False)
    put(queue, 1, 5.0, {"a": (1, 1)})
    put(queue, 2, 4.0, {"b": (1, 1)})
    assert drain(queue) == [(2, "b"), (1, "a")]


def test_gpus_take_sam2_and_cpus_the_rest() -> None:
    queue = TaskQueue(has_gpu=True)
    put(queue, 1, 1.0, {"a": (1, 1)}, "sam2_hiera_tiny")
    put(queue, 2, 2.0, {"b": (1, 1)}, "flow")
    assert drain(queue, "cuda") == [(1, "a")]
    assert drain(queue, "cpu") == [(2, "b")]


def test_put_back_goes_first() -> None:
    queue = TaskQueue(has_gpu=False)
    put(queue, 1, 1.0, {"a": (9, 1), "b": (5, 1)})
    taken = queue.take("cpu")
    assert taken is not None and taken[1].video == "a"
    queue.put_back(*taken)
    assert drain(queue) == [(1, "a"), (1, "b")]


def test_put_back_after_the_run_was_read_anew() -> None:
    queue = TaskQueue(has_gpu=False)
    put(queue, 1, 1.0, {"a": (9, 1), "b": (5, 1)})
    taken = queue.take("cpu")
    assert taken is not None
    put(queue, 1, 1.0, {"c": (3, 1), "b": (5, 1)})
    queue.put_back(*taken)
    assert drain(queue) == [(1, "a"), (1, "b"), (1, "c")]


def weights(model: str) -> str:
    """What a worker holds after a video of `model`."""
    found = QueuedRun(0, 0.0, RunSettings("D", "data:D", "val", model), "").weights
    assert found is not None
    return found


def test_memory_size_is_no_other_weights() -> None:
    settings = RunSettings("D", "data:D", "val", BASE, memory_size=7)
    run = QueuedRun(1, 1.0, settings, "")
    assert replace(run, settings=replace(settings, memory_size=1, dataset="E")).weights == run.weights
    for other in (replace(settings, model=LARGE), replace(settings, options=(("checkpoint", "mine.pt"),))):
        assert replace(run, settings=other).weights != run.weights
    assert replace(run, settings=replace(settings, model="flow")).weights is None


LOAD = 10.0  # seconds; a video below costs its frames in seconds


def others(*peers: tuple[str, float]) -> list[Peer]:
    return [Peer(weights(model), free_in) for model, free_in in peers]


@pytest.mark.parametrize(
    ("held", "peers", "expected"),
    [
        (BASE, [], "first"),  # warm for the first run
        (None, [], "first"),
        (None, [(BASE, 12.0)], "first"),  # its holder is free only after we have loaded
        (None, [(BASE, 4.0)], "first"),  # takes one of the two by then; the other would wait
        (None, [(BASE, 0.0), (LARGE, 0.0)], "first"),
        (None, [(BASE, 4.0), (BASE, 6.0)], "second"),  # both begin before we could
    ],
)
def test_weights_are_loaded_only_for_videos_that_would_still_wait(
    held: str | None, peers: list[tuple[str, float]], expected: str
) -> None:
    queue = TaskQueue(has_gpu=True)
    put(queue, 1, 1.0, {"first": (11, 1), "more": (11, 1)}, BASE, LOAD)
    put(queue, 2, 2.0, {"second": (30, 1)}, LARGE, LOAD)
    taken = queue.take("cuda", weights(held) if held else None, others(*peers))
    assert taken is not None and taken[1].video == expected


@pytest.mark.parametrize(
    ("holders", "expected"),
    [
        ([], "first"),  # nobody else would do it
        ([20.0], "first"),  # 220 s of work: at an end after 115 s instead of 220
        ([20.0] * 3, "first"),  # 260 s: after 67.5 instead of 86.7
        ([20.0] * 4, "first"),  # 280 s: after 58 instead of 70
        ([20.0] * 5, "own"),  # 300 s: after 51.7 instead of 60, not sooner by what loading takes
    ],
)
def test_held_weights_are_given_up_only_for_a_run_that_ends_much_sooner(holders: list[float], expected: str) -> None:
    queue = TaskQueue(has_gpu=True)
    put(queue, 1, 1.0, {f"first{n}": (20, 1) for n in range(10)}, BASE, LOAD)
    put(queue, 2, 2.0, {"own": (30, 1)}, LARGE, LOAD)
    taken = queue.take("cuda", weights(LARGE), others(*((BASE, free_in) for free_in in holders)))
    assert taken is not None and taken[1].video.startswith(expected)


def test_nothing_rather_than_a_useless_load_and_never_for_ever() -> None:
    queue = TaskQueue(has_gpu=True)
    put(queue, 1, 1.0, {"last": (5, 1)}, BASE, LOAD)
    free_soon = seconds_left(expected=30.0, elapsed=28.0)
    assert queue.take("cuda", weights(LARGE), [Peer(weights(BASE), free_soon)]) is None
    assert len(queue) == 1
    hangs = seconds_left(expected=30.0, elapsed=45.0)
    taken = queue.take("cuda", weights(LARGE), [Peer(weights(BASE), hangs)])
    assert taken is not None and taken[1].video == "last"


def test_a_holder_is_not_counted_for_two_runs() -> None:
    queue = TaskQueue(has_gpu=True)
    put(queue, 1, 1.0, {"a": (20, 1)}, BASE, LOAD)
    put(queue, 2, 2.0, {"b": (20, 1)}, BASE, LOAD)
    taken = queue.take("cuda", weights(LARGE), [Peer(weights(BASE), 1.0)])
    assert taken is not None and taken[1].video == "b", "the holder takes a, and then b would wait"


def test_what_needs_no_weights_is_taken_by_anybody() -> None:
    queue = TaskQueue(has_gpu=False)
    put(queue, 1, 1.0, {"a": (1, 1), "b": (1, 1)}, "flow", LOAD)
    assert queue.take("cpu", weights(BASE), [Peer(None, 0.0)]) is not None


def test_new_costs_order_the_queue_anew() -> None:
    queue = TaskQueue(has_gpu=False)
    put(queue, 1, 1.0, {"long": (60, 1), "crowd": (20, 5)})
    assert queue.waiting_seconds(1) == 160
    queue.reprice(lambda model: CostModel(1.0, 0.0))
    assert queue.waiting_seconds(1) == 80
    assert drain(queue) == [(1, "long"), (1, "crowd")]


def test_a_gpu_that_comes_later_takes_over() -> None:
    queue = TaskQueue(has_gpu=False)
    put(queue, 1, 1.0, {"a": (1, 1)}, BASE)
    queue.has_gpu = True
    assert queue.take("cpu") is None
    assert drain(queue, "cuda") == [(1, "a")]


def test_long_queues_are_no_slower_to_take_from() -> None:
    queue = TaskQueue(has_gpu=True)
    for number in range(200):
        put(queue, number, float(number), {f"v{video}": (video + 1, 1) for video in range(300)}, BASE)
    assert len(queue) == 60_000
    assert queue.take("cpu") is None
    order = [taken[1].task_id for _ in range(301) if (taken := queue.take("cuda", weights(BASE)))]
    assert order[0] == 299 and order[299] == 0 and order[300] == 100 + 299
