"""MOSEv2's J&F-dot of runs, beside the official figures: which runs get it unasked, and the form it is kept in."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any

from vos_core.evaluation.dot import DotVideoScores
from vos_core.metrics.dot import DotStatistics, dot_scores
from vos_core.models.sam2_options import LATER
from vos_core.runs import RunSettings

DOT_FIGURES = {
    "J&F-dot": "jf_dot",
    "J-dot": "j",
    "F-dot": "f_dot",
    "J&F-dot-d": "jf_gone",
    "J&F-dot-r": "jf_back",
}
"""Names of the figures, as they are stored and shown -> fields of `DotScores`. Its J&F and F, which are nearly DAVIS's
but not quite, stay out: two figures of one name would be mixed up."""


def gets_dot(settings: RunSettings) -> bool:
    """Whether J&F-dot is computed unasked: on MOSEv2, by the dataset's name or a folder of its path."""
    names = (settings.dataset, *PurePosixPath(settings.dataset_path.partition(":")[2]).parts)
    return can_have_dot(settings) and any(re.sub("[^a-z0-9]", "", name.lower()) == "mosev2" for name in names)


def can_have_dot(settings: RunSettings) -> bool:
    """Whether J&F-dot is defined for such a run: prompted by the first frame alone, all objects at once."""
    return not settings.option("use_all_masks", False) and not settings.option(LATER, False)


def dot_objects(scores: DotVideoScores | None) -> tuple[dict[str, Any], ...]:
    """A video's objects as JSON: `object_id` and the fields of `DotStatistics`, None where one is no number."""
    return tuple(
        {"object_id": one.object_id}
        | {name: None if math.isnan(value) else value for name, value in asdict(one.statistics).items()}
        for one in (scores.objects if scores else ())
    )


def dot_figures(objects: Iterable[Mapping[str, Any]]) -> dict[str, float | None] | None:
    """The figures over objects (of a video, of a run) in the form of `dot_objects`; None without an object."""
    rows = [_statistics(row) for row in objects]
    if not rows:
        return None
    scores = dot_scores(rows)
    values = {label: getattr(scores, name) for label, name in DOT_FIGURES.items()}
    return {label: None if math.isnan(value) else value for label, value in values.items()}


def video_dot(objects: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """A video's figures, with its `objects`; None without an object."""
    figures = dot_figures(objects)
    return None if figures is None else {**figures, "objects": list(objects)}


def _statistics(row: Mapping[str, Any]) -> DotStatistics:
    values = {name: math.nan if value is None else value for name, value in row.items() if name != "object_id"}
    return DotStatistics(**values)
