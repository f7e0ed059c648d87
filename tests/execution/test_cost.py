"""What a video costs, fitted from timings of one model on one device."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from db import ledger, queries
from db.session import writing
from db.states import TaskKind
from tests.clips import write_dataset
from tests.ui.seed import launch
from vos_core.execution.cost import DEFAULT_LOAD_SECONDS, CostModel, fit_cost, typical_load
from vos_core.execution.loading import cost_of
from vos_core.home import Home
from vos_core.runs import Grid


def timings(a: float, b: float) -> list[tuple[int, int, float]]:
    return [(frames, objects, frames * (a + b * objects)) for frames in (40, 70, 100) for objects in (1, 2, 5)]


@pytest.mark.parametrize(("a", "b"), [(0.02, 0.01), (0.0, 0.3), (0.5, 0.001)])
def test_fit_recovers_the_coefficients(a: float, b: float) -> None:
    model = fit_cost(timings(a, b))
    assert model.per_frame == pytest.approx(a, abs=1e-9)
    assert model.per_object == pytest.approx(b, abs=1e-9)


def test_too_few_timings_give_frames_times_objects() -> None:
    assert fit_cost(timings(0.5, 0.1)[:5]).cost(10, 3) == pytest.approx(30 * CostModel().per_object)


def test_more_objects_never_cost_less() -> None:
    model = fit_cost([(50, objects, 50 * (1.0 - 0.1 * objects)) for objects in (1, 2, 3, 4, 5, 6)])
    assert model.cost(50, 6) >= model.cost(50, 1) > 0


@pytest.mark.parametrize(
    ("loads", "expected"),
    [
        ([], DEFAULT_LOAD_SECONDS),
        ([0.0, 0.0], DEFAULT_LOAD_SECONDS),
        ([8.0], 8.0),
        ([0.1, 6.0, 0.2, 8.0, 0.1, 7.0, 0.0], 7.0),  # most are another memory size on the same weights
    ],
)
def test_typical_load(loads: Sequence[float], expected: float) -> None:
    assert typical_load(loads) == expected


def test_models_and_devices_have_costs_of_their_own(home: Home) -> None:
    write_dataset(home.data / "DAVIS", {f"v{n}": n for n in range(4, 11)})
    grid = Grid((("DAVIS", home.store(home.data / "DAVIS"), "val"),), ("static", "flow", "propagation"))
    static, flow, _ = launch(home, grid)
    paces = {static: 0.001, flow: 0.2}
    with writing(home.database) as session:
        for run_id, pace in paces.items():
            for number, task in enumerate(queries.tasks(home.database, run_id)):
                # The first of each were done on another machine, long ago and slowly.
                seconds, device = (pace, "new") if number else (99.0, "old")
                columns = {"wall_s": task.frames * seconds, "load_s": 1.0, "device_name": device}
                ledger.finish_task(session, task.id, columns, [], [])
    assert cost_of(home.database, "static").cost(100, 2) == pytest.approx(0.1)
    assert cost_of(home.database, "flow").cost(100, 2) == pytest.approx(20.0)
    assert cost_of(home.database, "flow").load_s == 1.0
    assert cost_of(home.database, "propagation") == CostModel()
    kinds = {task.kind for task in queries.tasks(home.database, flow)}
    assert kinds == {TaskKind.SEGMENT.value}
