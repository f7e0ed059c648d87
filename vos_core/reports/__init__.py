"""Tables and figures for other programs and for papers: CSV, LaTeX, Markdown, self-contained HTML."""

from vos_core.reports.figure_files import figure_csv, figure_html, plotly_figure
from vos_core.reports.figures import FIGURES, Figure, by_split, figure, figures
from vos_core.reports.formats import FORMATS, render
from vos_core.reports.inference_times import inference_times, model_word
from vos_core.reports.runs_table import runs_tables

__all__ = [
    "FIGURES",
    "FORMATS",
    "Figure",
    "by_split",
    "figure",
    "figure_csv",
    "figure_html",
    "figures",
    "inference_times",
    "model_word",
    "plotly_figure",
    "render",
    "runs_tables",
]
