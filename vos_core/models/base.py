"""What a model is to the rest of the house: frames and a prompt in, one label map a frame out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

LabelMap = npt.NDArray[np.uint8]  # (H, W): 0 background, 1..K objects
ObjectMasks = dict[int, npt.NDArray[np.bool_]]  # object id -> (H, W); objects may overlap
Picture = npt.NDArray[np.uint8]  # (H, W, 3) RGB


class Clip(Protocol):
    """The frames of one video as a model sees them; `vos_core.inference` decodes them ahead by a thread."""

    name: str
    height: int
    width: int

    def __len__(self) -> int:
        """Number of frames."""

    def __iter__(self) -> Iterator[Picture]:
        """Frames in time order, uint8 RGB (H, W, 3)."""

    def __getitem__(self, index: int) -> Picture:
        """One frame by index; cheap for the frames near the one that was asked for last."""

    @property
    def paths(self) -> Sequence[Any]:
        """The frame files, in time order."""


class Segmenter(Protocol):
    """A loaded model, kept warm by its worker across videos."""

    def segment(self, clip: Clip, prompts: Mapping[int, LabelMap]) -> Iterator[LabelMap]:
        """Carry the prompted objects through the clip.

        Args:
            clip: the frames.
            prompts: frame index -> label map (H, W) uint8 of that frame's annotation (void already 0). Semi-supervised
                VOS gives frame 0 only.

        Yields:
            one label map (H, W) uint8 per frame, frame 0 first; ids are those of the prompts.
        """

    def facts(self) -> dict[str, Any]:
        """What provenance should tell of the loaded model beside its settings (precision, ...); JSON values."""

    def close(self) -> None:
        """Free what the model holds (device memory, threads)."""


class ObjectSegmenter(Segmenter, Protocol):
    """A segmenter that can keep objects apart, so that their masks may overlap."""

    def segment_objects(self, clip: Clip, prompts: Mapping[int, ObjectMasks]) -> Iterator[ObjectMasks]:
        """As `segment`, with masks by object id in and out; every frame gives all objects."""
