"""The figures of the Results page: J&F and seconds against memory size, J&F against speed; a mark opens its run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from db.models import Run
from ui.navigation import go, switch
from ui.wording import is_official
from vos_core.analysis.summaries import place_of
from vos_core.reference import reference_rows
from vos_core.reports import Figure, by_split, plotly_figure
from vos_core.reports import figures as figures_of
from vos_core.reports.figure_files import CONFIG
from vos_core.reports.figures import Series, SeriesKind

if TYPE_CHECKING:
    import plotly.graph_objects as go_

_SIGNS = {"circle": "●", "diamond": "◆", "square": "■", "triangle-up": "▲", "cross": "✚", "star": "★", "x": "✖"}
_LINES = {"solid": "solid", "dot": "dotted", "dash": "dashed"}
_STYLE = """<style>
.vl-legend { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; font-size: .86rem;
  margin: 0 !important; padding: 0 !important; }
.vl-legend li { display: inline-flex; align-items: center; gap: .45em; list-style: none; margin: 0 !important; }
.vl-legend i { position: relative; width: 2.1em; border-top: 2.5px var(--l) var(--c); flex: none; }
.vl-legend i b { position: absolute; inset: -.72em 0 auto; text-align: center; color: var(--c); font-style: normal;
  font-size: .95em; line-height: 1.3em; }
.st-key-figures [data-testid="stColumn"] { flex: 1 1 430px; min-width: min(430px, 100%); }
.st-key-figures h3 { font-size: 1rem; padding-bottom: 0; }
</style>"""


def figures(runs: Sequence[Run]) -> None:
    """Draw those of the figures that `runs` have, two side by side; nothing where they have none.

    Runs over several datasets or splits share no axis: one of them is chosen. Runs whose figures are no J&F are left
    out. A click on a run's mark leads to that run.
    """
    places = _places(_Shown.of([run for run in runs if is_official(run)]))
    if not places:
        return
    clicked = None
    with st.container(key="figures"):
        names = {name: name for name in places}
        chosen = switch("figures", "Dataset of the figures", names) if len(places) > 1 else next(iter(places))
        drawn = places[chosen]
        st.html(_STYLE + _legend(drawn))
        for column, figure in zip(st.columns(len(drawn)), drawn):
            with column:
                st.subheader(figure.title, anchor=False)
                event = st.plotly_chart(
                    _plotly(figure),
                    key=f"figure-{figure.key}",
                    config=CONFIG,
                    on_select="rerun",
                    selection_mode="points",
                    alt=_alt(figure),
                )
                st.caption(figure.note)
                clicked = clicked or _run_of(event)
    if clicked is not None:
        go("run", run=clicked)


@dataclass(frozen=True)
class _Shown:
    """Runs that give the same figures as long as what changes of a run is the same."""

    key: tuple[tuple[object, ...], ...]
    runs: Sequence[Run] = field(compare=False)

    @classmethod
    def of(cls, runs: Sequence[Run]) -> _Shown:
        told = tuple(
            (run.id, run.created_at, *place_of(run), run.state, run.jf_mean, run.active_s, run.busy_s) for run in runs
        )
        return cls(told, runs)


@lru_cache(maxsize=8)
def _places(shown: _Shown) -> dict[str, tuple[Figure, ...]]:
    """The figures of each dataset and split that has any; they take about 20 ms to gather of 200 runs."""
    drawn = {name: figures_of(runs, reference_rows()) for name, runs in by_split(shown.runs).items()}
    return {name: figures for name, figures in drawn.items() if figures}


@lru_cache(maxsize=48)
def _plotly(figure: Figure) -> go_.Figure:
    """Plotly's object, which takes 10 to 50 ms to make: a page drawn again with nothing new has it again."""
    import plotly.graph_objects as go_

    return go_.Figure(plotly_figure(figure, legend=False))


def _run_of(event: Any) -> int | None:
    points = event.selection.points if event else []
    data = points[0].get("customdata") if points else None
    return int(data[0]) if data else None


def _legend(drawn: Iterable[Figure]) -> str:
    """One legend for all: a line of a model looks the same in each."""
    shown: dict[str, Series] = {}
    for figure in drawn:
        for one in figure.series:
            if not one.kind.off:
                shown.setdefault(one.line, one)
    return f'<ul class="vl-legend">{"".join(_entry(one) for one in shown.values())}</ul>'


def _entry(one: Series) -> str:
    sign = "" if one.kind in (SeriesKind.FRONT, SeriesKind.NO_MEMORY) else _SIGNS.get(one.symbol, "●")
    look = f"--c:{one.colour};--l:{_LINES.get(one.dash, 'solid')}"
    return f'<li><i style="{look}" aria-hidden="true"><b>{sign}</b></i>{escape(one.line)}</li>'


def _alt(figure: Figure) -> str:
    lines = [one.name for one in figure.series if one.kind is not SeriesKind.FRONT]
    return f"{figure.title}: {figure.y.title} over {figure.x.title} of {', '.join(lines)}."
