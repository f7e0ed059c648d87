"""How long SAM 2 takes on a CPU: for the sentence that refuses a launch nobody would wait for."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from vos_core.cores import usable_cores
from vos_core.runs import RunSettings

# Core-seconds a frame at 1024 px: (image encoder, each object), once the memory holds its seven frames. Measured with
# random weights of SAM 2.1, one thread, float32, clips of 480 x 854 with one and with three objects, on a shared 2-core
# cloud machine in November 2026 (torch 2.13.0). Other processors differ by a factor of two or so.
CORE_SECONDS = {"tiny": (3.5, 5.5), "small": (3.5, 5.5), "base_plus": (9.0, 5.5), "large": (24.0, 5.0)}
MEASURED_SIDE = 1024

VideoSeconds = Callable[[str, int, int], float | None]
"""(model, frames, objects) -> seconds of one video on this machine's CPU, as past runs took; None: not known."""


def cpu_seconds(
    runs: Iterable[tuple[RunSettings, Iterable[tuple[int, int]]]], workers: int, past: VideoSeconds | None = None
) -> float:
    """Seconds that SAM 2 runs would take on the CPU.

    Args:
        runs: settings, and (frames, objects) of each video.
        workers: CPU workers, each of which does a video at a time.
        past: this machine's own pace; `CORE_SECONDS` over its cores counts where there is none.
    """
    cores = usable_cores()
    seconds = 0.0
    for settings, videos in runs:
        size = settings.model.partition("_hiera_")[2]
        encoder, each = CORE_SECONDS.get(size, CORE_SECONDS["large"])
        # Both the encoder and the memory attention are about linear in the pixels.
        scale = (settings.option("image_size", MEASURED_SIDE) / MEASURED_SIDE) ** 2
        for frames, objects in videos:
            told = past(settings.model, frames, objects) if past and scale == 1 else None
            if told is not None:
                seconds += told / workers
            else:
                seconds += scale * frames * (encoder + each * objects) / cores
    return seconds
