"""What a model is prompted with: the annotations of a video that a run may see, as label maps or masks by object."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import TypeVar

import numpy as np

from vos_core.datasets.layout import Video
from vos_core.errors import InputError
from vos_core.masks import VOID, MissingMask, read_mask
from vos_core.models.base import LabelMap, ObjectMasks
from vos_core.per_object import join, labels_of, object_folders, read_per_object

P = TypeVar("P")


class Prompting(StrEnum):
    """Which annotations are shown to the model."""

    FIRST_FRAME = "first_frame"  # semi-supervised VOS
    FIRST_OF_EACH_OBJECT = "first_of_each_object"  # objects may appear later (LVOS, YouTube-VOS)
    EVERY_ANNOTATION = "every_annotation"  # leaks what the masks are scored against


def read_prompts(video: Video, prompting: Prompting = Prompting.FIRST_FRAME) -> dict[int, LabelMap]:
    """Frame index -> label map uint8 (H, W), void removed, of the annotations that `prompting` shows.

    Annotations in a folder an object are joined (the lower id wins where they overlap, labels as `labels_of`). Raises
    InputError when the first frame is needed and has no annotation, or when no object is to be seen at all.
    """
    if video.per_object is None:
        return _chosen(video, prompting, _label_maps(video))
    labels = labels_of(object_folders(video.per_object))
    return {index: join(masks, labels) for index, masks in read_object_prompts(video, prompting).items()}


def read_object_prompts(video: Video, prompting: Prompting = Prompting.FIRST_FRAME) -> dict[int, ObjectMasks]:
    """As `read_prompts`, apart: frame index -> object id -> mask bool (H, W); objects may overlap.

    Ids are those of the object folders, or the labels of a dataset that has label maps.
    """
    if video.per_object is None:
        maps = read_prompts(video, prompting)
        return {index: {int(k): labels == k for k in np.unique(labels) if k} for index, labels in maps.items()}
    ids = set(object_folders(video.per_object))
    prompts: dict[int, ObjectMasks] = {}
    seen: set[int] = set()
    for index, masks in _object_masks(video):
        if prompting is Prompting.FIRST_OF_EACH_OBJECT:
            masks = {k: mask for k, mask in masks.items() if k not in seen and mask.any()}
        elif prompting is Prompting.FIRST_FRAME and set(masks) != ids:
            missing = ", ".join(str(object_folders(video.per_object)[k]) for k in sorted(ids - set(masks)))
            raise _no_prompt(video, f"which has no mask in {missing}")
        if masks:
            prompts[index] = masks
        seen |= set(masks)
        if _is_enough(prompting, seen, ids):
            break
    return _checked(video, prompting, prompts)


def _chosen(video: Video, prompting: Prompting, maps: Iterator[tuple[int, LabelMap]]) -> dict[int, LabelMap]:
    prompts: dict[int, LabelMap] = {}
    seen: set[int] = set()
    for index, labels in maps:
        if prompting is Prompting.FIRST_OF_EACH_OBJECT:
            new = sorted({int(k) for k in np.unique(labels)} - seen - {0})
            if not new:
                continue
            labels = np.where(np.isin(labels, new), labels, 0).astype(np.uint8)
            seen.update(new)
        prompts[index] = labels
        if prompting is Prompting.FIRST_FRAME:
            break
    return _checked(video, prompting, prompts)


def _is_enough(prompting: Prompting, seen: set[int], ids: set[int]) -> bool:
    return prompting is Prompting.FIRST_FRAME or (prompting is Prompting.FIRST_OF_EACH_OBJECT and seen >= ids)


def _checked(video: Video, prompting: Prompting, prompts: dict[int, P]) -> dict[int, P]:
    if prompting is Prompting.FIRST_FRAME and 0 not in prompts:
        raise _no_prompt(video, "which has no annotation")
    if not prompts:
        raise InputError(f"Video {video.name}: no annotation of it shows an object, so there is nothing to track.")
    return prompts


def _no_prompt(video: Video, reason: str) -> InputError:
    return InputError(
        f"Video {video.name}: its first frame cannot prompt the model, {reason}. Where objects appear later in the "
        "video (LVOS, YouTube-VOS), SAM 2 has the option track_object_appearing_later_in_video."
    )


def _label_maps(video: Video) -> Iterator[tuple[int, LabelMap]]:
    for index, stem in enumerate(video.stems):
        if stem in video.annotations:
            labels = read_mask(video.annotations[stem])
            labels[labels == VOID] = 0
            yield index, labels


def _object_masks(video: Video) -> Iterator[tuple[int, ObjectMasks]]:
    assert video.per_object is not None
    for index, stem in enumerate(video.stems):
        try:
            yield index, read_per_object(video.per_object, stem)
        except MissingMask:
            if index == 0:
                yield 0, {}
