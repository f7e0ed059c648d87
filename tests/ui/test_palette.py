"""The palette: which object has which colour."""

from __future__ import annotations

from ui.palette import OBJECTS, object_colour
from vos_core.overlays import OBJECT_COLOURS


def test_object_colours_start_over_after_the_last() -> None:
    assert object_colour(1) == OBJECTS[0]
    assert object_colour(len(OBJECTS) + 1) == OBJECTS[0]
    assert len(set(OBJECTS)) == len(OBJECTS)
    assert OBJECTS is OBJECT_COLOURS
