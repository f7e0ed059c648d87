"""Line-ups of several runs: what is common, means and spreads, who may stand in one, and the frame to look at."""

from __future__ import annotations

import pytest

from tests.analysis.rows import rows
from vos_core.analysis.comparisons import compare
from vos_core.analysis.lineup import Ground, line_up, lowest, widest_gap
from vos_core.errors import InputError

A = rows({"dog": [0.80], "bmx": [0.50, 0.70], "swan": [0.90]})
B = rows({"dog": [0.82], "bmx": [0.62, 0.66], "swan": [0.91]})
C = rows({"bmx": [0.40, 0.76], "dog": [0.70]})
NAMES = ("A", "B", "C")


def test_everything_is_over_what_all_have() -> None:
    found = line_up([A, B, C])
    assert [line.sequence for line in found.objects] == ["dog_1", "bmx_1", "bmx_2"]
    assert found.means == pytest.approx((2.0 / 3, 2.1 / 3, 1.86 / 3))
    assert [(line.video, line.objects, line.values) for line in found.videos] == [
        ("dog", 1, pytest.approx((0.80, 0.82, 0.70))),
        ("bmx", 2, pytest.approx((0.60, 0.64, 0.58))),
    ]
    assert [round(line.spread, 4) for line in found.videos] == [0.12, 0.06]
    assert found.left_out == ((("swan", 1),), (("swan", 1),), ())
    assert found.scope(NAMES) == (
        "Compared over 2 videos (3 objects) that all 3 runs have; left out, of A: swan; of B: swan."
    )


def test_pairs_are_of_the_common_objects_only() -> None:
    pairs = line_up([A, B, C]).pairs
    kept = [row for row in A if row.video != "swan"], [row for row in B if row.video != "swan"]
    assert pairs[0] == compare(*kept)
    assert [pair.difference for pair in pairs] == pytest.approx([0.1 / 3, -0.14 / 3])


def test_differences_run_from_the_largest_gain_to_the_largest_loss() -> None:
    got = [(row.video, round(row.difference, 4)) for row in line_up([A, B, C]).differences(2)]
    assert got == [("bmx", -0.02), ("dog", -0.1)]
    assert [row.video for row in line_up([A, B]).differences(1)] == ["bmx", "dog", "swan"]


@pytest.mark.parametrize(
    ("runs", "sentence"),
    [
        ([A, B], "Compared over 3 videos (4 objects), all that both runs have."),
        ([A, C], "Compared over 2 videos (3 objects) that both runs have; left out, of A: swan."),
        ([A, B, A], "Compared over 3 videos (4 objects), all that the 3 runs have."),
        ([A, rows({"cat": [0.5]})], "No video has scores in both runs: there is nothing to compare."),
        ([A, B, []], "No video has scores in all 3 runs: there is nothing to compare."),
    ],
)
def test_scope_says_what_is_compared(runs: list, sentence: str) -> None:
    assert line_up(runs).scope(NAMES) == sentence


@pytest.mark.parametrize(
    ("runs", "problem"),
    [([A], "1 runs"), ([A] * 9, "9 runs"), ([A, [*B, B[0]]], "twice")],
)
def test_what_is_no_line_up_is_refused(runs: list, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        line_up(runs)


HERE = Ground("DAVIS", "/data/DAVIS", "J&F")


@pytest.mark.parametrize(
    ("other", "objection"),
    [
        (Ground("DAVIS", "/data/DAVIS", "J&F"), None),
        (Ground("davis copy", "/data/DAVIS", "J&F"), None),
        (
            Ground("MOSE", "/data/MOSE", "J&F"),
            "two is on MOSE in /data/MOSE, one on DAVIS in /data/DAVIS: two datasets.",
        ),
        (
            Ground("DAVIS", "/data/DAVIS", "agreement with theirs"),
            "The figures of two are agreement with theirs, those of one are J&F: they measure different things.",
        ),
    ],
)
def test_who_may_stand_beside_whom(other: Ground, objection: str | None) -> None:
    assert HERE.objection("one", other, "two") == objection


@pytest.mark.parametrize(
    ("means", "frame"),
    [
        ([{1: 0.9, 2: 0.8, 3: 0.7}, {1: 0.8, 2: 0.3, 3: 0.6}], 2),
        ([{1: 0.75, 2: 0.5}, {1: 0.5, 2: 0.25}], 2),  # the same gap: the lower mean
        ([{4: 0.5, 2: 0.5}, {4: 0.5, 2: 0.5}], 2),  # all alike: the first
        ([{1: 0.1, 2: 0.9}, {2: 0.8}], 2),  # frame 1 is not scored in both
        ([{1: 0.1}, {}], None),
        ([{1: 0.9, 2: 0.9}, {1: 0.9, 2: 0.8}, {1: 0.2, 2: 0.9}], 1),
        ([], None),
    ],
)
def test_widest_gap(means: list[dict[int, float]], frame: int | None) -> None:
    assert widest_gap(means) == frame


@pytest.mark.parametrize(("means", "frame"), [({3: 0.2, 1: 0.4, 5: 0.2}, 3), ({}, None)])
def test_lowest(means: dict[int, float], frame: int | None) -> None:
    assert lowest(means) == frame
