"""The inference benchmark runs both sides and finds the same masks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import inference
from tests.clips import write_dataset

ROOT = Path(__file__).resolve().parents[2]


def test_peaks_are_the_highest_of_all_clips_over_what_was_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """The device as torch would tell it: 100 bytes of weights, then clips that take 50, 30 and 20 more."""
    levels = iter([100, 150, 100, 130, 110, 130])
    monkeypatch.setattr(inference.sam2_device, "reset_peak_gpu_bytes", lambda: None)
    monkeypatch.setattr(inference.sam2_device, "peak_gpu_bytes", lambda: next(levels))
    cost = inference.Cost()
    for _ in range(3):
        with inference.measured(cost):
            pass
    assert cost.device == 50 and len(cost.turns) == 3


def test_without_a_gpu_there_is_no_peak_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference.sam2_device, "peak_gpu_bytes", lambda: None)
    cost = inference.Cost()
    with inference.measured(cost):
        pass
    assert cost.device is None


@pytest.mark.slow
def test_memory_by_length(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "D", {"one": 4})
    options = ["--model", "sam2_hiera_tiny", "--device", "cpu", "--image_size", "64", "--lengths", "3", "9"]
    command = [sys.executable, "benchmarks/inference.py", "--dataset", dataset, *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert rows[0] == "| frames | host over the start | GPU over the start |"
    assert [row.split("|")[1].strip() for row in rows[2:]] == ["3", "9"]


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
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    table = {
        cells[1]: cells[2:]
        for line in done.stdout.splitlines()
        if line.startswith("|") and (cells := [cell.strip() for cell in line.split("|")])
    }
    assert set(rows) <= set(table)
    assert all(float(cell) > 0 for cell in table["frames/s, end to end"] if cell)
    assert float(table["pixels whose label differs"][1].rstrip("%")) < 1
    assert any(name.startswith("2 pairs") for name in table)
