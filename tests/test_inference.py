"""Masks are written behind the model by several threads: bounded, counted, and their errors told."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from vos_core import inference
from vos_core.errors import VosLabError
from vos_core.inference import WRITE_BEHIND, WRITERS, _MaskWriter
from vos_core.masks import DAVIS_PALETTE, read_mask
from vos_core.per_object import read_per_object

MASK = np.zeros((4, 6), np.uint8)


def test_every_mask_is_written_whichever_thread_had_it(tmp_path: Path) -> None:
    writer = _MaskWriter(tmp_path, DAVIS_PALETTE)
    for frame in range(60):
        writer.put(f"{frame:05d}", np.full((4, 6), frame, np.uint8))
    writer.finish()
    writer.close()
    assert [int(read_mask(path)[0, 0]) for path in sorted(tmp_path.iterdir())] == list(range(60))


def test_objects_apart_get_their_folders_once(tmp_path: Path) -> None:
    writer = _MaskWriter(tmp_path, DAVIS_PALETTE)
    masks = {k: np.arange(24).reshape(4, 6) % k == 0 for k in (3, 5, 7)}
    for frame in range(40):
        writer.put(f"{frame:05d}", masks)
    writer.finish()
    writer.close()
    for frame in range(40):
        found = read_per_object(tmp_path, f"{frame:05d}")
        assert list(found) == [3, 5, 7] and all((found[k] == masks[k]).all() for k in masks)


def test_threads_write_at_once_and_their_time_is_added_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(WRITERS)

    def write(path: Path, mask: np.ndarray, palette: bytes) -> None:
        together.wait(10)
        time.sleep(0.05)

    monkeypatch.setattr(inference, "write_mask", write)
    writer = _MaskWriter(tmp_path, DAVIS_PALETTE)
    for frame in range(3 * WRITERS):
        writer.put(str(frame), MASK)
    writer.finish()
    writer.close()
    assert 2 <= WRITERS <= 4
    assert writer.seconds >= 3 * WRITERS * 0.05


def test_the_model_waits_where_the_disk_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = threading.Event()
    monkeypatch.setattr(inference, "write_mask", lambda *_: disk.wait(30))
    writer = _MaskWriter(tmp_path, DAVIS_PALETTE)
    handed: list[int] = []

    def model() -> None:
        for frame in range(WRITE_BEHIND + 3):
            writer.put(str(frame), MASK)
            handed.append(frame)

    thread = threading.Thread(target=model)
    thread.start()
    deadline = time.monotonic() + 10
    while len(handed) < WRITE_BEHIND and time.monotonic() < deadline:
        time.sleep(0.01)
    thread.join(0.3)
    held = len(handed)
    disk.set()
    thread.join(30)
    writer.finish()
    writer.close()
    assert held == WRITE_BEHIND and len(handed) == WRITE_BEHIND + 3


def test_a_full_disk_is_told_at_the_next_mask_or_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []

    def write(path: Path, mask: np.ndarray, palette: bytes) -> None:
        if path.stem == "2":
            raise OSError(28, "No space left on device")
        written.append(path.stem)

    monkeypatch.setattr(inference, "write_mask", write)
    for masks in (40, 3):
        writer = _MaskWriter(tmp_path, DAVIS_PALETTE)
        with pytest.raises(VosLabError, match=r"2\.png cannot be written: No space left"):
            for frame in range(masks):
                writer.put(str(frame), MASK)
                time.sleep(0.005)
            writer.finish()
        writer.close()
    assert {"0", "1"} <= set(written)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("write")]
