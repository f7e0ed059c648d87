"""Which build of torch a driver and its GPUs can use, and the command that installs it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vos_core.cuda import Graphics, TorchBuild
from vos_core.gpus import Gpu
from vos_core.torch_builds import BUILDS, Capability, fitting

V100, T4, L4, H100, B200, RTX5090 = (7, 0), (7, 5), (8, 9), (9, 0), (10, 0), (12, 0)


@pytest.mark.parametrize(
    ("driver", "gpus", "requirement"),
    [
        (580, [H100], "torch==2.13.0+cu130"),
        (615, [L4, B200], "torch==2.13.0+cu130"),
        (580, [V100], "torch==2.13.0+cu126"),  # CUDA 13 has no code for Volta
        (579, [H100], "torch==2.13.0+cu126"),
        (535, [L4], "torch==2.13.0+cu126"),
        (525, [], "torch==2.13.0+cu126"),
        (570, [B200], "torch==2.11.0+cu128"),  # CUDA 12.6 has none for Blackwell
        (570, [T4, RTX5090], "torch==2.11.0+cu128"),
        (524, [V100], "torch==2.7.1+cu118"),
        (450, [H100], "torch==2.7.1+cu118"),
        (449, [V100], None),
        (580, [V100, B200], None),
        (0, [], None),
    ],
)
def test_the_newest_build_that_fits(driver: int, gpus: list[Capability], requirement: str | None) -> None:
    build = fitting(driver, gpus)
    assert (build and build.requirement) == requirement


def test_the_command_names_one_index() -> None:
    assert BUILDS[1].command == (
        "make install TORCH=torch==2.13.0+cu126 TORCH_INDEX=https://download.pytorch.org/whl/cu126"
    )


def test_the_first_build_is_the_pinned_torch() -> None:
    pinned = re.search(r"^torch==(\S+)", (Path(__file__).parents[1] / "requirements.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    assert BUILDS[0].torch == pinned[1]


@pytest.mark.parametrize(
    ("capabilities", "driver", "torch", "words"),
    [
        ([V100], "580.95.05", TorchBuild("2.13.0", "13.0"), ["capability 7.0", "torch==2.13.0+cu126"]),
        ([B200], "570.1", TorchBuild("2.13.0+cu126", "12.6"), ["capability 10.0", "torch==2.11.0+cu128"]),
        ([B200], "570.1", TorchBuild("2.13.0", "13.0"), ["wants driver 580", "torch==2.11.0+cu128", "or update"]),
        ([V100, H100], "580.1", TorchBuild("2.13.0", "13.0"), None),  # one of them can be used
        ([H100], "580.1", TorchBuild("2.13.0", "13.0"), None),
        ([], "580.1", TorchBuild("2.13.0", "13.0"), None),
    ],
)
def test_a_build_without_code_for_the_gpu_is_told(
    capabilities: list[Capability], driver: str, torch: TorchBuild, words: list[str] | None
) -> None:
    problem = Graphics((Gpu("0", "GPU"),), driver, torch, capabilities=capabilities).problem()
    if words is None:
        assert problem is None
    else:
        assert problem is not None
        assert all(word in problem for word in words), problem
