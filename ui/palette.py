"""The one palette of masks and plots, told apart by people with any kind of colour vision, on light and dark.

Models have theirs in `vos_core.reports.marks`.
"""

from __future__ import annotations

from vos_core.overlays import ERROR_COLOURS, OBJECT_COLOURS

OBJECTS = OBJECT_COLOURS  # by name: what pages and the player call it
ERRORS = ERROR_COLOURS

# Kinds of failure (`vos_core.analysis.failures.FailureKind`), after Paul Tol's "muted" scheme.
FAILURES = {
    "lost": "#CC3311",
    "ghost": "#AA66CC",
    "swapped": "#EE3377",
    "leaked": "#EE7733",
    "partial": "#4488DD",
    "boundary": "#44AA99",
    "misaligned": "#B5A642",
}


def object_colour(object_id: int) -> str:
    """Colour of object 1..K, the same in masks and curves; ids beyond the palette start over."""
    return OBJECTS[(object_id - 1) % len(OBJECTS)]
