"""Simulates an ablation on 1 to 64 GPUs: the dispatcher's own queue beside a script's round-robin.

    python benchmarks/scheduling.py

prints the tables of docs/scheduling.md. Who gets which video next is decided by
`vos_core.execution.task_queue.TaskQueue`, the code that the dispatcher runs; only time is simulated.
"""

from __future__ import annotations

import heapq
import itertools
import random
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.davis_val import DAVIS_VAL, Videos
from db.states import TaskKind
from vos_core.execution.cost import CostModel
from vos_core.execution.task_queue import Peer, PendingTask, QueuedRun, TaskQueue, seconds_left
from vos_core.runs import RunSettings

WORKERS = (1, 2, 4, 8, 16, 32, 64)
MEMORY_SIZES = range(8)
BASE, LARGE = "sam2_hiera_base_plus", "sam2_hiera_large"
# Measured with round-robin on 8 L4 GPUs over DAVIS 2017 val by those who wrote that script.
ROUND_ROBIN_SECONDS = {BASE: 63.0, LARGE: 104.0}
LOAD_SECONDS = 8.0  # assumed: process, imports, weights and the first frame's warm-up
NOISE = 0.1  # standard deviation of the logarithm of a video's true seconds about frames x (a + b x objects)
TICK_SECONDS = 1.0  # an idle worker that was given nothing asks again


def mose_like(videos: int = 311, seed: int = 5) -> dict[str, tuple[int, int]]:
    """Lengths with a long tail, drawn anew for each seed: as many videos as MOSE valid, with MOSE's means.

    All of MOSE has 2,149 videos, 5,200 objects and 431,725 masks (https://mose.video): 2.4 objects a video and 83
    masks an object. Frames are log-normal about that mean, objects geometric.
    """
    draw = random.Random(seed)
    drawn = {}
    for number in range(videos):
        frames = min(600, max(15, round(draw.lognormvariate(4.17, 0.7))))
        objects = 1
        while objects < 15 and draw.random() < 1.42 / 2.42:
            objects += 1
        drawn[f"{number:04d}"] = (frames, objects)
    return drawn


@dataclass(frozen=True)
class SimulatedRun:
    """A run, and what each of its videos really takes."""

    settings: RunSettings
    videos: Videos
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Outcome:
    """When each run was complete, in queue order, and how often weights were loaded; seconds from the start."""

    complete: Sequence[float]
    loads: int

    @property
    def makespan(self) -> float:
        """Until everything is done."""
        return max(self.complete)

    def runs_complete(self, count: int) -> float:
        """Until `count` runs are complete."""
        return sorted(self.complete)[count - 1]


def paces() -> dict[str, CostModel]:
    """a and b of both models: a = b, scaled so that round-robin on 8 workers takes what it was measured to take."""
    found = {}
    for model, measured in ROUND_ROBIN_SECONDS.items():
        longest = max(sum(f * (1 + o) for f, o in list(DAVIS_VAL.values())[worker::8]) for worker in range(8))
        scale = (measured - LOAD_SECONDS) / longest
        found[model] = CostModel(scale, scale, LOAD_SECONDS)
    return found


def ablation(videos: Videos, costs: Mapping[str, CostModel], seed: int = 0) -> list[SimulatedRun]:
    """16 runs as the Launch page queues them: base_plus at 8 memory sizes, then large."""
    draw = random.Random(seed)
    runs = []
    for model, size in itertools.product(costs, MEMORY_SIZES):
        seconds = {v: costs[model].cost(*facts) * draw.lognormvariate(0, NOISE) for v, facts in videos.items()}
        runs.append(SimulatedRun(RunSettings("D", "data:D", "val", model, size), videos, seconds))
    return runs


def lower_bound(runs: Iterable[SimulatedRun], workers: int) -> float:
    """No schedule is shorter: all work shared out evenly, or the longest video. Loading is left out."""
    seconds = [value for run in runs for value in run.seconds.values()]
    return max(sum(seconds) / workers, max(seconds))


def round_robin(runs: Sequence[SimulatedRun], workers: int) -> Outcome:
    """The script: one run after the other, its list dealt out beforehand, a fresh process a GPU and run."""
    now, complete, loads = 0.0, [], 0
    for run in runs:
        shares = [share for w in range(workers) if (share := list(run.seconds.values())[w::workers])]
        now += max(LOAD_SECONDS + sum(share) for share in shares)
        loads += len(shares)
        complete.append(now)
    return Outcome(complete, loads)


def largest_first(runs: Sequence[SimulatedRun], workers: int, known: Mapping[str, CostModel]) -> Outcome:
    """The most expensive video first, but still run after run with fresh processes: what the queue gains beside it."""
    now, complete, loads = 0.0, [], 0
    for run in runs:
        alone = queue_order([run], workers, known)
        now, loads = now + alone.makespan, loads + alone.loads
        complete.append(now)
    return Outcome(complete, loads)


@dataclass
class _Worker:
    weights: str | None = None
    began: float = 0.0
    expected: float = 0.0
    run: int | None = None  # that it is on

    def as_peer(self, now: float) -> Peer:
        return Peer(self.weights, seconds_left(self.expected, now - self.began) if self.run is not None else 0.0)


@dataclass
class _Simulation:
    runs: Sequence[SimulatedRun]
    queue: TaskQueue
    workers: list[_Worker]
    events: list[tuple[float, int]] = field(default_factory=list)  # (time, worker that ends its video)
    loads: int = 0

    def hand_out(self, now: float) -> bool:
        """Every idle worker asks; whether one was given nothing."""
        refused = False
        for number, worker in enumerate(self.workers):
            if worker.run is not None:
                continue
            peers = [other.as_peer(now) for other in self.workers if other is not worker]
            taken = self.queue.take("cuda", worker.weights, peers)
            if taken is None:
                refused = True
                continue
            run, task = taken
            loading = run.weights != worker.weights
            self.loads += loading
            worker.weights, worker.run, worker.began = run.weights, run.run_id, now
            worker.expected = task.seconds + loading * run.load_s
            took = self.runs[run.run_id].seconds[task.video] + loading * LOAD_SECONDS
            heapq.heappush(self.events, (now + took, number))
        return refused


def queue_order(runs: Sequence[SimulatedRun], workers: int, known: Mapping[str, CostModel]) -> Outcome:
    """The dispatcher's queue; `known` is what it believes that videos and loading cost."""
    simulation = _Simulation(runs, TaskQueue(has_gpu=True), [_Worker() for _ in range(workers)])
    for number, run in enumerate(runs):
        tasks = [
            PendingTask(number * 10_000 + index, number, video, frames, objects, frames, TaskKind.SEGMENT, 0, 0, 0)
            for index, (video, (frames, objects)) in enumerate(run.videos.items())
        ]
        simulation.queue.put(QueuedRun(number, float(number), run.settings, ""), tasks, known[run.settings.model])
    complete, now = [0.0] * len(runs), 0.0
    while True:
        refused = simulation.hand_out(now)
        if not simulation.events:
            assert not len(simulation.queue), "idle workers left work lying"
            return Outcome(complete, simulation.loads)
        now_or_never = simulation.events[0][0]
        if refused and len(simulation.queue) and now + TICK_SECONDS < now_or_never:
            now += TICK_SECONDS
            continue
        while simulation.events and simulation.events[0][0] <= now_or_never:
            now, number = heapq.heappop(simulation.events)
            worker = simulation.workers[number]
            assert worker.run is not None
            complete[worker.run] = now
            worker.run = None


def blind(costs: Mapping[str, CostModel]) -> dict[str, CostModel]:
    """The same paces for a queue that does not know that loading takes time."""
    return {model: replace(cost, load_s=0.0) for model, cost in costs.items()}


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a Markdown table."""
    print(f"\n{title}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(str(cell) for cell in row)} |")


def compare(title: str, videos: Videos, costs: Mapping[str, CostModel]) -> None:
    """Makespans against the bound, and when runs are complete."""
    runs = ablation(videos, costs)
    ways: dict[str, Callable[[int], Outcome]] = {
        "round-robin": lambda workers: round_robin(runs, workers),
        "largest first, run by run": lambda workers: largest_first(runs, workers, costs),
        "queue, no timings yet": lambda workers: queue_order(runs, workers, dict.fromkeys(costs, CostModel())),
        "queue": lambda workers: queue_order(runs, workers, costs),
    }
    outcomes = {(way, workers): call(workers) for way, call in ways.items() for workers in WORKERS}
    rows = []
    for workers in WORKERS:
        bound = lower_bound(runs, workers)
        over = [f"+{100 * (outcomes[way, workers].makespan / bound - 1):.1f}%" for way in ways]
        rows.append((workers, f"{bound:,.0f} s", *over))
    table(f"{title}: time until all 16 runs are complete, over the lower bound", ("GPUs", "lower bound", *ways), rows)
    rows = []
    for workers in WORKERS:
        for way in ("round-robin", "queue"):
            outcome = outcomes[way, workers]
            moments = [f"{outcome.runs_complete(count):,.0f}" for count in (1, len(runs) // 2, len(runs))]
            rows.append((workers, way, *moments, outcome.loads))
    head = ("GPUs", "", "first run", "half of them", "all 16", "loads")
    table(f"{title}: seconds until runs are complete", head, rows)


def interleaved(videos: Videos, costs: Mapping[str, CostModel]) -> None:
    """What the choice makes of a queue in which the models alternate."""
    runs = ablation(videos, costs)
    alternating = [run for pair in zip(runs[:8], runs[8:]) for run in pair]
    rows = []
    for workers in WORKERS:
        bound = lower_bound(runs, workers)
        for way, known in (("blind to loading", blind(costs)), ("queue", costs)):
            outcome = queue_order(alternating, workers, known)
            over = f"+{100 * (outcome.makespan / bound - 1):.1f}%"
            moments = [f"{outcome.runs_complete(count):,.0f}" for count in (1, len(runs) // 2, len(runs))]
            rows.append((workers, way, *moments, over, outcome.loads))
    head = ("GPUs", "", "first run", "half of them", "all 16", "over the bound", "loads")
    table("DAVIS val, the two models alternating in the queue", head, rows)


def main() -> None:
    """Print all tables."""
    costs, mose = paces(), mose_like()
    for name, videos in (("DAVIS val", DAVIS_VAL), ("MOSE-like", mose)):
        frames, objects = zip(*videos.values())
        print(
            f"{name}: {len(videos)} videos, {sum(frames):,} frames (mean {fmean(frames):.0f}, longest {max(frames)}),"
        )
        print(f"  {sum(objects)} objects (most {max(objects)})")
    for model, cost in costs.items():
        print(f"{model}: {cost.per_frame:.4f} s a frame and as much an object, {cost.load_s:.0f} s to load")
    compare("DAVIS val", DAVIS_VAL, costs)
    compare("MOSE-like", mose, costs)
    interleaved(DAVIS_VAL, costs)


if __name__ == "__main__":
    main()
