"""What makes SAM 2 ready before its first video: its image encoder compiled, and a blank clip to try it out on.

Only the image encoder is compiled: the part whose shapes never change, and the larger part of a frame's time. Memory
attention is left as it is: it attends to another number of tokens on each of a video's first frames and for each number
of objects, and would be compiled anew for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from vos_core.errors import VosLabError
from vos_core.models.base import LabelMap, Picture
from vos_core.models.device_failures import is_device_lost, is_out_of_memory

if TYPE_CHECKING:
    from sam2.sam2_video_predictor import SAM2VideoPredictor

COMPILATIONS = 64  # that a process may hold: two an encoder, for the prompts' single frame and for a batch


@dataclass
class BlankClip:
    """A `Clip` of black frames as large as DAVIS's."""

    length: int
    name: str = "(warm-up)"
    height: int = 480
    width: int = 854
    paths: Sequence[Any] = ()

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Picture:
        return np.zeros((self.height, self.width, 3), np.uint8)

    def __iter__(self) -> Iterator[Picture]:
        return (self[index] for index in range(self.length))

    def prompt(self) -> LabelMap:
        """One object in its middle."""
        labels = np.zeros((self.height, self.width), np.uint8)
        labels[self.height // 3 : 2 * self.height // 3, self.width // 3 : 2 * self.width // 3] = 1
        return labels


def compile_encoder(predictor: SAM2VideoPredictor, frames: int, mode: AbstractContextManager[None]) -> None:
    """Compile the image encoder for a batch of so many frames, in the `mode` that they will run in.

    Raises VosLabError when this machine cannot compile (no C++ compiler, a GPU that Triton does not know); what the
    device itself refuses is raised as torch does.
    """
    side = predictor.image_size
    with mode:
        first = predictor.image_encoder._compiled_call_impl is None
        if first:
            # The position codes that the encoder keeps are made on its first call: compiled before that, it would be
            # compiled once more after it.
            predictor.image_encoder(torch.zeros(1, 3, side, side, device=predictor.device))
        try:
            if first:
                _make_room()
                predictor.image_encoder.compile(dynamic=False, fullgraph=True)
            predictor.forward_image(torch.zeros(frames, 3, side, side, device=predictor.device))
        except Exception as error:  # torch's compiler and what it calls raise what they like
            if isinstance(error, RuntimeError) and (is_out_of_memory(error) or is_device_lost(error)):
                raise
            reason = str(error).strip().partition("\n")[0]
            raise VosLabError(
                f"The image encoder cannot be compiled on this machine ({type(error).__name__}: {reason}): run without "
                f"the option compile, or install a C++ compiler (apt-get install g++)."
            ) from error


def _make_room() -> None:
    """Let a process compile as many encoders as its runs ask for, one after the other.

    torch counts compilations by their code, which all encoders of a process share, and refuses the ninth: a worker's
    fifth model or image size.
    """
    from torch._dynamo import config

    name = "recompile_limit" if hasattr(config, "recompile_limit") else "cache_size_limit"  # its name in torch 2.5
    setattr(config, name, max(getattr(config, name), COMPILATIONS))
