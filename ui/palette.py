"""The one palette of masks and plots, told apart by people with any kind of colour vision, on light and dark."""

from __future__ import annotations

from vos_core.models.registry import MODELS, ModelSpec
from vos_core.overlays import OBJECT_COLOURS

OBJECTS = OBJECT_COLOURS  # by name: what pages and the player call it

_FAMILY_COLOURS = {
    "static": "#8A9296",
    "flow": "#EE7733",
    "propagation": "#0FA3BF",
    "tiny": "#CCA300",
    "small": "#EE3377",
    "base_plus": "#3D7BE0",
    "large": "#A45BC4",
}


def object_colour(object_id: int) -> str:
    """Colour of object 1..K, the same in masks and curves; ids beyond the palette start over."""
    return OBJECTS[(object_id - 1) % len(OBJECTS)]


def model_colour(name: str) -> str:
    """Colour of a model in plots: one a size, so that SAM 2 and 2.1 of one size are the same hue."""
    for ending, colour in _FAMILY_COLOURS.items():
        if name == ending or name.endswith(f"_{ending}"):
            return colour
    return "#8A9296"


def model_symbol(name: str) -> str:
    """Plotly marker of a model: circle, diamond for SAM 2.1, square for models that need no weights."""
    spec: ModelSpec | None = MODELS.get(name)
    family = spec.family if spec else ""
    return {"sam2": "circle", "sam2.1": "diamond"}.get(family, "square")
