"""The scripts, styles and HTML of components, as files beside the Python that declares them."""

from __future__ import annotations

from pathlib import Path

_UI = Path(__file__).parent


def source(*names: str) -> str:
    """The text of these files of `ui/`, one after the other: a component's script is one text."""
    return "\n".join((_UI / name).read_text(encoding="utf-8") for name in names)
