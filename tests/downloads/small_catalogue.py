"""A catalogue whose `sam2_hiera_tiny` is small enough for a test to serve: for this process, and its children."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from vos_core.downloads import catalogue

NAME = "sam2_hiera_tiny"
PATH = "/segment_anything_2/072824/sam2_hiera_tiny.pt"
WEIGHTS = b"weights" * 50_000

_FOR_CHILDREN = """
from dataclasses import replace
from vos_core.downloads import catalogue
known = catalogue()
item = known[{name!r}]
known[{name!r}] = replace(item, files=(replace(item.files[0], size={size}, sha256={sha256!r}),))
"""


def install(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """`folder` gets a `sitecustomize` that child processes read at their start."""
    size, sha256 = len(WEIGHTS), hashlib.sha256(WEIGHTS).hexdigest()
    item = catalogue()[NAME]
    small = replace(item, files=(replace(item.files[0], size=size, sha256=sha256),))
    monkeypatch.setitem(catalogue(), NAME, small)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text(_FOR_CHILDREN.format(name=NAME, size=size, sha256=sha256))
    root = Path(__file__).resolve().parents[2]
    paths = [str(folder), str(root), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
