"""How models look in tables and figures: title, colour and marker, told apart with any kind of colour vision."""

from __future__ import annotations

from vos_core.models.registry import MODELS

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star", "x")
"""Markers by their names in Plotly."""

_COLOURS = {
    "static": "#8A9296",
    "flow": "#EE7733",
    "propagation": "#0FA3BF",
    "tiny": "#CCA300",
    "small": "#EE3377",
    "base_plus": "#3D7BE0",
    "large": "#A45BC4",
}


def model_title(name: str) -> str:
    """A model's name for people; its plain name when it is not registered (any more)."""
    return MODELS[name].title if name in MODELS else name


def model_colour(name: str) -> str:
    """Colour of a model in figures: one a size, so that SAM 2 and 2.1 of one size are the same hue."""
    for ending, colour in _COLOURS.items():
        if name == ending or name.endswith(f"_{ending}"):
            return colour
    return "#8A9296"


def model_symbol(name: str, turn: int = 0) -> str:
    """Marker of a model: circle, diamond for SAM 2.1, square for models that need no weights; `turn` takes the next."""
    family = MODELS[name].family if name in MODELS else ""
    first = {"sam2": 0, "sam2.1": 1}.get(family, 2)
    return SYMBOLS[(first + turn) % len(SYMBOLS)]
