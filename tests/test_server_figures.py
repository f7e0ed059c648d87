"""Figures of a challenge's server as they are typed in."""

from __future__ import annotations

import pytest

from vos_core.errors import InputError
from vos_core.server_figures import read_figures


@pytest.mark.parametrize(
    ("words", "figures"),
    [
        ([], {}),
        (["J&F=0.712", "J = 1", "F= 0"], {"J&F": 0.712, "J": 1.0, "F": 0.0}),
        (["J&F=71.2%", "J=100 %"], {"J&F": 0.712, "J": 1.0}),
        (["J-Decay=-0.03"], {"J-Decay": -0.03}),
        (["a=b=0.5"], {"a=b": 0.5}),
    ],
)
def test_read(words: list[str], figures: dict[str, float]) -> None:
    assert read_figures(words) == pytest.approx(figures)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["0.7"], "write NAME=NUMBER"),
        (["=0.7"], "write NAME=NUMBER"),
        (["J=high"], "write NAME=NUMBER"),
        (["J=2"], "a fraction from 0 to 1, such as J=0.712, or a percentage with its sign, such as J=71.2%"),
        (["J=71.2"], "out of range"),
        (["J=100.1%"], "out of range"),
        (["J=-0.1"], "out of range"),
        (["J=nan"], "out of range"),
        (["J=inf"], "out of range"),
        (["J=0.5", "J=0.5"], "given twice"),
    ],
)
def test_refused(words: list[str], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        read_figures(words)
