"""Plotly figures from rows that somebody else read: J&F against memory size, J&F per video, two runs' difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ui.palette import model_colour, model_symbol
from ui.wording import model_title
from vos_core.analysis.comparisons import VideoDifference
from vos_core.analysis.curves import MemoryCurve, memory_curves, published_curves
from vos_core.reference import ReferenceRow
from vos_core.runs import SHORT

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from db.models import Run

CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}


@dataclass(frozen=True)
class VideoBar:
    """J and F of one video, means over its objects."""

    video: str
    j_mean: float
    f_mean: float

    @property
    def jf_mean(self) -> float:
        """(J + F) / 2."""
        return (self.j_mean + self.f_mean) / 2


def has_memory_curve(runs: Sequence[Run]) -> bool:
    """Whether any scored run has a memory size above 0: only then is there a curve to draw."""
    return any(run.memory_size and run.jf_mean is not None for run in runs)


def memory_curve(runs: Sequence[Run], references: Sequence[ReferenceRow] = ()) -> go.Figure:
    """J&F against memory size, a line per dataset, split, model, mode and options; dashed: published, no memory.

    Published curves of `references` are drawn only where a run of their dataset, split, model and memory mode is.
    Memory size 0 is "memory off", no point of a curve: it is drawn apart, as a hollow mark at 0.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    ours = memory_curves(runs)  # newest first: of several runs at one size the newest counts
    published = [curve for place in _places(ours) for curve in published_curves(references, *place)]
    drawn = {(curve.dataset, curve.split, curve.model, curve.memory_mode) for curve in ours}
    curves = [
        *ours,
        *(line for line in published if (line.dataset, line.split, line.model, line.memory_mode) in drawn),
    ]
    flat = [run for run in runs if run.memory_size is None and run.jf_mean is not None]
    several = len({*_places(ours), *((run.dataset, run.split) for run in flat)}) > 1
    sizes = {point.memory_size for curve in curves for point in (*curve.points, curve.memory_off) if point}
    for curve in curves:
        name, colour = _curve_name(curve, several), model_colour(curve.model)
        symbol = model_symbol(curve.model)
        dash = "dash" if curve.published else "dot" if curve.memory_mode == "naive" else "solid"
        if curve.points:
            figure.add_scatter(
                x=[point.memory_size for point in curve.points],
                y=[point.jf_mean for point in curve.points],
                name=name,
                mode="lines+markers",
                opacity=0.7 if curve.published else 1,
                line={"color": colour, "width": 1.6 if curve.published else 2.5, "dash": dash},
                marker={"size": 6 if curve.published else 9, "symbol": symbol, "color": colour},
                customdata=[point.source for point in curve.points],
                hovertemplate="N = %{x}: J&F %{y:.3f}<br>%{customdata}<extra>" + name + "</extra>",
            )
        if curve.memory_off:
            figure.add_scatter(
                x=[0],
                y=[curve.memory_off.jf_mean],
                name=f"{name}, memory off",
                mode="markers",
                showlegend=not curve.points,
                marker={"size": 6 if curve.published else 9, "symbol": f"{symbol}-open", "color": colour},
                customdata=[curve.memory_off.source],
                hovertemplate="memory off: J&F %{y:.3f}<br>%{customdata}<extra>" + name + "</extra>",
            )
    low, high = (min(sizes), max(sizes)) if sizes else (1, 7)
    for run in sorted(flat, key=lambda run: (run.dataset, run.split, run.model)):
        name = model_title(run.model) + (f" · {run.dataset} {run.split}" if several else "")
        figure.add_scatter(
            x=[low - 0.3, high + 0.3],
            y=[run.jf_mean, run.jf_mean],
            name=name,
            mode="lines",
            line={"color": model_colour(run.model), "width": 1.8, "dash": "dash"},
            hovertemplate="J&F %{y:.3f}<extra>" + name + "</extra>",
        )
    ticks = sorted(sizes)
    figure.update_xaxes(
        title="memory size N",
        tickvals=ticks,
        ticktext=[str(size) if size else "memory off" for size in ticks],
        range=[low - 0.3, high + 0.3],
        zeroline=False,
    )
    figure.update_yaxes(title="J&F-Mean", tickformat=".2f", zeroline=False)
    return _framed(figure, 340)


def _places(curves: Sequence[MemoryCurve]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((curve.dataset, curve.split) for curve in curves))


def _curve_name(curve: MemoryCurve, several_places: bool) -> str:
    parts = [model_title(curve.model)]
    if several_places:
        parts.append(f"{curve.dataset} {curve.split}")
    if curve.memory_mode == "naive":
        parts.append("naive")
    parts += [f"{SHORT.get(name, name)} = {value}" for name, value in curve.options]
    if curve.videos:
        parts.append(f"{len(curve.videos)} video{'' if len(curve.videos) == 1 else 's'}")
    if curve.published:
        parts.append("published")
    return " · ".join(parts)


def video_bars(
    bars: Sequence[VideoBar], worst_first: bool, labels: tuple[str, str] = ("J-Mean", "F-Mean")
) -> go.Figure:
    """J and F per video, side by side; worst mean first or in the order given. One bar pair is one `x` (the name)."""
    import plotly.graph_objects as go

    ordered = sorted(bars, key=lambda bar: bar.jf_mean) if worst_first else list(bars)
    names = [bar.video for bar in ordered]
    figure = go.Figure()
    for label, colour, values in (
        (labels[0], "#0FA3BF", [bar.j_mean for bar in ordered]),
        (labels[1], "#EE7733", [bar.f_mean for bar in ordered]),
    ):
        figure.add_bar(
            x=names,
            y=values,
            name=label,
            marker={"color": colour, "cornerradius": 3},
            hovertemplate="%{x}: " + label + " %{y:.3f}<extra></extra>",
        )
    figure.update_layout(barmode="group", bargap=max(0.28, 1 - 0.12 * len(names)), bargroupgap=0.06)
    figure.update_xaxes(type="category", title=None, tickangle=-35 if len(names) > 6 else 0)
    figure.update_yaxes(range=[0, 1], tickformat=".1f", title=None)
    return _framed(figure, 320)


def difference_bars(videos: Sequence[VideoDifference], names: tuple[str, str], measure: str) -> go.Figure:
    """Points that B gains over A per video, in the order given; one bar is one `x` (the video)."""
    import plotly.graph_objects as go

    figure = go.Figure()
    # One trace a side, so that the legend says which colour is whose.
    for name, colour, rows in (
        (f"{names[1]} ahead", "#0FA3BF", [row for row in videos if row.difference >= 0]),
        (f"{names[0]} ahead", "#EE7733", [row for row in videos if row.difference < 0]),
    ):
        figure.add_bar(
            x=[row.video for row in rows],
            y=[100 * row.difference for row in rows],
            name=name,
            showlegend=True,
            marker={"color": colour, "cornerradius": 3},
            customdata=[[row.a, row.b] for row in rows],
            hovertemplate=f"%{{x}}: {measure} %{{customdata[0]:.3f}} → %{{customdata[1]:.3f}} (%{{y:+.1f}} points)"
            "<extra></extra>",
        )
    order = [row.video for row in videos]
    figure.update_layout(bargap=max(0.28, 1 - 0.12 * len(order)))
    figure.update_xaxes(
        type="category",
        categoryorder="array",
        categoryarray=order,
        title=None,
        tickangle=-35 if len(order) > 6 else 0,
    )
    figure.update_yaxes(title=f"points of {measure}", tickformat="+.0f" if _widest(videos) >= 3 else "+.1f")
    return _framed(figure, 320)


def _widest(videos: Sequence[VideoDifference]) -> float:
    return max((abs(100 * row.difference) for row in videos), default=0.0)


def _framed(figure: go.Figure, height: int) -> go.Figure:
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 12, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "xanchor": "left", "x": 0},
        hoverlabel={"font": {"size": 13}},
        dragmode=False,
    )
    return figure
