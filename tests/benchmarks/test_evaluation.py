"""The scoring benchmark runs, and scoring stays within its memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_benchmark_prints_its_table(shared_data: Path) -> None:
    sets = [shared_data / name for name in ("davis-real", "davis-derived")]
    command = [sys.executable, "benchmarks/evaluation.py", "--repeats", "1", "--frames", "300", "--data", *sets]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "358 frames to score" in done.stdout
    rows = [
        [cell.strip() for cell in line.split("|")] for line in done.stdout.splitlines() if line.startswith("| ours")
    ]
    assert [row[2] for row in rows] == ["1", "2"]
    assert all(0 < float(row[6]) < 120 for row in rows), "a process may take 120 MB"
    assert "masks still in memory" in done.stdout
