"""Does a run reproduce the published scores? Its seven figures beside theirs, and one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from vos_core.analysis.curves import agreeing_sizes
from vos_core.analysis.summaries import RunSummary, chosen_videos, run_devices, telling_options
from vos_core.downloads.catalogue import SAM2_CHECKPOINTS
from vos_core.models.registry import MODELS
from vos_core.reference import FIGURES, ReferenceRow, reference_rows

TOLERANCE = 0.002
"""Fraction of J&F: GPUs and library versions that round differently change some masks, and J&F by less than this."""

SPLIT_SIZES = {"DAVIS 2017 val": (30, 61)}
"""Videos and objects of the splits with published figures (Pont-Tuset et al., arXiv 1704.00675, table 1)."""

_FAMILY = "sam2"
_KIND = "user"
_ROUNDED = 5e-4  # half of the last digit of a figure published with three decimals


class Outcome(StrEnum):
    """What the check says."""

    PASS = "pass"
    DIFFERS = "differs"
    NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True)
class FigureCheck:
    """One official figure: published and ours, fractions, None where there is none."""

    name: str
    published: float | None
    ours: float | None

    @property
    def difference(self) -> float | None:
        """Ours minus published."""
        return None if self.published is None or self.ours is None else self.ours - self.published


@dataclass(frozen=True)
class Verdict:
    """Outcome, the sentence that says it, the reasons where it is not comparable, and the figures side by side.

    `figures` has the seven figures in the official order whenever there is a published row of the run's split, model
    and memory size; `tolerance` is that of J&F, which alone decides.
    """

    run: str
    outcome: Outcome
    sentence: str
    reasons: tuple[str, ...]
    figures: tuple[FigureCheck, ...]
    reference: ReferenceRow | None
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the run reproduces the published J&F."""
        return self.outcome is Outcome.PASS


def verify(
    run: RunSummary, references: Sequence[ReferenceRow] | None = None, *, tolerance: float = TOLERANCE
) -> Verdict:
    """Hold a finished SAM 2.0 run on DAVIS 2017 val against the users' published figures (default: `reference_rows`).

    At the trained memory size 7 both memory modes compute the same, so that either may be held against them; at
    smaller ones the mode must be the published one, and J&F alone is published, with three decimals.
    """
    rows = reference_rows() if references is None else references
    known = [row for row in rows if row.kind == _KIND and row.target]
    reference = _published(run, known)
    reasons = (
        *_wrong_model(run, known),
        *_wrong_videos(run, known),
        *_wrong_memory(run, known),
        *_wrong_options(run),
        *_unfinished(run),
    )
    figures = _figures(run, reference)
    if reasons or reference is None or run.jf_mean is None or reference.jf_mean is None:
        told = f"Not comparable with the published figures: {'; '.join(reasons)}."
        return Verdict(run.name, Outcome.NOT_COMPARABLE, told, reasons, figures, reference, tolerance)
    difference = run.jf_mean - reference.jf_mean
    allowed = tolerance + (_ROUNDED if _has_three_decimals(reference.jf_mean) else 0)
    passed = abs(difference) <= allowed
    side = "above" if difference >= 0 else "below"
    numbers = (
        f"J&F {run.jf_mean:.4f} is {abs(difference):.4f} {side} the published {reference.jf_mean:.4f} "
        f"({reference.label})"
    )
    if passed:
        told = f"Pass: {numbers}, within the tolerance of {allowed:g}."
    else:
        on = f" on {', '.join(run_devices(run))}" if run_devices(run) else ""
        told = (
            f"Differs: {numbers}, more than the tolerance of {allowed:g}. The settings are the published ones{on}: "
            f"compare the package versions in the run's provenance, and its annotations and frames with DAVIS's own."
        )
    return Verdict(run.name, Outcome.PASS if passed else Outcome.DIFFERS, told, (), figures, reference, tolerance)


def _published(run: RunSummary, known: Sequence[ReferenceRow]) -> ReferenceRow | None:
    """The row of the run's split, model and memory size."""
    on_split = [row for row in known if row.is_on(run.dataset, run.split)]
    rows = (row for row in on_split if row.model_name == run.model and row.memory_size == run.memory_size)
    return next(rows, None)


def _wrong_model(run: RunSummary, known: Sequence[ReferenceRow]) -> list[str]:
    spec = MODELS.get(run.model)
    if spec is None or not spec.family.startswith(_FAMILY):
        return [f"they are of SAM 2.0 models, and {run.model} is none"]
    if spec.family != _FAMILY:
        return [f"they are of SAM 2.0 checkpoints, and {run.model} is {spec.title}"]
    models = sorted({row.model_name for row in known if row.model_name})
    if run.model not in models:
        return [f"there is none for {run.model}, only for {' and '.join(models) or 'no model'}"]
    sha256 = str(run.provenance.get("checkpoint_sha256") or "").lower()
    if sha256 and sha256 != SAM2_CHECKPOINTS[run.model][2]:
        return [f"its weights are not the released {run.model}.pt (SHA-256 {sha256[:12]}...)"]
    return []


def _wrong_videos(run: RunSummary, known: Sequence[ReferenceRow]) -> list[str]:
    names = sorted({row.dataset for row in known if row.is_on(run.dataset, run.split)})
    if not names:
        published = " and ".join(sorted({row.dataset for row in known})) or "no dataset"
        return [f"they are of {published}, and this run is on {run.dataset} {run.split}"]
    videos, objects = SPLIT_SIZES.get(names[0], (run.videos, run.objects))
    if chosen_videos(run) or run.videos < videos:
        return [f"{names[0]} has {videos} videos, and this run only {run.videos}"]
    if (run.videos, run.objects) != (videos, objects):
        return [
            f"{names[0]} has {videos} videos with {objects} objects, and this run's dataset {run.videos} with "
            f"{run.objects}"
        ]
    return []


def _wrong_memory(run: RunSummary, known: Sequence[ReferenceRow]) -> list[str]:
    rows = [row for row in known if row.model_name == run.model]
    if not rows:
        return []  # there is no published figure for the model at all, which is said already
    at_size = [row for row in rows if row.memory_size == run.memory_size]
    if not at_size:
        return [f"there is none for memory size {run.memory_size}"]
    if run.memory_size in agreeing_sizes(run.model) or run.memory_mode in {row.memory_mode for row in at_size}:
        return []
    mode = at_size[0].memory_mode
    return [f"at memory size {run.memory_size} they are of memory mode {mode}, and this run is {run.memory_mode}"]


def _wrong_options(run: RunSummary) -> list[str]:
    found = []
    if options := telling_options(run):
        text = ", ".join(f"{name}={value}" for name, value in options)
        found.append(f"they are of the default options, and this run has {text}")
    if run.score_kind != "official":
        kinds = {
            "agreement": "its scores are agreement with other predictions, not J&F",
            "leaked": "its prompts leak the annotations that it is scored against",
        }
        found.append(kinds.get(run.score_kind, f"its scores are {run.score_kind}"))
    return found


def _unfinished(run: RunSummary) -> list[str]:
    if run.state != "done" or run.videos_done < run.videos:
        return [f"the run is not finished ({run.state}, {run.videos_done} of {run.videos} videos)"]
    if run.jf_mean is None and run.score_kind == "official":
        return ["the run has no scores yet"]
    return []


def _figures(run: RunSummary, reference: ReferenceRow | None) -> tuple[FigureCheck, ...]:
    if reference is None:
        return ()
    return tuple(FigureCheck(name, getattr(reference, name), getattr(run, name)) for name in FIGURES)


def _has_three_decimals(value: float) -> bool:
    return round(value, 3) == value
