"""The dispatcher's and the workers' logs: which there are, and their last lines."""

from __future__ import annotations

import os
import re
from collections import deque
from pathlib import Path

from vos_core.home import Home

BLOCK = 8192  # bytes; some forty lines
SEARCHED = 8 * 2**20  # bytes from the end; some 80,000 lines


def log_files(home: Home) -> dict[str, Path]:
    """Logs by name: `dispatcher` first, then `cpu-0`, `gpu-1` ..."""
    found = {path.stem.removeprefix("worker-"): path for path in home.logs.glob("*.log")}
    return dict(sorted(found.items(), key=lambda item: (item[0] != "dispatcher", item[0])))


def tail(path: Path, lines: int = 40) -> str:
    """The last `lines` lines, read from the end: a log of gigabytes costs as much as a short one.

    Raises OSError when it cannot be read.
    """
    with path.open("rb") as log:
        position = log.seek(0, os.SEEK_END)
        text = b""
        while position and text.count(b"\n") <= lines:
            step = min(BLOCK, position)
            position = log.seek(position - step)
            text = log.read(step) + text
    kept = text.splitlines(keepends=True)[-lines:] if lines > 0 else []
    return b"".join(kept).decode(errors="replace")


def run_lines(path: Path, run_id: int, lines: int) -> str:
    """The last `lines` lines about a run (`run 7 video ...`, `run 7: ...`) of a dispatcher's log, from its end.

    Raises OSError when it cannot be read.
    """
    about = re.compile(rb"\brun %d[ :]" % run_id)
    with path.open("rb") as log:
        size = log.seek(0, os.SEEK_END)
        log.seek(max(0, size - SEARCHED))
        kept = deque((line for line in log if about.search(line)), maxlen=lines)
    return b"".join(kept).decode(errors="replace")
