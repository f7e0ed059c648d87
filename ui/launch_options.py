"""What the Launch page lets a person ask of SAM 2 beside its memory: one line a knob."""

from __future__ import annotations

from typing import Any

import streamlit as st

from vos_core.models.sam2_options import OPTIONS

_TICKS = (
    ("per_obj_png_file", "One PNG an object"),
    ("track_object_appearing_later_in_video", "Later objects"),
    ("use_all_masks", "All masks"),
    ("apply_postprocessing", "Postprocessing"),
    ("exact", "Exact"),
    ("compile", "Compile"),
)


def sam2_options() -> tuple[tuple[str, Any], ...]:
    """Draw the options; returns (name, value) pairs of those that differ from their defaults, sorted."""
    values: dict[str, Any] = {}
    if st.checkbox(
        "**On the CPU**: run SAM 2 without a GPU; a frame takes seconds there, so this is for trying things out",
        key="launch-cpu",
    ):
        values["device"] = "cpu"
    with st.expander("Options of SAM 2", key="launch-options"):
        for name, title in _TICKS:
            values[name] = st.checkbox(f"**{title}**: {OPTIONS[name].line}", key=f"launch-option-{name}")
        threshold = OPTIONS["score_thresh"]
        values["score_thresh"] = st.number_input(
            f"**Threshold**: {threshold.line}",
            min_value=threshold.least,
            max_value=threshold.most,
            value=threshold.default,
            step=0.1,
            key="launch-option-score_thresh",
        )
        for name, title, example in (
            ("checkpoint", "Own checkpoint", "/path/to/tuned.pt, of the same architecture as the chosen model"),
            ("config", "Own config", "configs/sam2/sam2_hiera_b+.yaml, or /path/to/mine.yaml"),
        ):
            text = st.text_input(f"**{title}**: {OPTIONS[name].line}", placeholder=example, key=f"launch-option-{name}")
            values[name] = text.strip() if text and text.strip() else None
    return tuple(sorted((name, value) for name, value in values.items() if value != OPTIONS[name].default))
