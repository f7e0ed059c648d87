"""What the Results page hands to papers and other programs: the table, the figures, the inference times, as files."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import streamlit as st

from db.models import Run
from db.states import RunState
from ui.theme import plain
from ui.wording import count, is_official
from vos_core.analysis.summaries import run_gpus, was_timed
from vos_core.reference import reference_rows
from vos_core.reports import by_split, figure_csv, figure_html, figures, inference_times, render

_TABLES = {  # format of vos_core.reports: (label, file, type)
    "csv": ("CSV", "runs.csv", "text/csv"),
    "latex": ("LaTeX", "runs.tex", "application/x-tex"),
    "markdown": ("Markdown", "runs.md", "text/markdown"),
}


class _Timed(NamedTuple):
    """A run as the inference times tell it."""

    name: str
    dataset: str
    model: str
    memory_size: int | None
    active_s: float
    gpus: Sequence[str]


def exports(runs: Sequence[Run]) -> None:
    """A button that opens the downloads of `runs`, in the order given; each file is made when it is asked for."""
    menu = st.popover("Export", icon=":material/download:", on_change="rerun", key="exports", disabled=not runs)
    if not menu.open:
        return
    official = [run for run in runs if is_official(run)]
    with menu:
        st.markdown(f"**Table** of the {count(len(runs), 'run')} shown")
        percent = st.checkbox("Scores in percent", key="export-percent", help="One decimal; else three, as fractions")
        with st.container(horizontal=True):
            for form, (label, file, kind) in _TABLES.items():
                _button(label, file, kind, partial(render, runs, form, percent=percent))
        if len(official) < len(runs):
            others = count(len(runs) - len(official), "run")
            st.caption(f"{others} whose figures are no J&F: in columns (LaTeX, Markdown: a table) of their own.")
        for place, of_place in by_split(official).items():
            for figure in figures(of_place, reference_rows()):
                st.markdown(f"**{figure.title}**, {plain(place)}")
                with st.container(horizontal=True):
                    name = "-".join(("figure", figure.key, *re.findall(r"[\w.]+", place)))
                    _button("HTML", f"{name}.html", "text/html", partial(figure_html, figure))
                    _button("CSV", f"{name}.csv", "text/csv", partial(figure_csv, figure))
        timed = [
            _Timed(run.name, run.dataset, run.model, run.memory_size, run.active_s, run_gpus(run))
            for run in sorted(runs, key=lambda run: run.id)
            if run.state == RunState.DONE.value and was_timed(run)
        ]
        if timed:
            st.markdown(f"**Inference times** of {count(len(timed), 'run')}")
            _button("CSV", "inference_times.csv", "text/csv", partial(inference_times, timed))


def _button(label: str, file: str, kind: str, make: Callable[[], str]) -> None:
    st.download_button(label, make, file_name=file, mime=kind, key=f"export-{file}", on_click="ignore")
