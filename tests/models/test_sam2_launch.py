"""SAM 2 through the launch path as a person types it: queue, worker, masks, scores, provenance."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.clips import write_dataset
from tests.execution.test_dispatcher import stop_dispatcher
from tests.models.sam2_random import Oracle, label_map, objects_of, set_upstream_memory, write_checkpoint
from vos_core.home import Home
from vos_core.masks import read_mask

ROOT = Path(__file__).resolve().parents[2]
MODEL = "sam2.1_hiera_tiny"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home.from_environment({}, cwd=tmp_path)
    write_dataset(home.data / "DAVIS", {"a": 6, "b": 4})
    yield home
    stop_dispatcher(home)


def launch(home: Home, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vos_core", "run", "--dataset", "DAVIS", "--sam2_model", "2.1_tiny"]
        + ["--device", "cpu", "--option", "image_size=64", "--option", "exact=true", *words],
        cwd=home.root,
        env={**os.environ, "VOSLAB_HOME": str(home.root), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
    )


@pytest.mark.slow
def test_random_checkpoint_through_launch_to_scores(home: Home) -> None:
    checkpoint = write_checkpoint(home.checkpoints, MODEL, stirred=True)
    done = launch(home, "--sam2_memsize", "2", "7", "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert [row["state"] for row in rows] == ["done", "done"]
    assert all(0 <= row["scores"]["J&F-Mean"] < 1 for row in rows)
    predictor = Oracle(MODEL, checkpoint, image_size=64).predictor(non_overlap=True)
    for size, row in zip((2, 7), rows, strict=True):
        assert f"memsize{size}" in row["folder"]
        set_upstream_memory(predictor, size, "naive")
        for video, frames in (("a", 6), ("b", 4)):
            folder = home.data / "DAVIS" / "JPEGImages" / "480p" / video
            prompt = read_mask(home.data / "DAVIS" / "Annotations" / "480p" / video / "00000.png")
            upstream = Oracle.logits(predictor, folder, {0: objects_of(prompt)})
            masks = [read_mask(path) for path in sorted((Path(row["folder"]) / video).glob("*.png"))]
            assert len(masks) == frames
            for frame, mask in enumerate(masks):
                expected = label_map(upstream[frame], [1, 2])
                # The worker may use other threads than this process, which may flip a pixel at a tie.
                assert (mask != expected).mean() < 0.005, (size, video, frame)
                assert (mask > 0).any() and not (mask > 0).all()
        sidecars = "".join(path.read_text() for path in Path(row["folder"]).rglob("*.json"))
        assert hashlib.sha256(checkpoint.read_bytes()).hexdigest() in sidecars
        assert torch.__version__.partition("+")[0] in sidecars


@pytest.mark.slow
def test_truncated_checkpoint_fails_the_run_in_one_sentence(home: Home) -> None:
    checkpoint = write_checkpoint(home.checkpoints, MODEL)
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1_000_000])
    done = launch(home)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert str(checkpoint) in said and "truncated or damaged" in said and f"fetch {MODEL}" in said
    assert "Traceback" not in said
    assert not list(home.outputs.rglob("*.png"))


def test_missing_checkpoint_is_refused_before_anything_is_queued(home: Home) -> None:
    done = launch(home)
    assert done.returncode == 2
    assert f"python -m vos_core fetch {MODEL}" in done.stderr and str(home.checkpoints) in done.stderr
    assert not home.outputs.exists() or not list(home.outputs.rglob("*"))
