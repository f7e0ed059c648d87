"""Curves from runs: what is grouped, what is left out, and what stands on both modes' curves."""

from __future__ import annotations

from typing import Any

import pytest

from tests.analysis.runs import run
from vos_core.analysis.curves import MemoryCurve, memory_curves, published_curves, speed_points
from vos_core.reference import reference_rows

PRESERVING, NAIVE = "position_preserving", "naive"


def drawn(curve: MemoryCurve) -> list[tuple[int, float]]:
    return [(point.memory_size, point.jf_mean) for point in curve.points]


def test_a_sweep_is_one_curve_with_memory_off_apart() -> None:
    sizes = {3: 0.87, 0: 0.04, 7: 0.885, 1: 0.86}
    (curve,) = memory_curves(run(jf, memory_size=size) for size, jf in sizes.items())
    assert drawn(curve) == [(1, 0.86), (3, 0.87), (7, 0.885)]
    assert curve.memory_off is not None
    assert curve.memory_off.jf_mean == 0.04
    assert (curve.label, curve.published) == ("sam2_hiera_base_plus naive", False)
    assert curve.points[0].seconds == 100.0
    assert curve.points[0].frames_per_second == pytest.approx(19.99)


@pytest.mark.parametrize(
    ("change", "label"),
    [
        ({"dataset": "demo"}, "sam2_hiera_base_plus naive"),
        ({"dataset_path": "/elsewhere/DAVIS"}, "sam2_hiera_base_plus naive"),
        ({"split": "train"}, "sam2_hiera_base_plus naive"),
        ({"model": "sam2_hiera_large"}, "sam2_hiera_large naive"),
        ({"memory_mode": PRESERVING}, "sam2_hiera_base_plus position_preserving"),
        ({"settings": {"videos": ["dog"]}}, "sam2_hiera_base_plus naive, 1 video"),
        ({"settings": {"options": [["image_size", 512]]}}, "sam2_hiera_base_plus naive, image_size=512"),
    ],
)
def test_what_differs_is_another_curve(change: dict[str, Any], label: str) -> None:
    curves = memory_curves([run(memory_size=3), run(0.5, memory_size=3, **change)])
    assert len(curves) == 2
    assert label in [curve.label for curve in curves if drawn(curve) == [(3, 0.5)]]


def test_neutral_options_are_the_same_curve_and_the_first_run_counts() -> None:
    options = {"options": [["exact", True], ["device", "cpu"]]}
    (curve,) = memory_curves([run(0.88, memory_size=3), run(0.87, memory_size=3, settings=options)])
    assert drawn(curve) == [(3, 0.88)]


def test_modes_share_the_sizes_at_which_they_agree() -> None:
    runs = [
        run(0.04, memory_size=0),
        run(0.86, memory_size=2),
        run(0.885, memory_size=7),
        run(0.87, memory_size=2, memory_mode=PRESERVING),
    ]
    naive, preserving = memory_curves(runs)
    assert drawn(naive) == [(2, 0.86), (7, 0.885)]
    assert drawn(preserving) == [(2, 0.87), (7, 0.885)]
    assert [point.shared for point in preserving.points] == [False, True]
    assert preserving.memory_off is not None
    assert preserving.memory_off.shared
    assert not any(point.shared for point in naive.points)


def test_a_mode_of_its_own_keeps_its_own_point() -> None:
    curves = memory_curves([run(0.885), run(0.8851, memory_mode=PRESERVING)])
    assert [drawn(curve) for curve in curves] == [[(7, 0.885)], [(7, 0.8851)]]


def test_other_models_share_nothing() -> None:
    (curve,) = memory_curves([run(0.6, model="propagation", memory_size=s) for s in (1, 7)])
    assert (curve.memory_mode, curve.label, len(curve.points)) == (None, "propagation", 2)


def test_runs_without_an_official_score_or_a_size_are_left_out() -> None:
    assert memory_curves([run(None), run(0.3, model="static", memory_size=None)]) == ()
    assert speed_points([run(None)]) == ()


def test_masks_made_elsewhere_have_no_speed() -> None:
    """Their seconds are those of scoring."""
    (curve,) = memory_curves([run(inference_s=0.0)])
    assert (curve.points[0].seconds, curve.points[0].frames_per_second) == (None, None)
    assert speed_points([run(inference_s=0.0)]) == ()


@pytest.mark.parametrize(("scores", "best"), [({1: 0.8, 3: 0.9, 7: 0.85}, 3), ({1: 0.8, 3: 0.9, 7: 0.9}, 3)])
def test_best_is_the_smallest_memory_of_equals(scores: dict[int, float], best: int) -> None:
    (curve,) = memory_curves(run(jf, memory_size=size) for size, jf in scores.items())
    assert curve.best is not None
    assert curve.best.memory_size == best


def test_published_sweeps() -> None:
    base_plus, large = published_curves(reference_rows(), "DAVIS", "val")
    assert (base_plus.model, base_plus.memory_mode) == ("sam2_hiera_base_plus", NAIVE)
    assert drawn(large) == [
        (1, 0.882), (2, 0.885), (3, 0.883), (4, 0.889), (5, 0.888), (6, 0.888), (7, 0.89376),
    ]  # fmt: skip
    assert large.memory_off is not None
    assert large.memory_off.jf_mean == 0.203
    assert base_plus.label.endswith("published")


def test_agreement_is_no_published_jf() -> None:
    assert published_curves(reference_rows(), "MOSE", "valid") == ()
    assert published_curves(reference_rows(), "DAVIS", "train") == ()


def test_speed_and_its_front() -> None:
    runs = [
        run(0.885, name="good", busy_s=800.0),
        run(0.860, name="fast", busy_s=400.0),
        run(0.850, name="beaten", busy_s=500.0),
        run(0.840, name="elsewhere", busy_s=900.0, provenance={"devices": ["NVIDIA H100"]}),
        run(0.840, name="fewer", busy_s=900.0, settings={"videos": ["dog"]}),
    ]
    points = {point.run: point for point in speed_points(runs)}
    assert [name for name, point in points.items() if point.on_front] == ["elsewhere", "fewer", "good", "fast"]
    assert points["fast"].frames_per_second == pytest.approx(19.99)
    assert points["fast"].frames_per_worker_second == pytest.approx(1999 / 400)
    assert points["elsewhere"].devices == ("NVIDIA H100",)
