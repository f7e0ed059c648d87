"""The benchmark of a long queue runs; what does not depend on how busy the machine is, is held."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_a_long_queue_is_worked_off_within_its_memory(tmp_path: Path) -> None:
    command = [sys.executable, "benchmarks/scale.py", "--runs", "60", "--videos", "100", "--seconds", "3"]
    done = subprocess.run([*command, "--home", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "6,000 tasks queued" in done.stdout
    rate = re.search(r"written down \| at least 200/s \| (\d+)/s", done.stdout)
    assert rate and int(rate[1]) > 0
    memory = re.search(r"now / peak \| under 300 MB \| (\d+) / (\d+) MB", done.stdout)
    assert memory and int(memory[2]) < 300
