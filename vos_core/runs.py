"""A run's settings: one model setting over one split, its folder's name, and the grid that an ablation expands to."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vos_core.gpus import Placement
from vos_core.models.registry import MemoryMode, find_model
from vos_core.models.sam2_options import OPTIONS, POINTERS, STRIDE, knob_counts

# Options that are not a model's: stored paths of masks made elsewhere, and of what stands in for annotations.
IMPORTED = "imported"
AGAINST = "against"
# What labels and tables call the knobs of SAM 2's memory.
SHORT = {STRIDE: "stride", POINTERS: "pointers"}


@dataclass(frozen=True)
class RunSettings:
    """Everything that decides a run's masks. Equal settings give equal masks and own the same folder.

    `dataset_path` is a stored path (`Home.store`); `videos` is empty for the whole split; `options` are a model's
    further options as sorted (name, value) pairs, only those that differ from the default.
    """

    dataset: str
    dataset_path: str
    split: str
    model: str
    memory_size: int | None = None
    memory_mode: str | None = None
    videos: tuple[str, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def fingerprint(self) -> str:
        """First 12 hex digits of the SHA-256 of the settings as canonical JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]

    @property
    def model_key(self) -> str:
        """What a worker must load anew for: runs with the same key share a warm model."""
        return json.dumps([self.model, self.memory_size, self.memory_mode, sorted(self.options)], default=str)

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> RunSettings:
        """Inverse of `to_json`."""
        return cls.from_values(json.loads(text))

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> RunSettings:
        """Settings from decoded JSON. Raises TypeError for keys that a newer version wrote."""
        return cls(
            **{
                **values,
                "videos": tuple(values.get("videos", ())),
                "options": tuple((name, value) for name, value in values.get("options", ())),
            }
        )

    def option(self, name: str, default: Any = None) -> Any:
        """The value of a model option."""
        return dict(self.options).get(name, default)

    @property
    def label(self) -> str:
        """Short name for tables and legends: `propagation N=5`, `sam2_hiera_large N=3 naive`."""
        parts = [self.model]
        if self.memory_size is not None:
            parts.append(f"N={self.memory_size}")
        if self.memory_mode == MemoryMode.NAIVE:
            parts.append("naive")
        parts += [f"{SHORT.get(name, name)}={value}" for name, value in self.options if name not in (IMPORTED, AGAINST)]
        return " ".join(parts)


@dataclass(frozen=True)
class Grid:
    """An ablation before it is expanded: every combination of its axes, each axis only where a model has it."""

    datasets: tuple[tuple[str, str, str], ...]  # (name, stored path, split)
    models: tuple[str, ...]
    memory_sizes: tuple[int, ...] = ()
    memory_modes: tuple[str, ...] = (MemoryMode.POSITION_PRESERVING.value,)
    videos: tuple[str, ...] = ()
    options: tuple[tuple[str, Any], ...] = field(default_factory=tuple)
    strides: tuple[int, ...] = ()  # memory_temporal_stride_for_eval of SAM 2; empty: that of `options`, or 1
    pointers: tuple[int, ...] = ()  # max_obj_ptrs_in_encoder; empty: that of `options`, or 16
    placement: Placement = field(default_factory=Placement)

    @classmethod
    def covering(cls, runs: Sequence[RunSettings], placement: Placement | None = None) -> Grid:
        """The smallest grid that has all of `runs` among its own; options beside the knobs are those of the first."""
        sam2 = [run for run in runs if find_model(run.model).family.startswith("sam2")]
        knobs = []
        for name in (STRIDE, POINTERS):
            default = OPTIONS[name].default
            told = {run.option(name, default) for run in sam2 if knob_counts(name, run.memory_size)}
            knobs.append(() if told <= {default} else tuple(sorted(told)))
        return cls(
            datasets=tuple(dict.fromkeys((run.dataset, run.dataset_path, run.split) for run in runs)),
            models=tuple(dict.fromkeys(run.model for run in runs)),
            memory_sizes=tuple(sorted({run.memory_size for run in runs if run.memory_size is not None})),
            memory_modes=tuple(dict.fromkeys(run.memory_mode for run in sam2 if run.memory_mode))
            or (MemoryMode.POSITION_PRESERVING.value,),
            videos=tuple(dict.fromkeys(video for run in runs for video in run.videos)),
            options=tuple(pair for pair in (sam2[0].options if sam2 else ()) if pair[0] not in (STRIDE, POINTERS)),
            strides=knobs[0],
            pointers=knobs[1],
            placement=placement or Placement(),
        )

    def expand(self) -> tuple[RunSettings, ...]:
        """The `cells`. Raises InputError for an unknown model or a memory size that one of the models cannot run."""
        runs = self.cells()
        for run in runs:
            if run.memory_size is not None:
                find_model(run.model).check_memory_size(run.memory_size)
        return runs

    def cells(self) -> tuple[RunSettings, ...]:
        """Every combination, whether it can be run or not: datasets outermost, then models, modes and memory sizes
        ascending; duplicates collapse.

        A knob that changes nothing at a memory size (stride at 2, pointers at 0) is no axis there, provided that its
        default is among the values. Raises InputError for an unknown model.
        """
        runs: dict[RunSettings, None] = {}
        for (dataset, path, split), name in itertools.product(self.datasets, self.models):
            spec = find_model(name)
            sizes: Sequence[int | None] = (None,)
            modes: Iterable[str | None] = (None,)
            if spec.has_memory:
                sizes = tuple(sorted(set(self.memory_sizes))) or (spec.default_memory_size,)
            if spec.memory_modes:
                modes = dict.fromkeys(self.memory_modes)
            for mode, memory_size in itertools.product(modes, sizes):
                for options in self._options_at(memory_size) if spec.family.startswith("sam2") else [()]:
                    runs[RunSettings(dataset, path, split, name, memory_size, mode, self.videos, options)] = None
        return tuple(runs)

    def _options_at(self, memory_size: int | None) -> list[tuple[tuple[str, Any], ...]]:
        """The options with every combination of stride and pointers that makes a difference at a memory size."""
        given = dict(self.options)
        axes = []
        for name, asked in ((STRIDE, self.strides), (POINTERS, self.pointers)):
            default = OPTIONS[name].default
            values = sorted(set(asked)) or [given.pop(name, default)]
            if not knob_counts(name, memory_size) and default in values:
                values = [default]
            axes.append([{name: value} if value != default else {} for value in values])
        return [tuple(sorted({**given, **stride, **pointers}.items())) for stride, pointers in itertools.product(*axes)]


def run_name(settings: RunSettings, default_split: str, distinct: bool = False) -> str:
    """Folder name of a run: the user's `{DATASET}_{model}_memsize{N}`, with a suffix for each setting that differs.

    `default_split` is the dataset's own. `distinct` adds the settings' fingerprint: for when another run owns the
    plain name (the same dataset name in another folder). Two different settings never get the same name.
    """
    parts = [_plain(settings.dataset), _plain(settings.model)]  # imported masks have a name that somebody typed
    if settings.memory_size is not None:
        parts.append(f"memsize{settings.memory_size}")
    if settings.memory_mode not in (None, MemoryMode.NAIVE):
        parts.append(str(settings.memory_mode))
    if settings.split != default_split:
        parts.append(f"split-{_plain(settings.split)}")
    # Where imported masks lie and what they are held against are paths: a name tells them by their last part.
    options = [(name, Path(str(v)).name if name == AGAINST else v) for name, v in settings.options if name != IMPORTED]
    parts += [f"{_plain(name)}-{_plain(str(value))}" for name, value in options]
    said = (settings.dataset, settings.model, settings.split, *(str(value) for _, value in options))
    if distinct or settings.videos or any(_plain(text) != text for text in said):
        parts.append(settings.fingerprint[:8])
    return "_".join(parts)


def run_folder(settings: RunSettings, name: str) -> str:
    """A run's folder in the outputs root: `{DATASET}_pred_pngs/{name}`."""
    return f"{_plain(settings.dataset)}_pred_pngs/{name}"


def _plain(text: str) -> str:
    """`text` fit for a folder name: letters and digits of any script."""
    return re.sub(r"[^\w.+-]+", "-", text).strip("-.") or "x"
