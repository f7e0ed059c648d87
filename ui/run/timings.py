"""Where a run's time and memory went, stage by stage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st

from db.models import Run, VideoTask
from ui.theme import facts
from ui.wording import count, duration, run_seconds


def timings(run: Run, tasks: Sequence[VideoTask]) -> None:
    """Draw it; stages with no seconds are shown too: that nothing waited is worth knowing."""
    st.subheader("Timings by stage", anchor=False)
    seconds = run_seconds(run)
    speed = run.frames_done / seconds if seconds else None
    facts(
        [
            ("With a worker on it", duration(seconds)),
            ("Speed", f"{speed:.1f} frames/s" if speed else "–"),
            ("Workers busy", duration(run.busy_s or None)),
            ("Loading and warming", duration(run.load_s or None)),
            ("Decoding", duration(run.decode_s)),
            ("Inference", duration(run.inference_s)),
            ("Waiting for frames", duration(run.wait_s)),
            ("Writing", duration(run.write_s)),
            ("Scoring", duration(run.evaluation_s)),
            ("Computed on", _devices(run)),
            ("Peak GPU memory", _gibibytes(task.peak_gpu_bytes for task in tasks)),
            ("Peak memory of a worker", _gibibytes(task.peak_host_bytes for task in tasks)),
        ]
    )
    st.caption(
        "Stages overlap and are summed over workers, so they may exceed the time with a worker on it. Loading counts "
        "only where a video had to wait for it; speed is over the whole time, loading included."
    )


def _devices(run: Run) -> str:
    gpus: dict[str, str] = run.provenance.get("gpus", {})
    if gpus:
        return f"{count(len(gpus), 'GPU')}: {', '.join(dict.fromkeys(gpus.values()))}"
    return ", ".join(run.provenance.get("devices", [])) or "–"


def _gibibytes(sizes: Iterable[int | None]) -> str:
    known = [size for size in sizes if size]
    return f"{max(known) / 2**30:.2f} GiB" if known else "–"
