"""Serves the app as `streamlit run app.py` does, and counts the database statements that its pages and routes send.

    python benchmarks/dashboard_server.py COUNTS [streamlit options]

The file COUNTS holds two unsigned 64-bit numbers, kept up to date: statements of pages, and of everything else.
"""

from __future__ import annotations

import mmap
import struct
import sys
import threading
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sqlalchemy import Engine, event
from streamlit.web.cli import main

ROOT = Path(__file__).resolve().parents[1]
COUNTS = struct.Struct("QQ")


def read_counts(file: Path) -> tuple[int, int]:
    """Statements of pages, and of everything else, so far."""
    pages, others = COUNTS.unpack(file.read_bytes())
    return pages, others


def count_into(file: Path) -> None:
    """From now on count every statement of this process."""
    file.write_bytes(COUNTS.pack(0, 0))
    with file.open("r+b") as opened:
        shared = mmap.mmap(opened.fileno(), COUNTS.size)
    counted = [0, 0]
    lock = threading.Lock()

    @event.listens_for(Engine, "before_cursor_execute")
    def count(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement.startswith("BEGIN"):
            return
        page = "ScriptRunner" in threading.current_thread().name
        with lock:
            counted[0 if page else 1] += 1
            COUNTS.pack_into(shared, 0, *counted)


if __name__ == "__main__":
    count_into(Path(sys.argv[1]))
    sys.argv = ["streamlit", "run", str(ROOT / "app.py"), *sys.argv[2:]]
    main()
