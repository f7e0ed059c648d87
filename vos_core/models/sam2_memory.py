"""SAM 2's memory size: which position rows a memory of N slots keeps, and which past frames it can still attend to.

Knows no torch at import: the Launch page and the tests ask it too. Source: `sam2_base.py` of facebookresearch/sam2
2b90b9f. There `maskmem_tpos_enc` has one trained row per slot; the prompted frame reads row N - 1 and the frame k steps
back reads row k - 1, so that a smaller N hands the prompted frame a row that was trained to mean "N frames ago".
"""

from __future__ import annotations

from typing import Any

from vos_core.errors import InputError
from vos_core.models.registry import MemoryMode

TRAINED_SLOTS = 7


def check_memory_size(size: int) -> None:
    """Raises InputError when SAM 2 has no trained position rows for `size` slots."""
    if 0 <= size <= TRAINED_SLOTS:
        return
    reason = (
        f"SAM 2 was trained with {TRAINED_SLOTS} memory slots, so slots beyond have no trained position code"
        if size > TRAINED_SLOTS
        else "a memory cannot have a negative number of slots"
    )
    raise InputError(f"Memory size {size} cannot be run: {reason}; choose 0 (memory off) to {TRAINED_SLOTS}.")


def position_rows(size: int, mode: MemoryMode) -> tuple[int, ...]:
    """Trained rows (0..6) that a memory of `size` slots keeps, in slot order; the last one is the prompted frame's.

    Position preserving keeps row 6 for the prompted frame and rows 0..N-2 for the frames 1..N-1 steps back; naive
    takes the first N rows, which is what setting `num_maskmem = N` on a loaded model does. Equal at N = 7.
    """
    check_memory_size(size)
    if size == 0:
        return ()
    if mode is MemoryMode.NAIVE:
        return tuple(range(size))
    return (*range(size - 1), TRAINED_SLOTS - 1)


def memory_frames(frame: int, size: int, stride: int = 1) -> tuple[tuple[int, int], ...]:
    """Past frames that `frame` attends to besides the prompted ones, nearest first, as (steps, index) pairs.

    `steps` k = 1..N-1 says which slot the frame fills (it reads the slot's row k - 1); with a temporal stride above 1
    slot 1 is still the frame before, the others lie on multiples of the stride. Indices may be negative or those of
    frames not yet segmented: such slots stay empty.
    """
    newest = ((frame - 2) // stride) * stride
    return tuple((k, frame - 1 if k == 1 else newest - (k - 2) * stride) for k in range(1, size))


def memory_is_needed(past: int, upcoming: int, size: int, stride: int = 1) -> bool:
    """Whether any frame from `upcoming` on can attend to the spatial memory of the unprompted frame `past`."""
    if size >= 2 and past >= upcoming - 1:
        return True
    if size < 3 or past % stride:
        return False
    return past >= memory_frames(upcoming, size, stride)[-1][1]


def pointer_is_needed(past: int, upcoming: int, pointers: int) -> bool:
    """Whether any frame from `upcoming` on can attend to the object pointer of `past`.

    `pointers` counts the prompted frame, so that the pointers - 1 latest frames are attended to.
    """
    return past > upcoming - max(pointers, 1)


def set_memory_size(predictor: Any, trained_rows: Any, size: int, mode: MemoryMode) -> None:
    """Give a loaded predictor a memory of `size` slots.

    Args:
        predictor: a `SAM2VideoPredictor`.
        trained_rows: its position rows as loaded, (7, 1, 1, C); never changed, so sizes can be set again and again.
        size: 0 (memory off) to 7.
        mode: which row the prompted frame keeps.
    """
    import torch

    rows = list(position_rows(size, mode))
    predictor.maskmem_tpos_enc = torch.nn.Parameter(trained_rows[rows].detach().clone())
    predictor.num_maskmem = size
