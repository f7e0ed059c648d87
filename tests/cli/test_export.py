"""`export`: tables and figures as files, which runs they hold, and what is refused."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from db.models import Run
from db.schema import ensure
from db.session import writing
from tests.cli.test_analysis_commands import add_run
from vos_core.cli import main
from vos_core.home import Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home with four runs: two of a sweep, one without memory, and one that was put away."""
    home = Home.from_environment({}, cwd=tmp_path)
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    ensure(home.database)
    for number, (jf, model, size) in enumerate(
        [(0.88, "sam2_hiera_large", 3), (0.89, "sam2_hiera_large", 7), (0.3, "static", None), (0.99, "flow", None)]
    ):
        add_run(home, jf=jf, model=model, memory_size=size, name=f"run_{number + 1}", active_s=10.0 * (number + 1))
    with writing(home.database) as session:
        session.get_one(Run, 4).archived = True
    return home


def csv_rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(
    ("words", "runs"),
    [([], {"1", "2", "3"}), (["--ablation", "2"], {"2"}), (["--run", "run_4", "1"], {"1", "4"})],
)
def test_which_runs(home: Home, capsys: pytest.CaptureFixture[str], words: list[str], runs: set[str]) -> None:
    assert main(["export", "table", *words]) == 0
    assert {row["Run"] for row in csv_rows(capsys.readouterr().out)} == runs


@pytest.mark.parametrize(
    ("form", "words", "told"),
    [
        ("csv", [], "0.890"),
        ("csv", ["--percent"], "89.0"),
        ("latex", [], "\\textbf{0.890}"),
        ("markdown", ["--percent"], "**89.0**"),
    ],
)
def test_table_formats(home: Home, form: str, words: list[str], told: str) -> None:
    out = home.root / "new" / "table"
    assert main(["export", "table", "--format", form, *words, "--out", str(out)]) == 0
    assert told in out.read_text()


@pytest.mark.parametrize(
    ("figure", "column", "values"),
    [
        ("memory", "jf_mean", {"1": 0.88, "2": 0.89, "3": 0.3}),
        ("seconds", "seconds", {"1": 10, "2": 20, "3": 30}),
        ("speed", "jf_mean", {"1": 0.88, "2": 0.89, "3": 0.3}),
    ],
)
def test_figures_as_data_and_as_a_page(home: Home, figure: str, column: str, values: dict[str, float]) -> None:
    data, page = home.root / "figure.csv", home.root / "figure.HTML"
    for out in (data, page):
        assert main(["export", "figure", figure, "--out", str(out)]) == 0
    rows = [row for row in csv_rows(data.read_text()) if row["run"]]
    assert {row["run"]: float(row[column]) for row in rows} == values
    assert "Plotly.newPlot" in page.read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["figure", "memory", "--out", "f.png"], "let --out end in .html or .csv"),
        (["figure", "memory", "--run", "3", "--out", "f.csv"], "nothing to draw J&F against memory size of"),
        (["table", "--run", "9"], "There is no run '9'"),
        (["table", "--ablation", "none"], "There is no ablation 'none'"),
    ],
)
def test_refusals(home: Home, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str) -> None:
    assert main(["export", *words]) == 2
    assert sentence in capsys.readouterr().err
