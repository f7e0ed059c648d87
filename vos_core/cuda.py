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

from vos_core.gpus import Gpu, capabilities, visible_gpus
from vos_core.torch_builds import BUILDS, Capability, fitting, has_code_for, oldest_driver

CLUSTER_VARIABLE = "VOSLAB_RAY_ADDRESS"
SLOT_DEVICE_VARIABLE = "VOSLAB_SLOT_DEVICE"  # which a dispatcher sets for its workers: "cuda" or "cpu"


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
    capabilities: Sequence[Capability] = ()  # of the GPUs, as far as the driver tells them

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
        mismatch = self.mismatch()
        return f"{mismatch}: {self.way_out()}" if mismatch else None

    def mismatch(self) -> str | None:
        """What keeps the torch that is installed from using the GPUs that are visible; None where nothing does."""
        if not self.gpus or self.torch is None or self.driver is None:
            return None
        there = f"{self.gpus[0].name} with driver {self.driver} is here, but torch {self.torch.version} is"
        cuda = self.torch.cuda
        if cuda is None:
            return f"{there} a build without CUDA"
        wanted = oldest_driver(cuda)
        if wanted is not None and _major(self.driver) < wanted:
            return f"{there} built for CUDA {cuda}, which wants driver {wanted} or newer"
        without = [one for one in self.capabilities if not has_code_for(cuda, one)]
        if without and len(without) == len(self.capabilities):
            major, minor = without[0]
            return f"{there} built for CUDA {cuda}, which has no code for its compute capability {major}.{minor}"
        return None

    def way_out(self) -> str:
        """What gives this driver and these GPUs a torch that sees them."""
        build = fitting(_major(self.driver or ""), self.capabilities)
        if build is None:
            return "update the driver"
        # A newer build than the one for this driver is to be had with a newer driver only.
        return f"call `{build.command}`{'' if build is BUILDS[0] else ', or update the driver'}"


def graphics(environment: Mapping[str, str] = os.environ) -> Graphics:
    """This machine, as this process may use it."""
    gpus = visible_gpus(environment)
    hidden = not gpus and "CUDA_VISIBLE_DEVICES" in environment
    elsewhere = bool(environment.get(CLUSTER_VARIABLE))
    return Graphics(gpus, driver_version(), torch_build(), hidden, elsewhere, capabilities(environment))


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
    """The build as torch's `version.py` tells it; where that says nothing, as the version's suffix does (`+cu130`).

    `version` is that of the package: wheels of PyPI leave the suffix out of it.
    """
    try:
        text = file.read_text()
    except OSError:
        text = ""
    if told := re.search(r"^__version__ = '([^']+)'", text, re.MULTILINE):
        version = told[1]
    found = re.search(r"^cuda\b[^=]*=\s*(?:'([\d.]+)'|None)", text, re.MULTILINE)
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


def _major(driver: str) -> int:
    digits = re.match(r"\d+", driver)
    return int(digits[0]) if digits else 0
