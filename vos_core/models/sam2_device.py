"""The device that SAM 2 runs on: which it is, why there is none, what a run's provenance says of it."""

from __future__ import annotations

import importlib.metadata
import os
from pathlib import Path
from typing import Any

import torch

from vos_core.cuda import SLOT_DEVICE_VARIABLE
from vos_core.errors import DeviceUnavailable, InputError


def find_device(asked: str) -> torch.device:
    """The device for `auto`, `cuda` or `cpu`.

    Where torch sees no GPU: raises DeviceUnavailable, unless `cpu` is asked for, in a worker that was given a GPU (its
    slot is at fault, and others may do the run; hours on the CPU are for nobody who did not ask for them); elsewhere
    InputError when CUDA is asked for.
    """
    seen = torch.cuda.is_available()
    if asked != "cpu" and not seen and os.environ.get(SLOT_DEVICE_VARIABLE) == "cuda":
        raise DeviceUnavailable(
            f"This worker was given a GPU, but {no_cuda_reason()}: see `python -m vos_core doctor`, or choose the "
            f"device cpu to run without."
        )
    if asked == "cpu" or (asked == "auto" and not seen):
        return torch.device("cpu")
    if seen:
        return torch.device("cuda")
    raise InputError(f"CUDA was asked for, but {no_cuda_reason()}; choose the device cpu or auto to run without.")


def no_cuda_reason() -> str:
    """Why torch sees no GPU, as half a sentence: no CUDA build, a driver it cannot use, or no GPU at all."""
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is a build without CUDA"
    driver = Path("/proc/driver/nvidia/version")
    if driver.exists():
        return (
            f"torch {torch.__version__} (CUDA {torch.version.cuda}) cannot use the NVIDIA GPU here: its driver is "
            f"older than that CUDA, or the GPU is not given to this process ({driver.read_text().splitlines()[0]})"
        )
    return f"torch {torch.__version__} (CUDA {torch.version.cuda}) sees no NVIDIA driver on this machine"


def device_facts() -> dict[str, Any]:
    """What a run's provenance records of this process: versions, the GPUs and their name, peak GPU memory in bytes."""
    cuda = torch.cuda.is_available()
    return {
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "gpu_count": torch.cuda.device_count() if cuda else 0,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "sam2": importlib.metadata.version("sam2"),
        "peak_gpu_bytes": peak_gpu_bytes(),
    }


def peak_gpu_bytes() -> int | None:
    """Most bytes of GPU memory that tensors took at once since `reset_peak_gpu_bytes`; None without CUDA."""
    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None


def reset_peak_gpu_bytes() -> None:
    """Start counting `peak_gpu_bytes` anew (before a video)."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
