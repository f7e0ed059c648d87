"""The table of published scores: its facts, and what a damaged one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from vos_core.errors import InputError
from vos_core.models.registry import MODELS, MemoryMode
from vos_core.reference import FIGURES, TABLE, Measure, ReferenceRow, read_reference_rows, reference_rows

ROWS = reference_rows()


def rows_of(**wanted: object) -> list[ReferenceRow]:
    return [row for row in ROWS if all(getattr(row, name) == value for name, value in wanted.items())]


@pytest.mark.parametrize(
    ("model", "figures"),
    [
        ("base_plus", (0.885856, 0.854672, 0.921446, 0.050835, 0.917041, 0.967444, 0.072987)),
        ("large", (0.89376, 0.860923, 0.92122, 0.043284, 0.926596, 0.977366, 0.05833)),
    ],
)
def test_the_users_report_has_all_seven_figures(model: str, figures: tuple[float, ...]) -> None:
    (row,) = rows_of(source="user's report", model=model)
    assert tuple(getattr(row, name) for name in FIGURES) == figures
    assert (row.memory_size, row.memory_mode, row.target) == (7, MemoryMode.NAIVE, True)


def test_the_sweep_covers_every_memory_size_once() -> None:
    for model in ("base_plus", "large"):
        for dataset, measure in (("DAVIS", Measure.JF), ("MOSE", Measure.AGREEMENT)):
            sizes = [r.memory_size for r in rows_of(kind="user", model=model) if r.is_on(dataset, "val")]
            assert sorted(s for s in sizes if s is not None) == list(range(8))
            assert {r.measure for r in rows_of(kind="user", model=model) if r.is_on(dataset, "val")} == {measure}


def test_agreement_is_never_called_jf() -> None:
    rows = [row for row in ROWS if "submission" in row.dataset]
    assert len(rows) == 16
    for row in rows:
        assert row.measure is Measure.AGREEMENT
        assert all(getattr(row, name) is None for name in FIGURES)
        assert row.score == row.agreement
        assert row.why_no_target is not None
        assert "agreement" in row.why_no_target
        assert "not J&F" in row.why_no_target


def test_the_papers_table_is_no_target() -> None:
    rows = rows_of(source="SAM 2 paper Table 6")
    assert sorted(row.score for row in rows) == [0.909, 0.916]
    for row in rows:
        assert row.why_no_target is not None
        assert "not released" in row.why_no_target
        assert row.model_name is None


def test_only_rows_that_are_no_target_say_why() -> None:
    assert {row.why_no_target is None for row in ROWS if row.target} == {True}
    assert {row.why_no_target is None for row in ROWS if not row.target} == {False}


def test_scores_are_fractions_with_a_source() -> None:
    assert len(ROWS) == 54
    for row in ROWS:
        assert 0 < row.score < 1
        assert row.source
        assert row.kind == "user" or (row.link or "").startswith("https://")


def test_model_names_are_registered() -> None:
    names = {row.model_name for row in ROWS} - {None}
    assert names <= set(MODELS)
    assert {"sam2_hiera_large", "sam2.1_hiera_tiny"} <= names


@pytest.mark.parametrize(
    ("dataset", "split", "count"),
    [("DAVIS", "val", 28), ("davis", "VAL", 28), ("DAVIS", "train", 0), ("demo", "val", 0), ("MOSE", "valid", 26)],
)
def test_rows_know_their_split(dataset: str, split: str, count: int) -> None:
    assert sum(row.is_on(dataset, split) for row in ROWS) == count


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("0.885856", ""), "line 2"),
        (("0.885856", "high"), "line 2"),
        (("user,yes", "user,maybe"), "line 2"),
        (("DAVIS 2017 val", "DAVIS 2018 val"), "line 2"),
    ],
)
def test_a_damaged_table_is_told(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(TABLE.read_text().replace(*change, 1))
    with pytest.raises(InputError, match=said):
        read_reference_rows(path)


def test_a_missing_table_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_reference_rows(tmp_path / "none.csv")
