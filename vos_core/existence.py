"""Whether something is there. `Path.is_dir` and its like raise where a folder may not be entered, a mount is stale
(NFS, FUSE) or a disk fails, which is to be told of one place and not to stop whoever looks at many."""

from __future__ import annotations

import os
from pathlib import Path


def is_folder(path: Path) -> bool:
    """Whether `path` is a folder, links followed; False where that cannot be seen."""
    return os.path.isdir(path)  # noqa: PTH112


def is_file(path: Path) -> bool:
    """Whether `path` is a file, links followed; False where that cannot be seen."""
    return os.path.isfile(path)  # noqa: PTH113


def exists(path: Path) -> bool:
    """Whether `path` is anything, links followed; False where that cannot be seen."""
    return os.path.exists(path)  # noqa: PTH110
