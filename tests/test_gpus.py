"""GPUs: which are visible, what their gauges say, what a launch may ask for. The driver is a small one of plain values:
machines that run these tests need no GPU."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from vos_core.errors import InputError
from vos_core.gpus import Gauge, Gpu, Nvml, Placement, capabilities, gauges, parse_gpus, visible_gpus, workers_per_gpu


class SmallDriver:
    """Three GPUs; the last is a slice that tells no utilisation and no temperature."""

    class NVMLError(Exception):
        """What the driver raises."""

    NVML_TEMPERATURE_GPU = 0
    UUIDS = ("GPU-aaa", "GPU-bbb", "MIG-ccc")

    def nvmlInit(self) -> None:
        """Nothing to start."""

    def nvmlDeviceGetCount(self) -> int:
        return len(self.UUIDS)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        if not 0 <= index < len(self.UUIDS):
            raise self.NVMLError("invalid argument")
        return index

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> int:
        if uuid not in self.UUIDS:
            raise self.NVMLError("not found")
        return self.UUIDS.index(uuid)

    def nvmlDeviceGetName(self, handle: int) -> str:
        return f"NVIDIA L{handle}"

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:
        if handle == 2:
            raise self.NVMLError("not supported")
        return SimpleNamespace(gpu=10 * handle + 7, memory=1)

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:
        return SimpleNamespace(used=handle * 2**30, total=24 * 2**30)

    def nvmlDeviceGetCudaComputeCapability(self, handle: int) -> list[int]:
        if handle == 2:
            raise self.NVMLError("not supported")
        return [8, handle]

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:
        if handle == 2:
            raise self.NVMLError("not supported")
        return 40 + handle


DRIVER: Nvml = SmallDriver()


@pytest.mark.parametrize(
    ("narrowed", "ids"),
    [
        (None, ["0", "1", "2"]),
        ("", []),
        ("-1", []),
        ("2,0", ["2", "0"]),
        ("1, 1", ["1"]),
        ("0,7,1", ["0"]),  # CUDA stops at the first invalid entry
        ("GPU-bbb,0", ["GPU-bbb", "0"]),
        ("GPU-nope", []),
    ],
)
def test_the_variable_narrows_the_gpus_as_cuda_does(narrowed: str | None, ids: list[str]) -> None:
    environment = {} if narrowed is None else {"CUDA_VISIBLE_DEVICES": narrowed}
    assert [gpu.id for gpu in visible_gpus(environment, DRIVER)] == ids


def test_gauges_say_what_the_driver_says_and_nothing_where_it_is_silent() -> None:
    assert gauges({"CUDA_VISIBLE_DEVICES": "1,2"}, DRIVER) == [
        Gauge(Gpu("1", "NVIDIA L1"), 17, 2**30, 24 * 2**30, 41, (8, 1)),
        Gauge(Gpu("2", "NVIDIA L2"), None, 2 * 2**30, 24 * 2**30, None),
    ]


@pytest.mark.parametrize(
    ("words", "ids"),
    [(["0,2"], ("0", "2")), (["0", "2"], ("0", "2")), (["2"], ("2",)), (["all"], ()), ([], ()), (["1,1,"], ("1",))],
)
def test_gpus_are_numbers_with_commas_or_blanks(words: list[str], ids: tuple[str, ...]) -> None:
    assert parse_gpus(words) == ids


@pytest.mark.parametrize(("said", "number"), [("", 1), ("2", 2), ("0", 1), ("many", 1), ("99", 4)])
def test_workers_per_gpu_of_the_machine(said: str, number: int) -> None:
    assert workers_per_gpu({"VOSLAB_WORKERS_PER_GPU": said}) == number


@pytest.mark.parametrize(
    ("placement", "there", "sentence"),
    [
        (Placement(("0", "8")), 2, "There is no GPU 8 here: choose numbers"),
        (Placement(("0",)), 0, "no NVIDIA GPU that may be used"),
        (Placement((), 9), 2, "choose 1 to 4"),
        (Placement((), -1), 0, "choose 1 to 4"),
    ],
)
def test_a_placement_that_cannot_be_had_is_one_sentence(placement: Placement, there: int, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        placement.check([Gpu(str(index), "NVIDIA L4") for index in range(there)])


def test_a_placement_in_words_is_read_back() -> None:
    assert Placement(("0", "2"), 3).words() == ["--gpus", "0,2", "--workers_per_gpu", "3"]
    assert Placement().words() == []
    Placement(("1",), 2).check([Gpu("0", "L4"), Gpu("1", "L4")])


def test_capabilities_are_those_that_the_driver_tells() -> None:
    assert capabilities({}, DRIVER) == [(8, 0), (8, 1)]
    assert capabilities({"CUDA_VISIBLE_DEVICES": "1"}, DRIVER) == [(8, 1)]
