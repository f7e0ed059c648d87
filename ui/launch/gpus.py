"""Which GPUs a launch may use, and how many workers on each; asked only where there is one."""

from __future__ import annotations

import streamlit as st

from ui.launch.start import first, key_of
from vos_core.gpus import MOST_WORKERS_PER_GPU, Placement, visible_gpus, workers_per_gpu


def gpu_choice() -> Placement:
    """Draw the choice; everything that may be used where there is nothing to choose."""
    gpus = {gpu.id: gpu.name for gpu in visible_gpus()}
    if not gpus:
        return Placement()
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    chosen = left.multiselect(
        "GPUs",
        list(dict.fromkeys([*gpus, *first().gpus])),  # what is not here, the plan refuses
        default=first().gpus,
        format_func=lambda gpu: f"{gpu}: {gpus.get(gpu, 'not here')}",
        placeholder="All of them",
        key=key_of("gpus"),
    )
    default = workers_per_gpu()
    workers = right.number_input(
        "Workers a GPU",
        min_value=1,
        max_value=MOST_WORKERS_PER_GPU,
        value=first().workers if 1 <= first().workers <= MOST_WORKERS_PER_GPU else default,
        key=key_of("workers-per-gpu"),
        help="Two may fill a big GPU better than one; each holds the model's weights and a video's memory.",
    )
    return Placement(tuple(chosen), 0 if workers == default else int(workers))
