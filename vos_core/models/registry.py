"""The registered models: what each is called, needs and can be asked. Importing this loads no model library."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vos_core.errors import InputError


class MemoryMode(StrEnum):
    """Which position row the prompted frame keeps when SAM 2 runs with fewer memory slots than it was trained with."""

    POSITION_PRESERVING = "position_preserving"
    NAIVE = "naive"


MODE_LINES = {
    MemoryMode.POSITION_PRESERVING: "the prompted frame keeps the position code it was trained with (row 6)",
    MemoryMode.NAIVE: "num_maskmem set after loading, as the user's own script did: the prompted frame gets row N-1",
}


@dataclass(frozen=True)
class ModelSpec:
    """A registered model.

    `memory_sizes` is empty for a model without a memory (its memory-size axis collapses); `memory_modes` is empty
    where the mode means nothing. `loader` is `"module:function"`, imported only in a worker.
    """

    name: str
    title: str
    family: str
    description: str
    loader: str
    memory_sizes: tuple[int, ...] = ()
    default_memory_size: int | None = None
    memory_modes: tuple[MemoryMode, ...] = ()
    config: str | None = None
    checkpoint: str | None = None

    @property
    def has_memory(self) -> bool:
        """Whether memory size is an axis of this model."""
        return bool(self.memory_sizes)

    def check_memory_size(self, size: int) -> None:
        """Raises InputError when `size` cannot be run, with the reason."""
        if size in self.memory_sizes:
            return
        low, high = self.memory_sizes[0], self.memory_sizes[-1]
        reason = (
            " SAM 2 was trained with 7 memory slots: slots beyond have no trained position code."
            if self.family.startswith("sam2") and size > high
            else ""
        )
        raise InputError(f"Memory size {size} is out of range for {self.name}: choose {low} to {high}.{reason}")


_CPU = "cpu"
_PROPAGATION_SIZES = tuple(range(1, 17))

_SAM2_SIZES = (("tiny", "t"), ("small", "s"), ("base_plus", "b+"), ("large", "l"))


def _sam2_specs() -> list[ModelSpec]:
    specs = []
    for version in ("2", "2.1"):
        for size, letter in _SAM2_SIZES:
            name = f"sam{version}_hiera_{size}"
            specs.append(
                ModelSpec(
                    name=name,
                    title=f"SAM {version} {size.replace('_plus', '+')}",
                    family=f"sam{version}",
                    description=f"SAM {version} video predictor, Hiera {size.replace('_plus', '+')} image encoder",
                    loader="vos_core.models.sam2_video:load",
                    memory_sizes=tuple(range(8)),
                    default_memory_size=7,
                    memory_modes=(MemoryMode.POSITION_PRESERVING, MemoryMode.NAIVE),
                    config=f"configs/sam{version}/sam{version}_hiera_{letter}.yaml",
                    checkpoint=f"{name}.pt",
                )
            )
    return specs


MODELS: dict[str, ModelSpec] = {
    spec.name: spec
    for spec in [
        ModelSpec(
            name="static",
            title="Static",
            family=_CPU,
            description="the first mask held still: the lower bound that says how much a video moves",
            loader="vos_core.models.static:load",
        ),
        ModelSpec(
            name="flow",
            title="Flow",
            family=_CPU,
            description="dense optical flow (DIS) carries the mask from frame to frame; no memory, so errors add up",
            loader="vos_core.models.flow:load",
        ),
        ModelSpec(
            name="propagation",
            title="Propagation",
            family=_CPU,
            description="label propagation over a memory bank of the prompted frame and the N-1 latest frames",
            loader="vos_core.models.propagation:load",
            memory_sizes=_PROPAGATION_SIZES,
            default_memory_size=7,
        ),
        *_sam2_specs(),
    ]
}


def find_model(name: str) -> ModelSpec:
    """The registered model `name`. Raises InputError that lists the names."""
    if name not in MODELS:
        raise InputError(f"There is no model {name!r}: the registered models are {', '.join(MODELS)}.")
    return MODELS[name]


def sam2_model_name(size: str) -> str:
    """Model name of the user's own `--sam2_model` value (`base_plus` means SAM 2.0's; `2.1_large` SAM 2.1's)."""
    for name in (f"sam2_hiera_{size}", f"sam{size.replace('_', '_hiera_', 1)}", size):
        if name in MODELS and MODELS[name].family.startswith("sam2"):
            return name
    sizes = ", ".join(size for size, _ in _SAM2_SIZES)
    raise InputError(f"There is no SAM 2 model {size!r}: choose {sizes} (SAM 2.0), or 2.1_tiny ... 2.1_large.")
