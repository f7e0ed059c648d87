"""A figure as Plotly's own values, as one HTML file that opens offline, and as CSV. Only the HTML needs Plotly."""

from __future__ import annotations

import csv
import io
import math
from html import escape
from typing import Any

from vos_core.analysis.summaries import short_gpu
from vos_core.reports.figures import Figure, Mark, Series, SeriesKind

CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}
_EDGE = 0.4  # free room beside the first and the last memory size
_MANY = 40  # marks in a scatter beyond which their memory sizes are told by the tip alone
_LABELS = 10  # lines beyond which not each is labelled
_LINE = 0.07  # height of a label, of the axis'
_LOG = 20.0  # ratio of the largest value to the smallest from which seconds and frames/s need a logarithmic axis


def plotly_figure(figure: Figure, *, legend: bool = True) -> dict[str, Any]:
    """`data` and `layout` for Plotly. A mark's `customdata` is its run's id in a list, or nothing for others' marks.

    J&F far below the curves at memory size 0 would press them flat: such a mark stands at the lower edge, hollow and
    pointing down, with its value beside it.
    """
    low, high, off = _y_range(figure)
    marks = [mark for one in figure.series if one.kind is not SeriesKind.NO_MEMORY for mark in one.marks]
    y_axis: dict[str, Any] = {"title": {"text": figure.y.title}, "zeroline": False, "automargin": True}
    x_axis: dict[str, Any] = {"title": {"text": figure.x.title}, "zeroline": False}
    shapes = []
    if figure.key == "seconds":
        every = [mark.y for one in figure.series for mark in one.marks]
        y_axis |= _log_axis(every) if _is_wide([mark.y for mark in marks]) else {"range": [0, 1.08 * max(every)]}
    else:
        y_axis |= {"tickformat": ".3f" if high - low < 0.03 else ".2f", "range": [low, high]}
    if figure.sizes:
        ticks = [("off" if size == 0 else str(size)) for size in figure.sizes]
        x_axis |= {"tickvals": list(figure.sizes), "ticktext": ticks, "range": _x_range(figure)}
        if figure.sizes[0] == 0 and len(figure.sizes) > 1:
            border = {"color": "#8A9296", "width": 1, "dash": "dot"}
            shapes.append({"type": "line", "x0": 0.5, "x1": 0.5, "y0": 0, "y1": 1, "yref": "paper", "line": border})
    else:
        speeds = [mark.x for mark in marks if mark.x]
        x_axis |= _log_axis(speeds) if _is_wide(speeds) else {}
    labels = [] if legend else _device_labels(figure, y_axis)
    layout = {
        "height": 330,
        "margin": {"l": 8, "r": 8 + 7 * max((len(label["text"]) for label in labels), default=0), "t": 12, "b": 8},
        "showlegend": legend,
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.0, "xanchor": "left", "x": 0},
        "hovermode": "closest",
        "hoverlabel": {"font": {"size": 13}},
        "dragmode": False,
        "xaxis": x_axis,
        "yaxis": y_axis,
        "shapes": shapes,
        "annotations": labels,
    }
    return {"data": [_trace(one, figure, off) for one in figure.series], "layout": layout}


def figure_html(figure: Figure) -> str:
    """One HTML file with Plotly's script in it (about 5 MB), which needs no network."""
    import plotly.graph_objects as go
    import plotly.io

    drawn = go.Figure(plotly_figure(figure))
    drawn.update_layout(template="plotly_white", height=560, margin={"l": 60, "r": 20, "t": 20, "b": 60})
    body = plotly.io.to_html(drawn, include_plotlyjs=True, full_html=False, config=CONFIG)
    title = escape(figure.title)
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title>\n'
        "<style>body { font: 15px system-ui, sans-serif; max-width: 60rem; margin: 1.5rem auto; padding: 0 1rem; "
        "color: #1b2429; background: #fff; } h1 { font-size: 1.3rem; }</style></head>\n"
        f"<body><h1>{title}</h1>\n{body}\n<p>{escape(figure.note)}</p></body>\n</html>\n"
    )


def figure_csv(figure: Figure) -> str:
    """The marks as they were measured, a row each; `kind` tells runs, published rows and memory off apart."""
    on_front = {mark.run_id for one in figure.series if one.kind is SeriesKind.FRONT for mark in one.marks}
    against_size = figure.x.name == "memory_size"
    measured = [figure.y.name] if against_size else [figure.x.name, figure.y.name, "on_front"]
    head = ["series", "kind", "dataset", "split", "model", "memory_mode", "memory_size", "devices"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*head, *measured, "run", "source"])
    for one in figure.series:
        if one.kind is SeriesKind.FRONT:
            continue
        told = [one.name, one.kind.value, one.dataset, one.split, one.model, one.memory_mode or ""]
        for mark in one.marks:
            values: list[object] = [f"{mark.y:.6f}"]
            if not against_size:
                values = [f"{mark.x:.6f}", *values, "yes" if mark.run_id in on_front else "no"]
            size, run = _or_empty(mark.memory_size), _or_empty(mark.run_id)
            writer.writerow([*told, size, one.devices, *values, run, mark.source])
    return text.getvalue()


def _or_empty(value: int | None) -> str:
    return "" if value is None else str(value)


def _device_labels(figure: Figure, axis: dict[str, Any]) -> list[dict[str, Any]]:
    """Where a legend cannot tell devices because it is shared with other figures: beside each line, none over another.

    Of very many lines only the highest of each choice of devices is told.
    """
    curves = [one for one in figure.series if one.devices and one.kind in (SeriesKind.RUNS, SeriesKind.PUBLISHED)]
    if figure.key != "seconds" or len({one.devices for one in curves}) < 2:
        return []
    curves.sort(key=lambda one: one.marks[-1].y)
    if len(curves) > _LABELS:
        curves = list({one.devices: one for one in curves}.values())
        curves.sort(key=lambda one: one.marks[-1].y)
    low, high = axis["range"]
    labels, above = [], 0.0
    for left, one in zip(range(len(curves), 0, -1), curves):
        end = one.marks[-1].y
        place = ((math.log10(end) if axis.get("type") == "log" else end) - low) / (high - low)
        above = max(min(place, 1 - _LINE * (left - 1)), above)
        labels.append(
            {
                "text": _plain(_short(one.devices)),
                "x": 1,
                "xref": "paper",
                "xanchor": "left",
                "y": above,
                "yref": "paper",
                "yanchor": "middle",
                "showarrow": False,
                "font": {"size": 11, "color": one.colour},
            }
        )
        above += _LINE
    return labels


def _short(devices: str) -> str:
    """`4 x NVIDIA H100 80GB HBM3` -> `4 x H100`."""
    parts = [part.partition(" x ") for part in devices.split(" + ")]
    return " + ".join(f"{number}{sign}{short_gpu(name)}" for number, sign, name in parts)


def _log_axis(values: list[float]) -> dict[str, Any]:
    """A logarithmic axis with 1, 2 and 5 of each decade written out."""
    low, high = math.log10(min(values)), math.log10(max(values))
    room = 0.06 * (high - low)
    decades = range(math.floor(low - room), math.ceil(high + room) + 1)
    ticks = [digit * 10.0**decade for decade in decades for digit in (1, 2, 5)]
    return {
        "type": "log",
        "tickvals": ticks,
        "ticktext": [f"{tick:g}" if tick < 10_000 else f"{tick:,.0f}".replace(",", "\u2009") for tick in ticks],
        "range": [low - room, high + room],
    }


def _is_wide(values: list[float]) -> bool:
    return bool(values) and min(values) > 0 and max(values) / min(values) > _LOG


def _x_range(figure: Figure) -> list[float]:
    return [figure.sizes[0] - _EDGE, figure.sizes[-1] + _EDGE]


def _y_range(figure: Figure) -> tuple[float, float, dict[Mark, float]]:
    """Lower and upper end of the axis, and where marks of memory off stand that lie far below the others."""
    values = [mark.y for one in figure.series if not one.kind.off for mark in one.marks]
    if not values:
        return 0.0, 1.0, {}
    low, high = min(values), max(values)
    span = max(high - low, 0.01)
    offs = [mark for one in figure.series if one.kind.off for mark in one.marks]
    near = [mark.y for mark in offs if mark.y >= low - span / 2]
    far = sorted({mark for mark in offs if mark.y < low - span / 2}, key=lambda mark: mark.y)
    low, high = min([low, *near]), max([high, *near])
    step = 0.085 * (high - low or span)
    bottom = low - step * (1 + len(far)) if far else low - step
    return bottom, high + step, {mark: bottom + step * (place + 0.6) for place, mark in enumerate(far)}


def _trace(one: Series, figure: Figure, off: dict[Mark, float]) -> dict[str, Any]:
    name = _plain(one.name)
    marks = one.marks
    level = one.kind is SeriesKind.NO_MEMORY
    if level:
        marks = marks * 2  # a line needs two ends
    front, published = one.kind is SeriesKind.FRONT, one.kind.published
    scatter = not figure.sizes and not front
    far = one.kind.off and figure.key != "seconds" and all(mark in off for mark in marks)
    x = _x_range(figure) if level else [mark.x for mark in marks]
    trace: dict[str, Any] = {
        "type": "scatter",
        "name": name,
        "x": x,
        "y": [off[mark] if far else mark.y for mark in marks],
        "mode": "lines" if level or front else "markers" if one.kind.off or scatter else "lines+markers",
        "opacity": 0.75 if published else 1,
        "line": {"color": one.colour, "dash": one.dash, "width": 1.2 if front else 1.8 if level or published else 2.5},
        "marker": {
            "size": 7 if published else 10 if scatter else 9,
            "symbol": "triangle-down-open" if far else f"{one.symbol}-open" if _hollow(one, scatter) else one.symbol,
            "color": one.colour,
        },
        "customdata": [[] if mark.run_id is None else [mark.run_id] for mark in marks],
        "hovertext": [_tip(mark, one, figure) for mark in marks],
        "hoverinfo": "skip" if front else "text",
    }
    if far:
        trace |= {"mode": "markers+text", "text": [f"{mark.y:.3f}" for mark in marks]}
        trace |= {"textposition": "middle right", "textfont": {"size": 11}}
    elif scatter and sum(len(each.marks) for each in figure.series if each.kind is not SeriesKind.FRONT) <= _MANY:
        trace |= {"mode": "markers+text", "text": [_or_empty(mark.memory_size) for mark in marks]}
        trace |= {"textposition": "top center", "textfont": {"size": 11}}
    return trace


def _hollow(one: Series, scatter: bool) -> bool:
    """Memory off is hollow, and without lines so is the naive mode, which has dots in the others' lines."""
    return one.kind.off or (scatter and one.memory_mode == "naive")


def _tip(mark: Mark, one: Series, figure: Figure) -> str:
    value = f"{mark.y:.1f} s" if figure.key == "seconds" else f"J&F {mark.y:.3f}"
    if figure.x.name != "memory_size":
        value += f" at {mark.x:.2f} {figure.x.title}"
    size = "" if mark.memory_size is None else "memory off: " if mark.memory_size == 0 else f"N = {mark.memory_size}: "
    run = f"#{mark.run_id} " if mark.run_id is not None else ""
    return "<br>".join(_plain(line) for line in (f"{size}{value}", one.name, f"{run}{mark.source}", mark.text) if line)


def _plain(text: str) -> str:
    """`text` so that Plotly, which reads some HTML in names and tips, shows it as it is."""
    return escape(text, quote=False)
