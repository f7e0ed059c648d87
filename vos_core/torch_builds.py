"""The builds of torch that are published with CUDA: which drivers and GPUs each runs on, and how each is installed.

Read in November 2026:
- drivers: NVIDIA, CUDA Compatibility, table 1
  (https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html);
- builds and GPUs: PyTorch, RELEASE.md, "Release Compatibility Matrix" and "PyTorch CUDA Support Matrix"
  (pytorch/pytorch#187075 for 2.12 and 2.13, #175253 for 2.11), and the releases that https://data.pyg.org/whl lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Capability = tuple[int, int]
"""A GPU's compute capability: (7, 0) Volta, (7, 5) Turing, (8, x) Ampere and Ada, (9, 0) Hopper, (10 and 12, x)
Blackwell."""

# Oldest driver that runs what was built for a CUDA major version, on Linux.
OLDEST_DRIVER = {11: 450, 12: 525, 13: 580}
TORCH_AT_LEAST = (2, 5, 1)  # what sam2 1.1.0 declares


@dataclass(frozen=True)
class Build:
    """A published build of torch."""

    torch: str
    cuda: str

    @property
    def tag(self) -> str:
        """`cu126`."""
        return f"cu{self.cuda.replace('.', '')}"

    @property
    def requirement(self) -> str:
        """For pip: `torch==2.13.0+cu126`."""
        return f"torch=={self.torch}+{self.tag}"

    @property
    def index(self) -> str:
        """The package index that has it."""
        return f"https://download.pytorch.org/whl/{self.tag}"

    @property
    def command(self) -> str:
        """What installs it into .venv, and is remembered there."""
        return f"make install TORCH={self.requirement} TORCH_INDEX={self.index}"


# The first that fits is taken. 13.0 is what PyPI's torch 2.13.0 is built for; CUDA 12.6 knows no Blackwell and 13 no
# Volta; builds for 12.8 end with torch 2.11, for 11.8 with 2.7.
BUILDS = (Build("2.13.0", "13.0"), Build("2.13.0", "12.6"), Build("2.11.0", "12.8"), Build("2.7.1", "11.8"))


def oldest_driver(cuda: str) -> int | None:
    """Oldest major version of the driver for what was built for `cuda`; None for a CUDA that is not in the table."""
    return OLDEST_DRIVER.get(_numbers(cuda)[0])


def has_code_for(cuda: str, capability: Capability) -> bool:
    """Whether torch's builds for this CUDA hold code for such a GPU: CUDA 13 knows none before Turing, and none before
    12.8 knows Blackwell."""
    numbers = _numbers(cuda)
    return capability >= (7, 5) if numbers >= (12, 8) else capability < (10, 0)


def fitting(driver: int, capabilities: Sequence[Capability] = ()) -> Build | None:
    """The newest build for a driver of this major version and all of these GPUs; None where there is none."""
    for build in BUILDS:
        oldest = oldest_driver(build.cuda)
        if oldest is not None and driver >= oldest and all(has_code_for(build.cuda, one) for one in capabilities):
            return build
    return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal()) or (0,)
