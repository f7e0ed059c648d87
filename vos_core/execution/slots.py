"""Where workers can run on this machine: one slot a GPU, or CPU slots."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

CORES_PER_CPU_WORKER = 1
MOST_CPU_WORKERS = 8
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class Slot:
    """A place for one worker. `environment` binds its process to the device and to its share of the cores."""

    name: str  # "gpu-0", "cpu-1"
    device: str  # "cuda" or "cpu"
    environment: Mapping[str, str] = field(default_factory=dict)


def find_slots(environment: Mapping[str, str] = os.environ) -> list[Slot]:
    """A slot for each visible GPU, and CPU slots beside them.

    `CUDA_VISIBLE_DEVICES` narrows the GPUs; `VOSLAB_CPU_WORKERS` sets the number of CPU workers (default: one a core,
    at most 8).
    """
    cores = len(os.sched_getaffinity(0))
    gpus = visible_gpus(environment)
    asked = environment.get("VOSLAB_CPU_WORKERS", "")
    workers = (
        int(asked) if asked.isdecimal() and int(asked) > 0 else min(cores // CORES_PER_CPU_WORKER, MOST_CPU_WORKERS)
    )
    workers = max(1, workers)
    threads = {name: str(max(1, cores // workers)) for name in THREAD_VARIABLES}
    slots = [
        Slot(f"gpu-{index}", "cuda", {"CUDA_VISIBLE_DEVICES": gpu, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"})
        for index, gpu in enumerate(gpus)
    ]
    slots += [Slot(f"cpu-{index}", "cpu", {"CUDA_VISIBLE_DEVICES": "", **threads}) for index in range(workers)]
    return slots


def visible_gpus(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Identifiers of the GPUs that may be used, as CUDA_VISIBLE_DEVICES takes them; empty without a driver."""
    narrowed = environment.get("CUDA_VISIBLE_DEVICES")
    if narrowed is not None:
        # CUDA itself stops at the first invalid entry: "-1" hides all.
        wanted = []
        for entry in (part.strip() for part in narrowed.split(",")):
            if not entry or entry.startswith("-"):
                break
            wanted.append(entry)
        return wanted if _driver_gpu_count() else []
    return [str(index) for index in range(_driver_gpu_count())]


def _driver_gpu_count() -> int:
    try:
        import pynvml
    except ImportError:
        return 0
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return 0
    try:
        return int(pynvml.nvmlDeviceGetCount())
    finally:
        pynvml.nvmlShutdown()
