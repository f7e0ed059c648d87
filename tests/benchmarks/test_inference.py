"""The inference benchmark runs both sides and finds the same masks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.clips import write_dataset

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "rows"),
    [
        (["--io"], ["decode", "write"]),
        (["--model", "sam2_hiera_tiny", "--device", "cpu"], ["decode", "encode + memory", "encode", "memory", "write"]),
    ],
)
def test_benchmark_prints_its_table(options: list[str], rows: list[str], tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "D", {"one": 4, "two": 3})
    command = [sys.executable, "benchmarks/inference.py", "--dataset", dataset, "--image_size", "64", "--repeat", "1"]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=True)
    table = {
        cells[1]: cells[2:]
        for line in done.stdout.splitlines()
        if line.startswith("|") and (cells := [cell.strip() for cell in line.split("|")])
    }
    assert set(rows) <= set(table)
    assert all(float(cell) > 0 for cell in table["frames/s, end to end"] if cell)
    assert float(table["pixels whose label differs"][1].rstrip("%")) < 1
    assert any(name.startswith("2 pairs") for name in table)
