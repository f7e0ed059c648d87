"""Plotly figures from rows that somebody else read: J&F against memory size, J&F per video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ui.palette import model_colour, model_symbol
from ui.wording import model_title

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


def memory_curve(runs: Sequence[Run]) -> go.Figure:
    """J&F against memory size, a line per dataset, split, model and mode; dashed lines for methods without memory.

    Memory size 0 is "memory off", no point of the curve: it is drawn apart, as a hollow mark at 0.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    lines: dict[tuple[str, str, str, str | None], list[Run]] = {}
    for run in sorted(runs, key=lambda run: (run.dataset, run.split, run.model, run.memory_size or 0)):
        if run.jf_mean is not None:
            lines.setdefault((run.dataset, run.split, run.model, run.memory_mode), []).append(run)
    places = {(dataset, split) for dataset, split, _, _ in lines}
    flat: list[tuple[str, float, str]] = []
    sizes: set[int] = set()
    for (dataset, split, model, mode), members in lines.items():
        name = model_title(model)
        if len(places) > 1:
            name += f" · {dataset} {split}"
        if mode == "naive":
            name += " · naive"
        points = [run for run in members if run.memory_size]
        sizes |= {run.memory_size for run in members if run.memory_size is not None}
        colour = model_colour(model)
        if points:
            figure.add_scatter(
                x=[run.memory_size for run in points],
                y=[run.jf_mean for run in points],
                name=name,
                mode="lines+markers",
                line={"color": colour, "width": 2.5, "dash": "dot" if mode == "naive" else "solid"},
                marker={"size": 9, "symbol": model_symbol(model), "color": colour},
                customdata=[run.id for run in points],
                hovertemplate="N = %{x}: J&F %{y:.3f}<extra>" + name + "</extra>",
            )
        for run in members:
            if run.memory_size is None and run.jf_mean is not None:
                flat.append((name, run.jf_mean, colour))
            elif run.memory_size == 0 and run.jf_mean is not None:
                figure.add_scatter(
                    x=[0],
                    y=[run.jf_mean],
                    name=f"{name}, memory off",
                    mode="markers",
                    showlegend=False,
                    marker={"size": 9, "symbol": f"{model_symbol(model)}-open", "color": colour},
                    hovertemplate="memory off: J&F %{y:.3f}<extra>" + name + "</extra>",
                )
    low, high = (min(sizes), max(sizes)) if sizes else (1, 7)
    for name, value, colour in flat:
        figure.add_scatter(
            x=[low - 0.3, high + 0.3],
            y=[value, value],
            name=name,
            mode="lines",
            line={"color": colour, "width": 1.8, "dash": "dash"},
            hovertemplate="J&F %{y:.3f}<extra>" + name + "</extra>",
        )
    figure.update_xaxes(title="memory size N", tickvals=sorted(sizes), range=[low - 0.3, high + 0.3], zeroline=False)
    figure.update_yaxes(title="J&F-Mean", tickformat=".2f", zeroline=False)
    return _framed(figure, 340)


def video_bars(bars: Sequence[VideoBar], worst_first: bool) -> go.Figure:
    """J and F per video, side by side; worst J&F first or in the order given. One bar pair is one `x` (the name)."""
    import plotly.graph_objects as go

    ordered = sorted(bars, key=lambda bar: bar.jf_mean) if worst_first else list(bars)
    names = [bar.video for bar in ordered]
    figure = go.Figure()
    for label, colour, values in (
        ("J-Mean", "#0FA3BF", [bar.j_mean for bar in ordered]),
        ("F-Mean", "#EE7733", [bar.f_mean for bar in ordered]),
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


def _framed(figure: go.Figure, height: int) -> go.Figure:
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 12, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "xanchor": "left", "x": 0},
        hoverlabel={"font": {"size": 13}},
        dragmode=False,
    )
    return figure
