"""What curves and checks need to know of a run, and which of its options can change a score."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from vos_core.runs import IMPORTED

NEUTRAL_OPTIONS = frozenset({"device", "exact", "objects_at_once", IMPORTED})
"""Options that say where or how fast masks came to be, not which: runs that differ in these alone compare."""
_BRANDS = ("NVIDIA", "Tesla", "GeForce", "AMD", "Instinct")


class RunSummary(Protocol):
    """A run as the database lists it.

    The figures are fractions, set only where all videos of the run are scored against ground truth, as the official
    protocol wants it. Seconds: `inference_s` in the model, 0 for masks made elsewhere; `active_s` while at least one
    worker was on it; `busy_s` summed over workers.
    """

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def dataset(self) -> str: ...
    @property
    def dataset_path(self) -> str: ...
    @property
    def split(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def memory_size(self) -> int | None: ...
    @property
    def memory_mode(self) -> str | None: ...
    @property
    def settings(self) -> Mapping[str, Any]: ...
    @property
    def state(self) -> str: ...
    @property
    def score_kind(self) -> str: ...
    @property
    def videos(self) -> int: ...
    @property
    def videos_done(self) -> int: ...
    @property
    def frames(self) -> int: ...
    @property
    def objects(self) -> int: ...
    @property
    def inference_s(self) -> float: ...
    @property
    def active_s(self) -> float: ...
    @property
    def busy_s(self) -> float: ...
    @property
    def provenance(self) -> Mapping[str, Any]: ...
    @property
    def jf_mean(self) -> float | None: ...
    @property
    def j_mean(self) -> float | None: ...
    @property
    def j_recall(self) -> float | None: ...
    @property
    def j_decay(self) -> float | None: ...
    @property
    def f_mean(self) -> float | None: ...
    @property
    def f_recall(self) -> float | None: ...
    @property
    def f_decay(self) -> float | None: ...


Place = tuple[str, str, str]
"""Dataset, split, stored path of the dataset's folder: two folders may have one name."""


class Placed(Protocol):
    """What is over a split of a dataset: a run, a curve, a point. Others' rows name no folder."""

    @property
    def dataset(self) -> str: ...
    @property
    def split(self) -> str: ...
    @property
    def dataset_path(self) -> str: ...


def place_of(what: Placed) -> Place:
    """Where it belongs: what is over different places shares no line of a figure, whatever their names."""
    return what.dataset, what.split, what.dataset_path


def place_names(runs: Iterable[Placed]) -> dict[Place, str]:
    """`DAVIS val` for each place of the runs; with its folder where another place has that name too."""
    places = dict.fromkeys(map(place_of, runs))
    named = Counter(place[:2] for place in places)
    return {
        (dataset, split, path): f"{dataset} {split}" + (f" ({_folder(path)})" if named[dataset, split] > 1 else "")
        for dataset, split, path in places
    }


def _folder(stored: str) -> str:
    """A stored path for people: `data:DAVIS` -> `data/DAVIS`, `data(/mnt/x):DAVIS` -> `/mnt/x/DAVIS`."""
    match = None if stored.startswith("/") else re.fullmatch(r"(\w+)(?:\((.*)\))?:(.*)", stored)
    return f"{match[2] or match[1]}/{match[3]}" if match else stored


def chosen_videos(run: RunSummary) -> tuple[str, ...]:
    """Videos that the run was narrowed to; empty for its whole split."""
    return tuple(run.settings.get("videos") or ())


def telling_options(run: RunSummary) -> tuple[tuple[str, Any], ...]:
    """The run's (option, value) pairs that differ from the default and can change its masks, by name."""
    pairs = [(str(name), value) for name, value in run.settings.get("options") or ()]
    return tuple(sorted((pair for pair in pairs if pair[0] not in NEUTRAL_OPTIONS), key=lambda pair: pair[0]))


def was_timed(run: RunSummary) -> bool:
    """Whether the run's seconds are those of segmenting it (masks made elsewhere were only scored here)."""
    return run.inference_s > 0 and run.active_s > 0 and run.busy_s > 0


def run_devices(run: RunSummary) -> tuple[str, ...]:
    """Names of the devices that the run was computed on, as far as recorded."""
    return tuple(run.provenance.get("devices") or ())


def run_gpus(run: RunSummary) -> tuple[str, ...]:
    """A name for each GPU that computed at least one of the run's videos; empty where it ran on CPUs."""
    return tuple((run.provenance.get("gpus") or {}).values())


def gpu_words(names: Sequence[str]) -> str:
    """`8 x NVIDIA L4`, `1 x NVIDIA L4 + 1 x NVIDIA L40`; `CPU` for none."""
    counts = Counter(names)
    return " + ".join(f"{number} x {name}" for name, number in counts.items()) or "CPU"


def short_gpu(name: str) -> str:
    """`NVIDIA H100 80GB HBM3` -> `H100`, `NVIDIA GeForce RTX 4090` -> `RTX 4090`."""
    words = [word for word in name.split() if word not in _BRANDS]
    sized = (index for index, word in enumerate(words) if index and word.upper().endswith(("GB", "GIB")))
    return " ".join(words[: next(sized, len(words))]) or name
