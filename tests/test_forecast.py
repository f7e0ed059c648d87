"""What a launch will take: minutes over workers, models without a past, disk in whole blocks."""

from __future__ import annotations

from pathlib import Path

import pytest

from vos_core.datasets.checks import VideoFacts
from vos_core.forecast import RunPace, bytes_per_mask, forecast, free_bytes
from vos_core.gpus import Gpu, Placement
from vos_core.launch import PlannedRun
from vos_core.runs import RunSettings

L4S = (Gpu("0", "NVIDIA L4"), Gpu("1", "NVIDIA L4"))
VIDEOS = (VideoFacts("a", 100, 2, 480, 854, 100), VideoFacts("b", 50, 1, 480, 854, 50))


@pytest.fixture(autouse=True)
def two_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOSLAB_CPU_WORKERS", "2")
    monkeypatch.delenv("VOSLAB_WORKERS_PER_GPU", raising=False)


def planned(model: str, size: int | None = None, **options: object) -> PlannedRun:
    settings = RunSettings("DAVIS", "data:DAVIS", "val", model, size, options=tuple(sorted(options.items())))
    return PlannedRun(settings, "val", VIDEOS)


def pace(settings: RunSettings, device: str) -> RunPace | None:
    """SAM 2 on an L4: 0.1 s a frame and object, 5 s to load; propagation on the CPU: 1 s a frame."""
    if device == "NVIDIA L4":
        return RunPace(lambda frames, objects: 0.1 * frames * objects, 5.0)
    return RunPace(lambda frames, objects: 1.0 * frames) if settings.model == "propagation" else None


@pytest.mark.parametrize(
    ("runs", "left", "gpus", "placement", "seconds", "unknown"),
    [
        # 25 s of videos and a load on each of two workers; but no launch ends before its longest video
        ([planned("sam2_hiera_large", 7)], [1.0], L4S, Placement(), 20, ()),
        # one GPU, no second worker
        ([planned("sam2_hiera_large", 7)], [1.0], L4S, Placement(("1",)), 25 + 5, ()),
        ([planned("sam2_hiera_large", 7)] * 2, [1.0, 0.5], L4S, Placement(), (37.5 + 20) / 2, ()),
        ([planned("propagation", 5)], [1.0], (), Placement(), 100, ()),
        ([planned("propagation", 5)] * 3, [1.0, 1.0, 0.0], (), Placement(), 150, ()),
        # GPUs and processor side by side
        ([planned("propagation", 5), planned("sam2_hiera_large", 7)], [1.0, 1.0], L4S, Placement(), 100, ()),
        # without a past no figure
        ([planned("flow")], [1.0], (), Placement(), None, ("flow",)),
        ([planned("flow"), planned("propagation", 5)], [1.0, 1.0], (), Placement(), 100, ("flow",)),
        ([planned("sam2_hiera_large", 7, device="cpu")], [1.0], L4S, Placement(), None, ("sam2_hiera_large",)),
        ([planned("flow")], [0.0], (), Placement(), 0, ()),
    ],
)
def test_seconds(
    tmp_path: Path,
    runs: list[PlannedRun],
    left: list[float],
    gpus: tuple[Gpu, ...],
    placement: Placement,
    seconds: float | None,
    unknown: tuple[str, ...],
) -> None:
    told = forecast(runs, left, tmp_path / "outputs", placement, gpus, pace, {})
    assert told.seconds == (None if seconds is None else pytest.approx(seconds))
    assert told.unknown == unknown


@pytest.mark.parametrize(
    ("run", "left", "known", "size"),
    [
        (planned("static"), 1.0, {}, 150 * 4096),  # 2,788 bytes a mask: a block
        (planned("static"), 0.5, {}, 75 * 4096),
        (planned("static"), 1.0, {"DAVIS": 8192.0}, 150 * 8192),
        (planned("sam2_hiera_tiny", 7, per_obj_png_file=True), 1.0, {}, (100 * 2 + 50) * 4096),
        (planned("static"), 0.0, {}, 0),
    ],
)
def test_disk(tmp_path: Path, run: PlannedRun, left: float, known: dict[str, float], size: int) -> None:
    told = forecast([run], [left], tmp_path / "not" / "here", Placement(), (), pace, known)
    assert told.bytes == size and told.masks_measured == bool(known)
    assert told.fits and abs(told.free_bytes - free_bytes(tmp_path)) < 1 << 30


def test_what_does_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vos_core.forecast.free_bytes", lambda folder: 150 * 4096 - 1)
    assert not forecast([planned("static")], [1.0], tmp_path, Placement(), (), pace, {}).fits


def test_masks_are_measured_where_they_lie(tmp_path: Path) -> None:
    for name, length in (("00000.png", 10), ("00001.png", 5000), ("record.json", 90_000)):
        (tmp_path / "run" / "video").mkdir(parents=True, exist_ok=True)
        (tmp_path / "run" / "video" / name).write_bytes(b"x" * length)
    assert bytes_per_mask([tmp_path / "run", tmp_path / "gone"]) == (4096 + 8192) / 2
    assert bytes_per_mask([tmp_path / "gone"]) is None
