"""Holding a run against the published figures: pass, differs, or why it cannot be held against them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.analysis.runs import FIGURES, run
from vos_core.analysis.verify import TOLERANCE, Outcome, verify
from vos_core.downloads.catalogue import SAM2_CHECKPOINTS
from vos_core.reference import reference_rows

BASE_PLUS, LARGE = 0.885856, 0.89376


@pytest.mark.parametrize("mode", ["naive", "position_preserving"])
@pytest.mark.parametrize(("model", "published"), [("sam2_hiera_base_plus", BASE_PLUS), ("sam2_hiera_large", LARGE)])
@pytest.mark.parametrize(
    ("off", "outcome"),
    [
        (0.0, Outcome.PASS),
        (TOLERANCE - 1e-6, Outcome.PASS),
        (-TOLERANCE + 1e-6, Outcome.PASS),
        (TOLERANCE + 1e-6, Outcome.DIFFERS),
        (-TOLERANCE - 1e-6, Outcome.DIFFERS),
    ],
)
def test_the_tolerance_decides(mode: str, model: str, published: float, off: float, outcome: Outcome) -> None:
    verdict = verify(run(published + off, model=model, memory_mode=mode))
    assert (verdict.outcome, verdict.reasons) == (outcome, ())
    assert verdict.passed is (outcome is Outcome.PASS)


def test_a_pass_says_its_numbers() -> None:
    verdict = verify(run(0.8862))
    assert verdict.sentence == (
        "Pass: J&F 0.8862 is 0.0003 above the published 0.8859 (SAM 2 base_plus N=7 (user's report)), "
        "within the tolerance of 0.002."
    )


def test_a_difference_says_where_to_look() -> None:
    sentence = verify(run(0.87)).sentence
    assert sentence.startswith("Differs: J&F 0.8700 is 0.0159 below the published 0.8859")
    assert "on NVIDIA L4" in sentence
    assert "package versions" in sentence


def test_the_seven_figures_stand_side_by_side() -> None:
    figures = verify(run()).figures
    assert [figure.name for figure in figures] == list(FIGURES)
    assert [figure.ours for figure in figures] == list(FIGURES.values())
    assert [figure.published for figure in figures] == [
        0.885856, 0.854672, 0.921446, 0.050835, 0.917041, 0.967444, 0.072987,
    ]  # fmt: skip
    assert figures[3].difference == pytest.approx(0.0511 - 0.050835)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"split": "train"}, "they are of DAVIS 2017 val, and this run is on DAVIS train"),
        ({"dataset": "MOSE", "split": "valid"}, "they are of DAVIS 2017 val, and this run is on MOSE valid"),
        (
            {"settings": {"videos": ["dog", "judo"]}, "videos": 2, "videos_done": 2},
            "has 30 videos, and this run only 2",
        ),
        ({"videos": 20, "videos_done": 20}, "has 30 videos, and this run only 20"),
        ({"objects": 30}, "30 videos with 61 objects, and this run's dataset 30 with 30"),
        ({"memory_size": 3, "memory_mode": "position_preserving"}, "they are of memory mode naive"),
        ({"model": "sam2.1_hiera_large"}, "they are of SAM 2.0 checkpoints, and sam2.1_hiera_large is SAM 2.1 large"),
        ({"model": "sam2_hiera_tiny"}, "none for sam2_hiera_tiny, only for sam2_hiera_base_plus and sam2_hiera_large"),
        ({"model": "propagation"}, "they are of SAM 2.0 models, and propagation is none"),
        ({"model": "OSVOS", "memory_size": None}, "they are of SAM 2.0 models, and OSVOS is none"),
        ({"settings": {"options": [["image_size", 512]]}}, "this run has image_size=512"),
        ({"settings": {"options": [["checkpoint", "mine.pt"]]}}, "this run has checkpoint=mine.pt"),
        ({"provenance": {"checkpoint_sha256": "ab" * 32}}, "not the released sam2_hiera_base_plus.pt (SHA-256 abab"),
        ({"state": "running", "videos_done": 12, "jf": None}, "not finished (running, 12 of 30 videos)"),
        ({"state": "failed", "videos_done": 29, "jf": None}, "not finished (failed, 29 of 30 videos)"),
        ({"videos_done": 29}, "not finished (done, 29 of 30 videos)"),
        ({"jf": None}, "the run has no scores yet"),
        ({"jf": None, "score_kind": "agreement"}, "agreement with other predictions, not J&F"),
        ({"jf": None, "score_kind": "leaked"}, "its prompts leak the annotations"),
    ],
)
def test_what_is_not_comparable_says_why(changes: dict[str, Any], said: str) -> None:
    verdict = verify(run(**changes))
    assert verdict.outcome is Outcome.NOT_COMPARABLE
    assert not verdict.passed
    assert len(verdict.reasons) == 1
    assert said in verdict.sentence
    assert verdict.sentence.startswith("Not comparable with the published figures: ")


def test_all_reasons_are_told_at_once() -> None:
    options = {"options": [["use_all_masks", True]]}
    verdict = verify(run(None, model="sam2.1_hiera_tiny", split="train", settings=options, score_kind="leaked"))
    assert len(verdict.reasons) == 4
    assert verdict.figures == ()
    assert verdict.reference is None


def test_neutral_options_and_the_released_weights_pass() -> None:
    provenance = {"checkpoint_sha256": SAM2_CHECKPOINTS["sam2_hiera_base_plus"][2]}
    assert verify(run(settings={"options": [["exact", True]]}, provenance=provenance)).passed


@pytest.mark.parametrize(
    ("size", "jf", "passed"),
    [(3, 0.879, True), (3, 0.8814, True), (3, 0.8816, False), (3, 0.8766, True), (0, 0.044, True), (0, 0.06, False)],
)
def test_smaller_memories_are_held_against_the_sweep(size: int, jf: float, passed: bool) -> None:
    """Published with three decimals: half a thousandth more is allowed."""
    verdict = verify(run(jf, memory_size=size))
    assert verdict.passed is passed
    assert verdict.outcome is not Outcome.NOT_COMPARABLE
    assert [figure.published is None for figure in verdict.figures] == [False] + [True] * 6


def test_memory_off_is_the_same_in_both_modes() -> None:
    assert verify(run(0.044, memory_size=0, memory_mode="position_preserving")).passed


def test_figures_come_from_the_rows_given() -> None:
    rows = [row for row in reference_rows() if row.model != "base_plus"]
    assert "only for sam2_hiera_large" in verify(run(), rows).sentence
    assert verify(run(), []).outcome is Outcome.NOT_COMPARABLE


def test_the_papers_table_is_never_the_target() -> None:
    rows = [row for row in reference_rows() if row.kind != "user"]
    assert verify(run(0.909), rows).outcome is Outcome.NOT_COMPARABLE


def test_another_tolerance() -> None:
    assert verify(run(0.88), tolerance=0.01).passed
