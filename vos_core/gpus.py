"""The GPUs of this machine as its driver tells them (NVML): which may be used, how busy they are, which a launch wants.

Knows no torch: that would take a CUDA context. Without a driver, or without nvidia-ml-py, there are no GPUs.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, TypeVar

from vos_core.errors import InputError

MOST_WORKERS_PER_GPU = 4
T = TypeVar("T")


class Nvml(Protocol):
    """What is used of the module pynvml."""

    NVMLError: type[Exception]
    NVML_TEMPERATURE_GPU: int

    def nvmlInit(self) -> None: ...
    def nvmlDeviceGetCount(self) -> int: ...
    def nvmlDeviceGetHandleByIndex(self, index: int) -> Any: ...
    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> Any: ...
    def nvmlDeviceGetName(self, handle: Any) -> str: ...
    def nvmlDeviceGetUtilizationRates(self, handle: Any) -> Any: ...
    def nvmlDeviceGetMemoryInfo(self, handle: Any) -> Any: ...
    def nvmlDeviceGetCudaComputeCapability(self, handle: Any) -> Sequence[int]: ...
    def nvmlDeviceGetTemperature(self, handle: Any, sensor: int) -> int: ...


@dataclass(frozen=True)
class Gpu:
    """A GPU that may be used; `id` is what CUDA_VISIBLE_DEVICES takes: `0`, or a UUID where that named it."""

    id: str
    name: str


@dataclass(frozen=True)
class Gauge:
    """What a GPU is doing now. Percent, bytes, degrees Celsius; None for what its driver does not tell.

    `capability` is its compute capability, (8, 9) for 8.9.
    """

    gpu: Gpu
    utilisation: int | None
    memory_used: int | None
    memory_total: int | None
    temperature: int | None
    capability: tuple[int, int] | None = None


@dataclass(frozen=True)
class Placement:
    """Where a launch's runs may be computed. It changes no mask, so it is no part of a run's settings.

    `gpus` are ids (empty: all of them); `workers_per_gpu` is 0 for the machine's own (the variable
    `VOSLAB_WORKERS_PER_GPU`, else 1).
    """

    gpus: tuple[str, ...] = ()
    workers_per_gpu: int = 0

    def words(self) -> list[str]:
        """The flags of `run` that ask for it."""
        words = ["--gpus", ",".join(self.gpus)] if self.gpus else []
        return [*words, "--workers_per_gpu", str(self.workers_per_gpu)] if self.workers_per_gpu else words

    def check(self, there: Sequence[Gpu]) -> None:
        """Raises InputError for a GPU that is not `there`, or more workers a GPU than make sense."""
        if not 0 <= self.workers_per_gpu <= MOST_WORKERS_PER_GPU:
            raise InputError(f"{self.workers_per_gpu} workers a GPU cannot be had: choose 1 to {MOST_WORKERS_PER_GPU}.")
        missing = [gpu for gpu in self.gpus if gpu not in [one.id for one in there]]
        if missing and not there:
            raise InputError(
                f"There is no GPU {', '.join(missing)}: this machine has no NVIDIA GPU that may be used. "
                "Leave the choice of GPUs away."
            )
        if missing:
            raise InputError(
                f"There is no GPU {', '.join(missing)} here: choose numbers (not how many) of "
                f"{', '.join(f'{gpu.id} ({gpu.name})' for gpu in there)}."
            )


def parse_gpus(words: Sequence[str]) -> tuple[str, ...]:
    """GPU ids of `--gpus 0,2` or `--gpus 0 2`: numbers as nvidia-smi lists them, or UUIDs; `all` is all of them."""
    ids = [part.strip() for word in words for part in word.split(",") if part.strip()]
    return () if ids == ["all"] else tuple(dict.fromkeys(ids))


def workers_per_gpu(environment: Mapping[str, str] = os.environ) -> int:
    """Workers on each GPU for launches that do not say: `VOSLAB_WORKERS_PER_GPU`, else 1."""
    asked = environment.get("VOSLAB_WORKERS_PER_GPU", "")
    return min(int(asked), MOST_WORKERS_PER_GPU) if asked.isdecimal() and int(asked) > 0 else 1


def visible_gpus(environment: Mapping[str, str] = os.environ, nvml: Nvml | None = None) -> list[Gpu]:
    """The GPUs that may be used, narrowed by `CUDA_VISIBLE_DEVICES`, in its order. `nvml` is the driver's own unless
    given."""
    nvml = nvml or _driver()
    return [gpu for gpu, _ in _visible(environment, nvml)] if nvml is not None else []


def gauges(environment: Mapping[str, str] = os.environ, nvml: Nvml | None = None) -> list[Gauge]:
    """What each visible GPU is doing now; milliseconds, no CUDA context."""
    nvml = nvml or _driver()
    return [_gauge(nvml, gpu, handle) for gpu, handle in _visible(environment, nvml)] if nvml is not None else []


def capabilities(environment: Mapping[str, str] = os.environ, nvml: Nvml | None = None) -> list[tuple[int, int]]:
    """Compute capability (major, minor) of each visible GPU whose driver tells it."""
    nvml = nvml or _driver()
    if nvml is None:
        return []
    told = [_capability(nvml, handle) for _, handle in _visible(environment, nvml)]
    return [one for one in told if one is not None]


def _capability(nvml: Nvml, handle: Any) -> tuple[int, int] | None:
    found = _told(nvml, lambda: nvml.nvmlDeviceGetCudaComputeCapability(handle))
    return (int(found[0]), int(found[1])) if found is not None else None


def _visible(environment: Mapping[str, str], nvml: Nvml) -> list[tuple[Gpu, Any]]:
    count = _told(nvml, nvml.nvmlDeviceGetCount) or 0
    narrowed = environment.get("CUDA_VISIBLE_DEVICES")
    wanted = [str(index) for index in range(count)] if narrowed is None else narrowed.split(",")
    found: dict[str, tuple[Gpu, Any]] = {}
    for entry in map(str.strip, wanted):
        handle = _handle(nvml, entry, count)
        if handle is None:
            break  # CUDA itself stops at the first invalid entry: "-1" hides all
        found[entry] = (Gpu(entry, _name(nvml, handle)), handle)
    return list(found.values())


def _name(nvml: Nvml, handle: Any) -> str:
    return _told(nvml, lambda: nvml.nvmlDeviceGetName(handle)) or "GPU"


def _handle(nvml: Nvml, entry: str, count: int) -> Any:
    """The driver's handle of one entry of CUDA_VISIBLE_DEVICES; None when there is no such GPU."""
    if entry.isdecimal():
        index = int(entry)
        return _told(nvml, lambda: nvml.nvmlDeviceGetHandleByIndex(index)) if index < count else None
    return _told(nvml, lambda: nvml.nvmlDeviceGetHandleByUUID(entry)) if entry.startswith(("GPU-", "MIG-")) else None


def _gauge(nvml: Nvml, gpu: Gpu, handle: Any) -> Gauge:
    rates = _told(nvml, lambda: nvml.nvmlDeviceGetUtilizationRates(handle))
    memory = _told(nvml, lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
    temperature = _told(nvml, lambda: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))
    return Gauge(
        gpu,
        int(rates.gpu) if rates is not None else None,
        int(memory.used) if memory is not None else None,
        int(memory.total) if memory is not None else None,
        temperature,
        _capability(nvml, handle),
    )


def _told(nvml: Nvml, ask: Callable[[], T]) -> T | None:
    """What the driver answers; None for what this GPU does not support (a MIG slice has no utilisation)."""
    with contextlib.suppress(nvml.NVMLError):
        return ask()
    return None


@cache
def _driver() -> Nvml | None:
    """The driver's NVML, started once a process: starting it takes tens of milliseconds."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # no package, no library, no device: nvidia-ml-py raises a class for each
        return None
    driver: Nvml = pynvml
    return driver
