"""The `inference_times` CSV as the usual ablation scripts keep it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Protocol

from vos_core.models.registry import MODELS

INFERENCE_TIMES = ("Dataset", "Model", "MemSize", "NumGPUs", "GPU_Names", "InferenceTime_s")


class TimedRun(Protocol):
    """What is needed of a run; `active_s` are the seconds in which at least one worker was on it."""

    @property
    def name(self) -> str: ...
    @property
    def dataset(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def memory_size(self) -> int | None: ...
    @property
    def active_s(self) -> float: ...
    @property
    def gpus(self) -> Sequence[str]: ...


def inference_times(runs: Iterable[TimedRun]) -> str:
    """A CSV with a row a run, columns `INFERENCE_TIMES`.

    InferenceTime_s is the wall time of the whole run, as a script around `tools/vos_inference.py` measures it: from its
    first video to its last, model loading, decoding and writing included. Seconds in which no worker was on the run (it
    was paused, or its job had ended) do not count; scoring runs beside it and is not in it as such.
    NumGPUs are the GPUs that computed at least one of its videos, GPU_Names their names, each once; both tell nothing
    of CPUs: 0 and empty. Model is `--sam2_model`'s word where there is one, followed by whatever else differs from that
    command, as in the name of the run's folder: `base_plus`, `base_plus_position_preserving`, `propagation`.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(INFERENCE_TIMES)
    for run in runs:
        size = "" if run.memory_size is None else run.memory_size
        names = "; ".join(dict.fromkeys(run.gpus))
        writer.writerow([run.dataset, model_word(run), size, len(run.gpus), names, f"{run.active_s:.2f}"])
    return text.getvalue()


def model_word(run: TimedRun) -> str:
    """The model in the words of `--sam2_model` (`large`, `2.1_large`), and what sets the run apart."""
    spec = MODELS.get(run.model)
    word = run.model
    if spec is not None and spec.family.startswith("sam2"):
        version, _, size = run.model.partition("_hiera_")
        word = size if version == "sam2" else f"{version.removeprefix('sam')}_{size}"
    apart = re.sub(r"^_memsize\d+", "", run.name.partition(run.model)[2])
    return word + apart
