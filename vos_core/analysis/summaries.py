"""What curves and checks need to know of a run, and which of its options can change a score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from vos_core.runs import IMPORTED

NEUTRAL_OPTIONS = frozenset({"device", "exact", "objects_at_once", IMPORTED})
"""Options that say where or how fast masks came to be, not which: runs that differ in these alone compare."""


class RunSummary(Protocol):
    """A run as the database lists it.

    The figures are fractions, set only where all videos of the run are scored against ground truth, as the official
    protocol wants it. Seconds: `inference_s` in the model, 0 for masks made elsewhere; `active_s` while at least one
    worker was on it; `busy_s` summed over workers.
    """

    @property
    def name(self) -> str: ...
    @property
    def dataset(self) -> str: ...
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
