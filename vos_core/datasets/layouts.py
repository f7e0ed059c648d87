"""Whose layout a dataset's folder has: told by its folders' and lists' names, and at last by its own name."""

from __future__ import annotations

import re
from pathlib import Path

from vos_core.datasets.findings import Layout
from vos_core.datasets.layout import RESOLUTIONS, Dataset

_SA_V = ("JPEGImages_24fps", "Annotations_6fps")
_NAMES = (
    (re.compile(r"mose[-_ ]?(v2|2)", re.IGNORECASE), Layout.MOSE_V2),
    (re.compile(r"mose", re.IGNORECASE), Layout.MOSE),
    (re.compile(r"lvos", re.IGNORECASE), Layout.LVOS),
    (re.compile(r"youtube|ytvos|yt-vos|ytb|^yt", re.IGNORECASE), Layout.YOUTUBE_VOS),
    (re.compile(r"^sa[-_]?v", re.IGNORECASE), Layout.SA_V),
)


def layout_of(dataset: Dataset, per_object: bool) -> Layout:
    """The layout of a dataset; `per_object`: whether its annotations are kept one folder an object."""
    folders = {part.name for pair in dataset.folders for part in pair}
    lists = [path.name for path in dataset.lists.values()]
    if folders.intersection(_SA_V) or any(name.startswith("sav_") for name in lists):
        return Layout.SA_V
    if folders.intersection(RESOLUTIONS):
        return Layout.DAVIS
    named = _by_name(dataset)
    if any(re.fullmatch(r"(train|valid|val|test)_meta\.json", name) for name in lists):
        return Layout.LVOS
    if "meta.json" in lists:
        return named if named is Layout.LVOS else Layout.YOUTUBE_VOS
    if any(re.fullmatch(r"meta_\w+\.json", name) for name in lists):
        return named if named is Layout.MOSE_V2 else Layout.MOSE
    if named is not None:
        return named
    return Layout.PER_OBJECT if per_object else Layout.PLAIN


def _by_name(dataset: Dataset) -> Layout | None:
    """By the dataset's name, its folder's, or that of the folder above (`MOSE/valid`)."""
    root: Path = dataset.root
    for name in dict.fromkeys((dataset.name, root.name, root.parent.name)):
        for pattern, layout in _NAMES:
            if pattern.search(name):
                return layout
    return None
