"""Tables of runs for papers and spreadsheets: cells as text, the best of comparable rows marked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from vos_core.analysis.summaries import (
    RunSummary,
    chosen_videos,
    gpu_words,
    place_names,
    place_of,
    run_gpus,
    telling_options,
    was_timed,
)
from vos_core.models.sam2_options import POINTERS, STRIDE
from vos_core.reports.marks import model_title
from vos_core.runs import SHORT

OFFICIAL = {
    "jf_mean": "J&F-Mean",
    "j_mean": "J-Mean",
    "j_recall": "J-Recall",
    "j_decay": "J-Decay",
    "f_mean": "F-Mean",
    "f_recall": "F-Recall",
    "f_decay": "F-Decay",
}
OTHER = {
    # the same seven figures where they are no J&F
    "jf_mean": "Mean",
    "j_mean": "Region mean",
    "j_recall": "Region recall",
    "j_decay": "Region decay",
    "f_mean": "Contour mean",
    "f_recall": "Contour recall",
    "f_decay": "Contour decay",
}


class ReportRun(RunSummary, Protocol):
    """A run as the database lists it, with what a table tells beyond its figures."""

    @property
    def title(self) -> str | None: ...
    @property
    def reference(self) -> str | None: ...
    @property
    def other_scores(self) -> Mapping[str, Any] | None: ...
    @property
    def dot_scores(self) -> Mapping[str, Any] | None: ...


@dataclass(frozen=True)
class Column:
    """`unit` is empty where there is none; `numeric` ones are aligned right."""

    title: str
    numeric: bool = False
    unit: str = ""

    @property
    def header(self) -> str:
        """Title and unit: `Time (s)`."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


@dataclass(frozen=True)
class Cell:
    """Text as shown; None is a figure that is missing."""

    text: str | None
    best: bool = False


@dataclass(frozen=True)
class RunsTable:
    """Rows in groups: only rows of one group (dataset, split, videos) may be compared."""

    caption: str
    columns: tuple[Column, ...]
    groups: tuple[tuple[tuple[Cell, ...], ...], ...]

    @property
    def rows(self) -> tuple[tuple[Cell, ...], ...]:
        """The rows of all groups."""
        return tuple(row for group in self.groups for row in group)


@dataclass(frozen=True)
class _Part:
    """A column with how its cells come from a run; `best` is "max" or "min" where a best means something.

    A column that says the same of all runs (and is not `always` there) goes into the caption, as `said` puts it.
    """

    column: Column
    cell: Callable[[ReportRun], str | None]
    best: str = ""
    always: bool = True
    said: str = "{}"


def runs_tables(runs: Sequence[ReportRun], *, percent: bool = False, complete: bool = False) -> tuple[RunsTable, ...]:
    """A table of the runs with official scores or none yet, and one of those whose figures are no J&F, if any.

    Official figures have 3 decimals, as the toolkit's files, or with `percent` 1 decimal in percent. Rows are grouped
    by dataset, split and choice of videos, otherwise in the order given. The best value of a column is marked within a
    group of at least two figures; rows that show the same digits are equally good. `complete` keeps the columns that
    say the same of all rows, which else the caption tells.
    """
    official = [run for run in runs if run.score_kind == "official"]
    others = [run for run in runs if run.score_kind != "official"]
    tables = []
    if official:
        figures = [_figure(name, title, percent) for name, title in OFFICIAL.items()]
        dots = dict.fromkeys(name for run in official for name in run.dot_scores or ())
        figures += [_figure(name, name, percent, among="dot_scores") for name in dots]
        tables.append(_table("Runs and their official scores", official, figures, complete))
    if others:
        figures = [_figure(name, title, percent, among="other_scores", best=False) for name, title in OTHER.items()]
        caption = "Figures that are not J&F: not computed against ground truth alone"
        tables.append(_table(caption, others, [_Part(Column("The figures are"), _meaning), *figures], complete))
    return tuple(tables)


def _table(caption: str, runs: Sequence[ReportRun], figures: Sequence[_Part], complete: bool) -> RunsTable:
    groups: dict[tuple[object, ...], list[ReportRun]] = {}
    for run in runs:
        groups.setdefault((run.dataset, run.split, run.dataset_path, chosen_videos(run)), []).append(run)
    ordered = [group for _, group in sorted(groups.items(), key=lambda entry: str(entry[0]))]
    parts, said = [], []
    for part in [*_settings(runs), *figures, *_times()]:
        texts = {part.cell(run) for run in runs}
        if not complete and texts <= {None, ""}:
            if part.always:
                parts.append(part)
        elif complete or part.always or len(texts) > 1:
            parts.append(part)
        else:
            said.append(part.said.format(texts.pop()))
    shown = tuple(tuple(zip(*(_cells(part, group) for part in parts))) for group in ordered)
    if any(cell.best for group in shown for row in group for cell in row):
        said.append("Bold: best of the runs over the same videos (of decay, the lowest)")
    return RunsTable(". ".join([caption, *said]) + ".", tuple(part.column for part in parts), shown)


def _cells(part: _Part, group: Iterable[ReportRun]) -> list[Cell]:
    texts = [part.cell(run) for run in group]
    values = [float(text) for text in texts if text] if part.best else []
    best = (max(values) if part.best == "max" else min(values)) if len(values) > 1 else None
    return [Cell(text, best is not None and bool(text) and float(text or 0) == best) for text in texts]


def _settings(runs: Sequence[ReportRun]) -> list[_Part]:
    knobs = [
        _Part(Column(title, numeric=True), partial(_option, name=name), always=False, said=title + " {}")
        for name, title in ((STRIDE, "Stride"), (POINTERS, "Pointers"))
    ]
    places = place_names(runs)
    return [
        _Part(Column("Run", numeric=True), lambda run: str(run.id)),
        _Part(Column("Title"), lambda run: run.title or "", always=False, said="Title: {}"),
        _Part(Column("Dataset"), lambda run: places[place_of(run)], always=False, said="Dataset: {}"),
        _Part(Column("Videos"), _videos, always=False, said="Videos: {}"),
        _Part(Column("Model"), lambda run: model_title(run.model)),
        _Part(Column("N", numeric=True), _size, always=False, said="Memory size N = {}"),
        _Part(Column("Memory mode"), _mode, always=False, said="Memory mode: {}"),
        *knobs,
        _Part(Column("Options"), _options, always=False, said="Options: {}"),
        _Part(Column("State"), lambda run: run.state, always=False, said="All runs are {}"),
    ]


def _times() -> list[_Part]:
    return [
        _Part(Column("Time", numeric=True, unit="s"), _seconds),
        _Part(Column("Frames/s", numeric=True), _speed),
        _Part(Column("GPUs"), _gpus, always=False, said="Computed on {}"),
    ]


def _figure(name: str, title: str, percent: bool, *, among: str = "", best: bool = True) -> _Part:
    """The column of a figure: an attribute of the run, or an entry of its scores `among`."""

    def cell(run: ReportRun) -> str | None:
        number = (getattr(run, among) or {}).get(name) if among else getattr(run, name)
        if number is None:
            return None
        return f"{100 * number:.1f}" if percent else f"{number:.3f}"

    wanted = ("min" if name.endswith("decay") else "max") if best else ""
    return _Part(Column(title, numeric=True, unit="%" if percent else ""), cell, wanted)


def _timed(run: ReportRun) -> bool:
    return run.state == "done" and was_timed(run)


def _seconds(run: ReportRun) -> str | None:
    return f"{run.active_s:.1f}" if _timed(run) else None


def _speed(run: ReportRun) -> str | None:
    return f"{run.frames / run.active_s:.2f}" if _timed(run) else None


def _gpus(run: ReportRun) -> str:
    return gpu_words(run_gpus(run)) if _timed(run) else ""


def _size(run: ReportRun) -> str:
    return "" if run.memory_size is None else str(run.memory_size)


def _mode(run: ReportRun) -> str:
    return (run.memory_mode or "").replace("_", " ")


def _videos(run: ReportRun) -> str:
    chosen = chosen_videos(run)
    return f"{len(chosen)} chosen" if chosen else "all"


def _option(run: ReportRun, name: str) -> str:
    return str(dict(telling_options(run)).get(name, ""))


def _options(run: ReportRun) -> str:
    return ", ".join(
        f"{SHORT.get(name, name)} = {value}"
        for name, value in telling_options(run)
        if name not in (STRIDE, POINTERS, "against")
    )


def _meaning(run: ReportRun) -> str:
    if run.score_kind == "agreement":
        return "agreement with " + (run.reference or "").rsplit(":", 1)[-1].rstrip("/").rsplit("/", 1)[-1]
    return "prompted with its own annotations"
