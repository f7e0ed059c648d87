"""Where workers can run on this machine: slots on each GPU, and CPU slots."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vos_core.cores import cpu_workers, default_cpu_workers, usable_cores
from vos_core.errors import InputError
from vos_core.gpus import MOST_WORKERS_PER_GPU, Gpu, Placement, visible_gpus, workers_per_gpu

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")

log = logging.getLogger("dispatcher")


@dataclass(frozen=True)
class Slot:
    """A place for one worker. `environment` binds its process to the device and to its share of the cores.

    `gpu` is its GPU's id (None on a CPU); `number` counts the slots of that GPU from 1: the second is used by runs
    that want two workers a GPU, and so on.
    """

    name: str  # "gpu-0", "gpu-0.2" (the second on GPU 0), "cpu-1"
    device: str  # "cuda" or "cpu"
    environment: Mapping[str, str] = field(default_factory=dict)
    gpu: str | None = None
    number: int = 1


def find_slots(environment: Mapping[str, str] = os.environ, gpus: Sequence[Gpu] | None = None) -> list[Slot]:
    """Slots on each visible GPU (all first slots before all second ones), and CPU slots beside them.

    `CUDA_VISIBLE_DEVICES` narrows the GPUs; `VOSLAB_CPU_WORKERS` sets the number of CPU workers (default: one a core,
    at most 8). A slot costs nothing until a run wants it. `gpus` replaces the driver's.
    """
    cores = usable_cores()
    gpus = visible_gpus(environment) if gpus is None else gpus
    try:
        workers = cpu_workers(environment)
    except InputError as error:
        # Launches are refused with this sentence; what was queued before goes on.
        log.warning("%s", error)
        workers = default_cpu_workers()
    threads = {name: str(max(1, cores // workers)) for name in THREAD_VARIABLES}
    slots = [_gpu_slot(gpu, number) for number in range(1, MOST_WORKERS_PER_GPU + 1) for gpu in gpus]
    slots += [Slot(f"cpu-{index}", "cpu", {"CUDA_VISIBLE_DEVICES": "", **threads}) for index in range(workers)]
    return slots


def may_use(slot: Slot, placement: Placement, slots: Sequence[Slot]) -> bool:
    """Whether a run placed so may use this slot of `slots`.

    GPUs that were chosen on a machine that had others do not count: a run that moved with its home folder to a machine
    without them uses what there is, instead of waiting for ever.
    """
    if slot.gpu is None:
        return True
    if slot.number > (placement.workers_per_gpu or workers_per_gpu()):
        return False
    if not placement.gpus or slot.gpu in placement.gpus:
        return True
    return not any(one.gpu in placement.gpus for one in slots)


def gpu_of(slot_name: str) -> str | None:
    """The GPU's id in a slot's name; None for a CPU slot."""
    kind, _, rest = slot_name.partition("-")
    return rest.partition(".")[0] if kind == "gpu" else None


def _gpu_slot(gpu: Gpu, number: int) -> Slot:
    name = f"gpu-{gpu.id}" if number == 1 else f"gpu-{gpu.id}.{number}"
    bound = {"CUDA_VISIBLE_DEVICES": gpu.id, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    return Slot(name, "cuda", bound, gpu.id, number)
