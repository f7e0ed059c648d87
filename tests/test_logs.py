"""The end of a log: the last lines, whatever the log's size and content."""

from __future__ import annotations

from pathlib import Path

import pytest

from vos_core.home import Home
from vos_core.logs import BLOCK, log_files, run_lines, tail


@pytest.mark.parametrize(
    ("content", "lines", "expected"),
    [
        ("", 3, ""),
        ("one\n", 3, "one\n"),
        ("a\nb\nc\nd\n", 2, "c\nd\n"),
        ("a\nb\nno end", 2, "b\nno end"),
        ("a\nb\n", 0, ""),
        ("x" * (BLOCK * 3) + "\nlast\n", 1, "last\n"),
        ("x" * (BLOCK * 3) + "\nlast\n", 2, "x" * (BLOCK * 3) + "\nlast\n"),
        ("ü" * BLOCK + "\nñ\n", 2, "ü" * BLOCK + "\nñ\n"),
    ],
)
def test_last_lines(tmp_path: Path, content: str, lines: int, expected: str) -> None:
    path = tmp_path / "a.log"
    path.write_text(content, encoding="utf-8")
    assert tail(path, lines) == expected


def test_a_big_log_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "big.log"
    with path.open("wb") as log:
        log.truncate(4 << 40)  # sparse: reading it whole would take an hour
        log.seek(0, 2)
        log.write(b"\nlast line\n")
    assert tail(path, 1) == "last line\n"


def test_names_dispatcher_first(home: Home) -> None:
    home.logs.mkdir(parents=True)
    for name in ("worker-cpu-0", "worker-gpu-0.2", "dispatcher", "worker-gpu-0"):
        (home.logs / f"{name}.log").touch()
    assert list(log_files(home)) == ["dispatcher", "cpu-0", "gpu-0", "gpu-0.2"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (9, ["12:01 dispatcher INFO run 7 video a: worker cpu-0, attempt 1", "12:03 dispatcher ERROR run 7: no model"]),
        (1, ["12:03 dispatcher ERROR run 7: no model"]),
    ],
)
def test_lines_about_a_run(tmp_path: Path, lines: int, expected: list[str]) -> None:
    path = tmp_path / "dispatcher.log"
    path.write_text(
        "12:01 dispatcher INFO run 7 video a: worker cpu-0, attempt 1\n12:02 dispatcher INFO run 77 video a: done\n"
        "12:02 dispatcher INFO rerun 7 videos\n12:03 dispatcher ERROR run 7: no model\nnothing left to do\n",
        encoding="utf-8",
    )
    assert run_lines(path, 7, lines).splitlines() == expected
