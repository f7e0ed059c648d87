"""Where a result comes from: code and package versions, checkpoint hash, device. Plain values that JSON can hold."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from vos_core import __version__
from vos_core.home import Home
from vos_core.models.registry import find_model
from vos_core.runs import RunSettings

PACKAGES = ("numpy", "scipy", "scikit-image", "pillow", "opencv-python-headless")
GPU_PACKAGES = ("torch", "sam2")


@dataclass(frozen=True)
class DeviceFacts:
    """What a video was computed on, and the peaks of memory since the last call.

    `gpu` tells it from others of its name (its UUID; None on a CPU); `peak_gpu_bytes` is what torch allocated (None on
    a CPU); `peak_host_bytes` is this process's resident memory (None where the system does not tell).
    """

    name: str
    peak_gpu_bytes: int | None
    peak_host_bytes: int | None
    gpu: str | None = None


def device_facts(settings: RunSettings) -> DeviceFacts:
    """The device of this process for a model of `settings`."""
    if find_model(settings.model).family.startswith("sam2"):
        import torch

        if torch.cuda.is_available() and settings.option("device", "auto") != "cpu":
            peak = int(torch.cuda.max_memory_allocated())
            torch.cuda.reset_peak_memory_stats()
            uuid = str(torch.cuda.get_device_properties().uuid)
            return DeviceFacts(torch.cuda.get_device_name(), peak, peak_host_bytes(), uuid)
    return DeviceFacts(cpu_name(), None, peak_host_bytes())


def peak_host_bytes() -> int | None:
    """This process's peak of resident memory since the last call; where the system keeps only the peak of a whole
    life, that one. None where it keeps neither."""
    try:
        status = Path("/proc/self/status").read_text()
        peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        return None
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here again
    return peak


def run_provenance(settings: RunSettings, home: Home) -> dict[str, Any]:
    """Versions, code, machine and, for a model with weights, the checkpoint's path and SHA-256."""
    spec = find_model(settings.model)
    packages = PACKAGES + (GPU_PACKAGES if spec.family.startswith("sam2") else ())
    facts: dict[str, Any] = {
        "vos_lab": __version__,
        "code": code_version(),
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in packages},
        "machine": cpu_name(),
        "device": device_facts(settings).name,
        "options": dict(settings.options),
    }
    if spec.checkpoint:
        from vos_core.models.checkpoints import checkpoint_sha256, find_checkpoint

        path = find_checkpoint(settings, home)
        if path is not None:
            facts["checkpoint"] = home.store(path)
            facts["checkpoint_sha256"] = checkpoint_sha256(path, home)
    return facts


@lru_cache(maxsize=1)
def code_version() -> str:
    """`git describe` of this checkout (`-dirty` when changed); where there is no git, `VOSLAB_CODE_VERSION` (an
    image is built with it), else the package version."""
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
        return answer.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return os.environ.get("VOSLAB_CODE_VERSION") or __version__


@lru_cache(maxsize=1)
def cpu_name() -> str:
    """Processor's name and number of usable cores."""
    name = platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"{name} ({cores} cores)"
