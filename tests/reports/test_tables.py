"""Tables of runs: best figures bold among comparable rows only, dashes, escaping, and TeX that compiles."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from db.models import Run
from tests.analysis.runs import FIGURES
from tests.analysis.runs import run as invented
from vos_core.reports import FORMATS, render, runs_tables
from vos_core.reports.formats import latex_text, markdown_text

NASTY = '50% of #1_a & $b$ ~c^2 {d} \\e [f] <g> |h| "i" *j* `k`'


def run(number: int, jf: float | None = 0.8855, **changes: Any) -> Run:
    return invented(jf, **{"id": number, "dataset_path": "data:DAVIS", **changes})


def bold(form: str, text: str) -> list[str]:
    return re.findall({"latex": r"\\textbf\{([^}]*)\}", "markdown": r"\*\*([^*]*)\*\*"}[form], text)


def scored(number: int, jf: float, **changes: Any) -> Run:
    """A run of which J&F alone can be best: its other figures are missing."""
    return run(number, jf, **{**dict.fromkeys(list(FIGURES)[1:]), **changes})


@pytest.mark.parametrize("form", ["latex", "markdown"])
@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([scored(1, 0.8), scored(2, 0.9)], ["0.900"]),
        ([scored(1, 0.8)], []),
        ([scored(1, 0.88549), scored(2, 0.88551), scored(3, 0.8)], ["0.886"]),
        ([scored(1, 0.88552), scored(2, 0.88551), scored(3, 0.8)], ["0.886", "0.886"]),
        ([scored(1, 0.8), scored(2, 0.9, split="train")], []),
        ([scored(1, 0.8), scored(2, 0.9, dataset_path="data:other/DAVIS")], []),
        ([scored(1, 0.8), scored(2, 0.9, settings={"videos": ["dog"], "options": []})], []),
        ([scored(1, 0.8, jf_mean=None, j_decay=0.1), scored(2, 0.8, jf_mean=None, j_decay=0.2)], ["0.100"]),
    ],
)
def test_best_is_bold_among_comparable_rows(form: str, runs: list[Run], expected: list[str]) -> None:
    assert bold(form, render(runs, form)) == expected


@pytest.mark.parametrize(
    ("percent", "shown", "unit"), [(False, "0.886", "J\\&F-Mean &"), (True, "88.6", "J\\&F-Mean (\\%)")]
)
def test_digits(percent: bool, shown: str, unit: str) -> None:
    text = render([run(1, 0.8862)], "latex", percent=percent)
    assert shown in text and unit in text


@pytest.mark.parametrize(("form", "dash"), [("latex", "& -- &"), ("markdown", "| – |"), ("csv", ",,")])
def test_missing_figures_are_a_dash_and_nothing_in_csv(form: str, dash: str) -> None:
    text = render([run(1, None, state="queued", inference_s=0.0)], form)
    assert dash in text and "None" not in text and "nan" not in text


@pytest.mark.parametrize("kind", ["agreement", "leaked"])
@pytest.mark.parametrize("form", FORMATS)
def test_figures_that_are_no_jf_never_stand_in_its_column(form: str, kind: str) -> None:
    other = dict.fromkeys(FIGURES, 0.777)
    runs = [run(1, 0.8862), run(2, 0.777, score_kind=kind, other_scores=other, reference="data:MOSE/sample")]
    text = render(runs, form)
    assert "0.777" in text
    if form == "csv":
        rows = {row["Run"]: row for row in csv.DictReader(io.StringIO(text))}
        assert (rows["1"]["J&F-Mean"], rows["2"]["J&F-Mean"], rows["2"]["Mean"]) == ("0.886", "", "0.777")
        assert rows["2"]["The figures are"] == (
            "agreement with sample" if kind == "agreement" else "prompted with its own annotations"
        )
    else:
        official, others = text.split("Figures that are not ")
        assert "0.777" not in official and "-Mean" not in others and not bold(form, others)


def test_what_all_rows_share_is_told_by_the_caption_and_what_differs_by_a_column() -> None:
    (same,) = runs_tables([run(1), run(2)])
    assert "Memory mode: naive" in same.caption and "Dataset: DAVIS val" in same.caption
    assert "Memory mode" not in [column.title for column in same.columns]
    (other,) = runs_tables([run(1), run(2, memory_mode="position_preserving")])
    assert "Memory mode" in [column.title for column in other.columns]
    (complete,) = runs_tables([run(1)], complete=True)
    assert {"Memory mode", "Dataset", "Stride", "GPUs"} <= {column.title for column in complete.columns}


@pytest.mark.parametrize("form", FORMATS)
def test_datasets_of_one_name_are_told_apart_by_their_folders(form: str) -> None:
    one, two = run(1), run(2, dataset_path="/mnt/x/DAVIS")
    text = render([one, two], form)
    assert "DAVIS val (data/DAVIS)" in text and "DAVIS val (/mnt/x/DAVIS)" in text
    assert "(data/DAVIS)" not in render([one, run(2, split="train", dataset_path="/mnt/x/DAVIS")], form)


def test_csv_tells_settings_seconds_and_gpus() -> None:
    gpus = {"devices": ["NVIDIA L4"], "gpus": {"0": "NVIDIA L4", "1": "NVIDIA L4"}}
    settings = {"videos": [], "options": [["memory_temporal_stride_for_eval", 2], ["image_size", 512]]}
    (row,) = csv.DictReader(io.StringIO(render([run(4, provenance=gpus, settings=settings, title="a,b")], "csv")))
    told = ("Run", "Title", "Dataset", "Model", "N", "Memory mode", "Stride", "Options", "Time (s)", "Frames/s", "GPUs")
    assert [row[name] for name in told] == [
        "4", "a,b", "DAVIS val", "SAM 2 base+", "7", "naive", "2", "image_size = 512", "100.0", "19.99",
        "2 x NVIDIA L4",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("a_b", r"a\_b"),
        ("50%", r"50\%"),
        ("a&b#c$d", r"a\&b\#c\$d"),
        ("~^", r"\textasciitilde{}\textasciicircum{}"),
        ("\\{}", r"\textbackslash{}\{\}"),
        ("a\n\nb", "a b"),
    ],
)
def test_latex_escapes(text: str, latex: str) -> None:
    assert latex_text(text) == latex


def test_markdown_escapes_what_would_end_a_cell_or_begin_a_format() -> None:
    assert markdown_text("a|b *c* _d_\n<e> `f`") == r"a\|b \*c\* \_d\_ \<e\> \`f\`"


def test_latex_compiles(tmp_path: Path) -> None:
    """With a real TeX where there is one; its structure everywhere."""
    other = dict.fromkeys(FIGURES, 0.777)
    runs = [
        run(1, title="[" + NASTY),
        run(2, 0.7, title="* starred"),
        run(3, 0.5, split="train", title="é – ü"),
        run(4, None, score_kind="agreement", other_scores=other, reference=f"data:{NASTY}", title=NASTY),
    ]
    text = render(runs, "latex", percent=True)
    for environment in ("table", "tabular"):
        assert text.count(f"\\begin{{{environment}}}") == text.count(f"\\end{{{environment}}}") == 2
    for block in text.split("\\begin{tabular}")[1:]:
        spec = re.match(r"\{([lr]+)\}", block)
        assert spec is not None
        rows = [line for line in block.splitlines() if line.endswith("\\\\")]
        assert {len(re.findall(r"(?<!\\)&", line)) + 1 for line in rows} == {len(spec[1])}
    latex = shutil.which("pdflatex")
    if latex is None or subprocess.run(["kpsewhich", "booktabs.sty"], capture_output=True).returncode:
        return
    page = "\\documentclass{article}\n\\usepackage{booktabs}\n\\begin{document}\n" + text + "\\end{document}\n"
    (tmp_path / "t.tex").write_text(page, encoding="utf-8")
    done = subprocess.run(
        [latex, "-interaction=nonstopmode", "-halt-on-error", "t.tex"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Missing character" not in done.stdout
