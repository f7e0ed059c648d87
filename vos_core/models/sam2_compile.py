"""SAM 2's image encoder, compiled: the part whose shapes never change, and the larger part of a frame's time.

The memory attention is left as it is: it attends to another number of tokens on each of a video's first frames and for
each number of objects, and would be compiled anew for them.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import torch

from vos_core.errors import VosLabError

if TYPE_CHECKING:
    from sam2.sam2_video_predictor import SAM2VideoPredictor


def warm_up(predictor: SAM2VideoPredictor, frames: int, mode: AbstractContextManager[None]) -> float:
    """Compile the image encoder for a batch of so many frames, in the `mode` that they will run in.

    Returns the seconds that it took.
    Raises VosLabError when this machine cannot compile (no C++ compiler, a GPU that Triton does not know).
    """
    side = predictor.image_size
    began = time.perf_counter()
    try:
        with mode:
            if predictor.image_encoder._compiled_call_impl is None:
                # The position codes that the encoder keeps are made on its first call: compiled before that, it would
                # be compiled once more after it.
                predictor.image_encoder(torch.zeros(1, 3, side, side, device=predictor.device))
                predictor.image_encoder.compile(dynamic=False, fullgraph=True)
            predictor.forward_image(torch.zeros(frames, 3, side, side, device=predictor.device))
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # torch's compiler and what it calls raise what they like
        reason = str(error).strip().partition("\n")[0]
        raise VosLabError(
            f"The image encoder cannot be compiled on this machine ({type(error).__name__}: {reason}): run without the "
            f"option compile, or install a C++ compiler (apt-get install g++)."
        ) from error
    if predictor.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began
