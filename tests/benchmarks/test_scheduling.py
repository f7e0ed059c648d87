"""Simulated ablations hold what docs/scheduling.md says: the dispatcher's own queue decides, only time is made up."""

from __future__ import annotations

import pytest

from benchmarks.davis_val import DAVIS_VAL, Videos
from benchmarks.scheduling import (
    BASE,
    LARGE,
    ROUND_ROBIN_SECONDS,
    Outcome,
    ablation,
    blind,
    lower_bound,
    mose_like,
    paces,
    queue_order,
    round_robin,
)
from vos_core.execution.cost import CostModel

COSTS = paces()


def test_davis_val_is_whole() -> None:
    frames, objects = zip(*DAVIS_VAL.values())
    assert (len(DAVIS_VAL), sum(frames), sum(objects)) == (30, 1999, 61)


def test_round_robin_takes_what_was_measured() -> None:
    for model, measured in ROUND_ROBIN_SECONDS.items():
        seconds = {video: COSTS[model].cost(*facts) for video, facts in DAVIS_VAL.items()}
        runs = ablation(DAVIS_VAL, {model: COSTS[model]})
        exact = [type(runs[0])(runs[0].settings, DAVIS_VAL, seconds)]
        assert round_robin(exact, 8).makespan == pytest.approx(measured)


@pytest.mark.parametrize("videos", [DAVIS_VAL, mose_like()], ids=["DAVIS val", "MOSE-like"])
@pytest.mark.parametrize("known", [COSTS, dict.fromkeys(COSTS, CostModel())], ids=["fitted", "no timings yet"])
@pytest.mark.parametrize("seed", [0, 1])
def test_within_three_percent_of_the_lower_bound_on_8_gpus(
    videos: Videos, known: dict[str, CostModel], seed: int
) -> None:
    runs = ablation(videos, COSTS, seed)
    outcome = queue_order(runs, 8, known)
    assert outcome.makespan <= 1.03 * lower_bound(runs, 8)
    script = round_robin(runs, 8)
    for count in (1, 8, 16):
        assert outcome.runs_complete(count) < script.runs_complete(count)


@pytest.mark.parametrize("workers", [1, 2, 4, 16, 32, 64])
def test_never_behind_round_robin(workers: int) -> None:
    runs = ablation(DAVIS_VAL, COSTS)
    ours, script = queue_order(runs, workers, COSTS), round_robin(runs, workers)
    for count in (1, 8, 16):
        assert ours.runs_complete(count) <= script.runs_complete(count)


def test_runs_end_in_queue_order() -> None:
    outcome = queue_order(ablation(DAVIS_VAL, COSTS), 8, COSTS)
    assert list(outcome.complete) == sorted(outcome.complete)


def test_alternating_models_are_sorted_out() -> None:
    runs = ablation(DAVIS_VAL, COSTS)
    alternating = [run for pair in zip(runs[:8], runs[8:]) for run in pair]
    assert [run.settings.model for run in alternating[:2]] == [BASE, LARGE]

    def on(workers: int, known: dict[str, CostModel]) -> Outcome:
        return queue_order(alternating, workers, known)

    for workers, share in ((8, 0.7), (16, 0.25)):
        blindly, ours = on(workers, blind(COSTS)), on(workers, COSTS)
        assert ours.loads < share * blindly.loads
        assert ours.makespan < blindly.makespan
