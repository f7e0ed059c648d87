"""Whether SAM 2 finds a GPU on this machine, told without torch: the driver as NVML tells it, the CUDA build of torch.

The UI process and the commands ask here before anything is queued; a worker, which has torch, asks torch itself.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from vos_core.gpus import Gpu, visible_gpus

# Oldest driver that runs what was built for a CUDA major version, on Linux. Source: NVIDIA, CUDA Compatibility, table 1
# (https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html, read in November 2026).
OLDEST_DRIVER = {11: 450, 12: 525, 13: 580}

CLUSTER_VARIABLE = "VOSLAB_RAY_ADDRESS"


@dataclass(frozen=True)
class TorchBuild:
    """The torch that is installed: its version, and the CUDA that it was built for (None: a build without CUDA)."""

    version: str
    cuda: str | None


@dataclass(frozen=True)
class Graphics:
    """What this machine has for SAM 2. `driver` is the NVIDIA driver's version (None: there is none)."""

    gpus: Sequence[Gpu]
    driver: str | None
    torch: TorchBuild | None
    hidden: bool = False  # CUDA_VISIBLE_DEVICES hides all GPUs
    elsewhere: bool = False  # workers run on a cluster, whose GPUs this machine does not see

    def problem(self) -> str | None:
        """Why torch sees no GPU here and what to do about it, as the end of a sentence; None where it should."""
        if self.elsewhere:
            return None
        if self.torch is None:
            return "torch is not installed: call `make install`"
        build = f"torch {self.torch.version}"
        if self.driver is None:
            return f"this machine has no NVIDIA driver ({build}{_cuda(self.torch)})"
        if not self.gpus:
            why = "CUDA_VISIBLE_DEVICES hides every GPU" if self.hidden else "the driver shows this process no GPU"
            return f"{why} (NVIDIA driver {self.driver})"
        there = f"{self.gpus[0].name} with driver {self.driver} is here"
        fits = max((cuda for cuda, oldest in OLDEST_DRIVER.items() if _major(self.driver) >= oldest), default=None)
        wanted = OLDEST_DRIVER.get(int((self.torch.cuda or "0").split(".")[0]))
        if self.torch.cuda is None:
            return f"{there}, but {build} is a build without CUDA: {_how_to_fit(fits)}"
        if wanted is not None and _major(self.driver) < wanted:
            return (
                f"{there}, but {build} is built for CUDA {self.torch.cuda}, which wants driver {wanted} or newer: "
                f"{_how_to_fit(fits)}"
            )
        return None


def graphics(environment: Mapping[str, str] = os.environ) -> Graphics:
    """This machine, as this process may use it."""
    gpus = visible_gpus(environment)
    hidden = not gpus and "CUDA_VISIBLE_DEVICES" in environment
    return Graphics(gpus, driver_version(), torch_build(), hidden, bool(environment.get(CLUSTER_VARIABLE)))


@cache
def torch_build() -> TorchBuild | None:
    """The installed torch, read from its files: importing it would take seconds and a CUDA context."""
    try:
        version = importlib.metadata.version("torch")
        spec = importlib.util.find_spec("torch")
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    return read_build(version, Path(spec.origin).with_name("version.py"))


def read_build(version: str, file: Path) -> TorchBuild:
    """The build as torch's `version.py` tells it; where that says nothing, as the version's suffix does (`+cu130`)."""
    try:
        found = re.search(r"^cuda\b[^=]*=\s*(?:'([\d.]+)'|None)", file.read_text(), re.MULTILINE)
    except OSError:
        found = None
    if found:
        return TorchBuild(version, found[1])
    suffix = re.search(r"\+cu(\d+)(\d)$", version)
    return TorchBuild(version, f"{suffix[1]}.{suffix[2]}" if suffix else None)


@cache
def driver_version() -> str | None:
    """Version of the NVIDIA driver, `580.95.05`; None without one."""
    try:
        import pynvml

        pynvml.nvmlInit()
        version = pynvml.nvmlSystemGetDriverVersion()
    except Exception:  # no package, no library, no device: nvidia-ml-py raises a class for each
        return None
    return version.decode() if isinstance(version, bytes) else str(version)


def _cuda(build: TorchBuild) -> str:
    return f", built for CUDA {build.cuda}" if build.cuda else ", a build without CUDA"


def _how_to_fit(cuda: int | None) -> str:
    if cuda is None:
        return "update the driver"
    index = f"https://download.pytorch.org/whl/cu{cuda}x"
    return (
        f"install a torch build for CUDA {cuda} (`make install TORCH=torch==<version>+cu{cuda}x TORCH_INDEX={index}`, "
        "with the build's own number for x), or update the driver"
    )


def _major(driver: str) -> int:
    digits = re.match(r"\d+", driver)
    return int(digits[0]) if digits else 0
