"""Differences of two runs: over what both have, sorted, counted, and said."""

from __future__ import annotations

import math

import pytest

from db.queries import ObjectRow
from tests.analysis.rows import Row, rows
from vos_core.analysis.comparisons import Tally, compare
from vos_core.errors import InputError
from vos_core.evaluation.scores import global_scores

A = rows({"dog": [0.80], "bmx": [0.50, 0.70], "swan": [0.90]})
B = rows({"dog": [0.82], "bmx": [0.62, 0.66], "swan": [0.9001]})


def test_objects_are_sorted_by_size() -> None:
    got = [(row.sequence, round(row.difference, 4)) for row in compare(A, B).objects]
    assert got == [("bmx_1", 0.12), ("bmx_2", -0.04), ("dog_1", 0.02), ("swan_1", 0.0001)]


def test_videos_are_means_over_their_objects() -> None:
    comparison = compare(A, B)
    got = [(row.video, row.objects, round(row.a, 4), round(row.difference, 4)) for row in comparison.videos]
    assert got == [("bmx", 2, 0.6, 0.04), ("dog", 1, 0.8, 0.02), ("swan", 1, 0.9, 0.0001)]


def test_wins_losses_and_ties() -> None:
    comparison = compare(A, B)
    assert comparison.object_tally == Tally(wins=2, losses=1, ties=1)
    assert comparison.video_tally == Tally(wins=2, losses=0, ties=1)
    assert compare(B, A).object_tally == Tally(wins=1, losses=2, ties=1)


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        (0.0, Tally(0, 0, 1)),
        (0.0005, Tally(0, 0, 1)),
        (-0.0005, Tally(0, 0, 1)),
        (0.00051, Tally(1, 0, 0)),
        (-0.00051, Tally(0, 1, 0)),
    ],
)
def test_what_tables_do_not_show_is_a_tie(difference: float, expected: Tally) -> None:
    assert Tally.of([difference]) == expected


def test_the_difference_is_the_official_one_over_objects() -> None:
    """Mean over objects, not over videos: 0.025 here, where videos would give 0.02003."""
    a = [ObjectRow(r.video, r.object_id, r.j_mean, 1, 0, r.f_mean, 1, 0) for r in A]
    b = [ObjectRow(r.video, r.object_id, r.j_mean, 1, 0, r.f_mean, 1, 0) for r in B]
    official = [
        global_scores([((r.j_mean, r.j_recall, r.j_decay), (r.f_mean, r.f_recall, r.f_decay)) for r in run]).jf_mean
        for run in (a, b)
    ]
    comparison = compare(a, b)
    assert [comparison.a, comparison.b] == pytest.approx(official, abs=1e-12)
    assert comparison.difference == pytest.approx(0.025025, abs=1e-9)


def test_what_only_one_run_has_is_said_and_left_out() -> None:
    b = [row for row in B if row.video != "swan"]
    b = [row for row in b if (row.video, row.object_id) != ("bmx", 2)] + rows({"goat": [0.7, 0.7]})
    comparison = compare(A, b)
    assert comparison.only_in_a == (("bmx", 2), ("swan", 1))
    assert comparison.only_in_b == (("goat", 1), ("goat", 2))
    assert [row.sequence for row in comparison.objects] == ["bmx_1", "dog_1"]
    assert comparison.difference == pytest.approx(0.07)
    assert comparison.scope(("N=7", "N=3")) == (
        "Compared over 2 videos (2 objects) that both runs have; left out, only in N=7: bmx_2, swan; only in N=3: goat."
    )


def test_scope_of_equal_subsets() -> None:
    assert compare(A, B).scope() == "Compared over 3 videos (4 objects), all that both runs have."
    assert compare(A[:1], B[:1]).scope() == "Compared over 1 video (1 object), all that both runs have."


def test_many_left_out_are_shortened() -> None:
    a = rows({f"v{k}": [0.5] for k in range(9)})
    assert "only in A: v1, v2, v3, v4, v5 and 3 more." in compare(a, a[:1]).scope()


def test_nothing_in_common() -> None:
    comparison = compare(A, rows({"goat": [0.7]}))
    assert comparison.objects == comparison.videos == ()
    assert math.isnan(comparison.difference)
    assert comparison.scope() == "A and B have no video in common: there is nothing to compare."


@pytest.mark.parametrize(
    ("wrong", "said"),
    [([A[0], A[0]], "object 1 of video dog twice"), ([Row("dog", 1, math.nan, 0.5)], "is no number")],
)
def test_rows_that_cannot_be_compared(wrong: list[Row], said: str) -> None:
    with pytest.raises(InputError, match=f"second run.*{said}"):
        compare(A, wrong)
