"""Slots: where workers may run, and what binds them there."""

from __future__ import annotations

from vos_core.execution.slots import find_slots, gpu_of
from vos_core.gpus import MOST_WORKERS_PER_GPU, Gpu

GPUS = [Gpu("2", "NVIDIA L4"), Gpu("5", "NVIDIA L4")]


def test_a_worker_a_gpu_comes_first_and_is_bound_to_it() -> None:
    slots = [slot for slot in find_slots({}, GPUS) if slot.device == "cuda"]
    assert [(slot.name, slot.gpu, slot.number) for slot in slots[:4]] == [
        ("gpu-2", "2", 1),
        ("gpu-5", "5", 1),
        ("gpu-2.2", "2", 2),
        ("gpu-5.2", "5", 2),
    ]
    assert len(slots) == 2 * MOST_WORKERS_PER_GPU
    assert all(slot.environment["CUDA_VISIBLE_DEVICES"] == slot.gpu == gpu_of(slot.name) for slot in slots)


def test_cpu_workers_see_no_gpu() -> None:
    slots = find_slots({"VOSLAB_CPU_WORKERS": "3"}, [])
    assert [slot.name for slot in slots] == ["cpu-0", "cpu-1", "cpu-2"]
    assert {slot.environment["CUDA_VISIBLE_DEVICES"] for slot in slots} == {""}
    assert {(slot.gpu, gpu_of(slot.name)) for slot in slots} == {(None, None)}
