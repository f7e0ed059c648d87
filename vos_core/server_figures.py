"""Figures that a challenge's server gave, as a person types them: `J&F=0.712` or `J&F = 71.2%`, kept as fractions."""

from __future__ import annotations

from collections.abc import Iterable

from vos_core.errors import InputError


def read_figures(words: Iterable[str]) -> dict[str, float]:
    """Name -> fraction, from `NAME=NUMBER` each.

    Raises InputError for what is no NAME=NUMBER, for a name given twice, and for a number outside 0 to 1 without a
    percent sign (outside 0 to 100 with one): 2 could be either. A decay may be negative.
    """
    figures: dict[str, float] = {}
    for word in words:
        name, equals, value = (part.strip() for part in word.rpartition("="))
        try:
            number = float(value.removesuffix("%"))
        except ValueError:
            equals = ""
        if not equals or not name:
            raise InputError(f"{word} is no figure: write NAME=NUMBER, such as J&F=0.712 or J&F=71.2%.")
        if value.endswith("%"):
            number /= 100
        if not (-1 if "decay" in name.lower() else 0) <= number <= 1:
            raise InputError(
                f"{word} is out of range: write a fraction from 0 to 1, such as {name}=0.712, or a percentage with "
                f"its sign, such as {name}=71.2%."
            )
        if name in figures:
            raise InputError(f"The figure {name} is given twice: keep one.")
        figures[name] = number
    return figures
