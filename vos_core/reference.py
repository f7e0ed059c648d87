"""Scores that others published (`published_scores.csv`), as rows with their sources: shown beside runs, never as runs.

Facts of the table: `kind` says who measured (`user`: the users' own job that this app replaces, SAM 2.0 with
num_maskmem set after loading, so memory mode `naive`; `paper`, `repo`: others); `target` is `no` where nobody can
reach or should aim at the number, and `why_no_target` says why. Scores are fractions; empty means not published.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from vos_core.errors import InputError

TABLE = Path(__file__).with_name("published_scores.csv")

FIGURES = ("jf_mean", "j_mean", "j_recall", "j_decay", "f_mean", "f_recall", "f_decay")
"""Names of the seven official figures, in the official order: columns of the table and attributes of a run."""

SAMPLE_SUBMISSION = "vs sample submission"

_DATASETS = {  # as the table calls it: (dataset, splits) as this app and its users' lists do
    "DAVIS 2017 val": ("DAVIS", ("val",)),
    "MOSE v1 valid": ("MOSE", ("val", "valid", "all")),
}
_LINKS = {
    "SAM2Long": "https://arxiv.org/abs/2410.16268",
    "SAM 2 paper Table 6": "https://arxiv.org/abs/2408.00714",
    "MOSEv2 Table 4": "https://arxiv.org/abs/2508.05630",
    "sam2 README": "https://github.com/facebookresearch/sam2",
    "sam2-lite": "https://github.com/pablopigue/sam2-lite",
    "davis2017-evaluation": "https://github.com/davisvideochallenge/davis2017-evaluation",
    "DAVIS website": "https://davischallenge.org/davis2017/soa_compare.html",
}


class Measure(StrEnum):
    """What a published number measures."""

    JF = "J&F"
    AGREEMENT = "agreement with the sample submission"


@dataclass(frozen=True)
class ReferenceRow:
    """One published result. The seven figures and `agreement` are fractions, None where not published.

    A number that was not computed against ground truth is never J&F: it stands in `agreement`, and `jf_mean` is None.
    `seconds` are those of segmenting the whole split on `gpus` GPUs.
    """

    dataset: str
    model: str
    checkpoint_family: str
    memory_size: int | None
    memory_mode: str | None
    jf_mean: float | None
    j_mean: float | None
    j_recall: float | None
    j_decay: float | None
    f_mean: float | None
    f_recall: float | None
    f_decay: float | None
    agreement: float | None
    seconds: float | None
    gpus: int | None
    gpu_name: str
    kind: str
    target: bool
    source: str

    @property
    def measure(self) -> Measure:
        """What this row's number is."""
        return Measure.AGREEMENT if self.agreement is not None else Measure.JF

    @property
    def score(self) -> float:
        """The row's number, whatever it measures: say `measure` beside it."""
        value = self.agreement if self.agreement is not None else self.jf_mean
        assert value is not None  # the loader takes no row without one
        return value

    @property
    def link(self) -> str | None:
        """Address of the source, where it has one."""
        return _LINKS.get(self.source)

    @property
    def model_name(self) -> str | None:
        """The registered model with the same released weights (`sam2_hiera_large`), None where there is none."""
        version = {"SAM 2": "2", "SAM 2.1": "2.1"}.get(self.checkpoint_family)
        plain = self.model in ("tiny", "small", "base_plus", "large")
        return f"sam{version}_hiera_{self.model}" if version and plain else None

    @property
    def label(self) -> str:
        """Short name for tables and legends: `SAM 2 large N=7 (user's report)`."""
        name = f"{self.checkpoint_family} {self.model}".strip()
        size = "" if self.memory_size is None else f" N={self.memory_size}"
        return f"{name}{size} ({self.source})"

    @property
    def why_no_target(self) -> str | None:
        """Why a run should not be held against this row; None where it may."""
        if self.target:
            return None
        if self.agreement is not None:
            return (
                "MOSE valid has annotations of its first frames only: this is agreement with the challenge's sample "
                "submission, which is somebody's prediction, and not J&F."
            )
        if self.checkpoint_family == "SAM 2 paper":
            return (
                "The weights behind the SAM 2 paper's Table 6 were not released: no released checkpoint can be "
                "expected to reach this number."
            )
        return "The source gives no weights or settings with which this number could be reached."

    def is_on(self, dataset: str, split: str) -> bool:
        """Whether the row was measured on this dataset and split as a run names them (letter case does not matter).

        The agreement rows are on MOSE's videos, but measure something else: see `measure`.
        """
        base = self.dataset.split(f" {SAMPLE_SUBMISSION}")[0]
        name, splits = _DATASETS[base]
        return dataset.casefold() == name.casefold() and split.casefold() in splits


@lru_cache(maxsize=1)
def reference_rows() -> tuple[ReferenceRow, ...]:
    """All published rows, in the table's order. Raises InputError when the table is damaged, naming its line."""
    return read_reference_rows(TABLE)


def read_reference_rows(path: Path) -> tuple[ReferenceRow, ...]:
    """Rows of a table like `published_scores.csv`. Raises InputError naming file and line for what is wrong."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
    except OSError as error:
        raise InputError(f"The table of published scores {path} cannot be read ({error}): restore it.") from error
    rows = []
    for number, line in enumerate(lines, start=2):
        try:
            rows.append(_row(line))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{path}, line {number} is no row of published scores: {error!r}.") from error
    return tuple(rows)


def _row(line: dict[str, str]) -> ReferenceRow:
    figures = {name: _number(line[name]) for name in FIGURES}
    if figures["jf_mean"] is None:
        raise ValueError("it has no score")
    agreement = None
    if SAMPLE_SUBMISSION in line["dataset"]:
        agreement = figures["jf_mean"]
        figures = dict.fromkeys(FIGURES)
    if line["dataset"].split(f" {SAMPLE_SUBMISSION}")[0] not in _DATASETS:
        raise ValueError(f"unknown dataset {line['dataset']!r}")
    if line["target"] not in ("yes", "no"):
        raise ValueError(f"target is {line['target']!r}, not yes or no")
    memory_size, gpus = _number(line["memory_size"]), _number(line["gpus"])
    return ReferenceRow(
        dataset=line["dataset"],
        model=line["model"],
        checkpoint_family=line["checkpoint_family"],
        memory_size=None if memory_size is None else int(memory_size),
        memory_mode=line["memory_mode"] or None,
        **figures,
        agreement=agreement,
        seconds=_number(line["seconds"]),
        gpus=None if gpus is None else int(gpus),
        gpu_name=line["gpu_name"],
        kind=line["kind"],
        target=line["target"] == "yes",
        source=line["source"],
    )


def _number(text: str) -> float | None:
    return float(text) if text else None
