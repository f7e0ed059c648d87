"""Tables of runs as CSV, LaTeX (booktabs) and Markdown."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence

from vos_core.reports.runs_table import Cell, ReportRun, RunsTable, runs_tables

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedblright{}",
    "[": "{[}",  # after a row's end it would be taken for an argument of \\
    "]": "{]}",
    "*": "{*}",  # likewise
    "\u2013": "--",
    "\u00b7": r"\textperiodcentered{}",
    **{sign: f"\\{sign}" for sign in "_%&#${}"},
}


def render(runs: Sequence[ReportRun], form: str, *, percent: bool = False) -> str:
    """The runs as one of FORMATS (see `runs_tables`). CSV tells every column; in it missing figures are empty."""
    return FORMATS[form](runs_tables(runs, percent=percent, complete=form == "csv"))


def csv_tables(tables: Sequence[RunsTable]) -> str:
    """One CSV of all tables: the columns of each, empty where a row's table lacks one."""
    headers = list(dict.fromkeys(column.header for table in tables for column in table.columns))
    text = io.StringIO()
    writer = csv.DictWriter(text, headers, restval="", lineterminator="\n")
    writer.writeheader()
    for table in tables:
        names = [column.header for column in table.columns]
        writer.writerows(dict(zip(names, (cell.text or "" for cell in row))) for row in table.rows)
    return text.getvalue()


def latex_tables(tables: Sequence[RunsTable]) -> str:
    """A `table` each for `\\usepackage{booktabs}`, best figures bold, missing ones a dash, a rule between groups."""
    return "% needs \\usepackage{booktabs}\n" + "\n".join(
        _latex(table, "tab:runs" if index == 0 else f"tab:runs-{index + 1}") for index, table in enumerate(tables)
    )


def markdown_tables(tables: Sequence[RunsTable]) -> str:
    """Pipe tables under their captions, best figures bold, missing ones a dash."""
    return "\n".join(_markdown(table) for table in tables)


FORMATS: dict[str, Callable[[Sequence[RunsTable]], str]] = {
    "csv": csv_tables,
    "latex": latex_tables,
    "markdown": markdown_tables,
}
"""Name -> how tables become text."""


def latex_text(text: str) -> str:
    """`text` so that LaTeX prints it as it is."""
    return "".join(_LATEX.get(sign, sign) for sign in " ".join(text.split()))


def markdown_text(text: str) -> str:
    """`text` so that a Markdown table shows it as it is."""
    return re.sub(r"([\\`*_\[\]<>|~$&])", r"\\\1", " ".join(text.split()))


def _latex(table: RunsTable, label: str) -> str:
    def cell(one: Cell) -> str:
        text = "--" if one.text is None else latex_text(one.text)
        return f"\\textbf{{{text}}}" if one.best else text

    spec = "".join("r" if column.numeric else "l" for column in table.columns)
    groups = ["\n".join(f"    {' & '.join(map(cell, row))} \\\\" for row in group) for group in table.groups]
    lines = [
        "\\begin{table}",
        "  \\centering",
        f"  \\caption{{{latex_text(table.caption)}}}",
        f"  \\label{{{label}}}",
        f"  \\begin{{tabular}}{{{spec}}}",
        "    \\toprule",
        f"    {' & '.join(latex_text(column.header) for column in table.columns)} \\\\",
        "    \\midrule",
        "\n    \\midrule\n".join(groups),
        "    \\bottomrule",
        "  \\end{tabular}",
        "\\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _markdown(table: RunsTable) -> str:
    def cell(one: Cell) -> str:
        text = "–" if one.text is None else markdown_text(one.text)
        return f"**{text}**" if one.best else text

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cells)} |"

    rule = ["--:" if column.numeric else ":--" for column in table.columns]
    lines = [
        markdown_text(table.caption),
        "",
        line([markdown_text(column.header) for column in table.columns]),
        line(rule),
        *(line([cell(one) for one in row]) for row in table.rows),
    ]
    return "\n".join(lines) + "\n"
