"""What every scorer asks of a prediction before it scores it, and the sentences where that is not so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from vos_core.errors import InputError, PredictionError
from vos_core.masks import MaskError

ExtraObjects = Literal["error", "ignore"]


def prediction_at(video: str, stem: str, source: Path | str | None) -> str:
    """How a sentence about a prediction begins; `source` is the file it came from."""
    return f"Video {video}, frame {stem}: the prediction{f' {source}' if source else ''}"


def read_annotation(video: str, stem: str, read: Callable[[Path], np.ndarray], path: Path) -> np.ndarray:
    """An annotation. Raises InputError naming video and frame when it cannot be read."""
    try:
        return read(path)
    except MaskError as error:
        raise InputError(f"Video {video}, frame {stem}: its annotation is of no use: {error}") from error


def check_size(where: str, prediction: np.ndarray, annotation: np.ndarray) -> None:
    """Raises PredictionError when a prediction has not its annotation's size and type."""
    if prediction.shape != annotation.shape or prediction.dtype != annotation.dtype:
        raise PredictionError(
            f"{where} is {_size(prediction)} but the annotation is {_size(annotation)}: "
            "predictions must have the annotation's size."
        )


def extra_objects_warning(where: str, extra: Sequence[int], known: str, policy: ExtraObjects, hint: str = "") -> str:
    """The warning that `extra` objects of a prediction are ignored; `known` says which the video has.

    Raises PredictionError where the policy is that they are an error; `hint` is added to that.
    """
    told = f"{where} has object {', '.join(map(str, extra))}, but the video has only {known}"
    if policy == "error":
        raise PredictionError(f"{told}{hint}: write only known objects, or ignore others (--extra-objects).")
    return f"{told}: ignored."


def frames_are_missing(stems: Sequence[str]) -> str:
    """`frame 00004 has no prediction`, or the like for many."""
    if len(stems) == 1:
        return f"frame {stems[0]} has no prediction"
    some = ", ".join(stems[:10]) + (f" and {len(stems) - 10} more" if len(stems) > 10 else "")
    return f"{len(stems)} frames have no prediction: {some}"


def require_all(video: str, missing: Sequence[str]) -> None:
    """Raises PredictionError naming the evaluated frames of a video that have no prediction."""
    if missing:
        raise PredictionError(f"Video {video}: {frames_are_missing(missing)}.")


def _size(mask: np.ndarray) -> str:
    if mask.ndim != 2 or mask.dtype not in (np.uint8, np.bool_):
        return f"{mask.dtype} {mask.shape}"
    return f"{mask.shape[1]}x{mask.shape[0]}"
