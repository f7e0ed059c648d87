"""What the Launch page lets a person ask of SAM 2 beside its memory: one line a knob."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from ui.launch.start import first, key_of
from vos_core.errors import InputError
from vos_core.models.sam2_options import OPTIONS, POINTERS, STRIDE

_TICKS = (
    ("per_obj_png_file", "One PNG an object"),
    ("track_object_appearing_later_in_video", "Later objects"),
    ("use_all_masks", "All masks"),
    ("apply_postprocessing", "Postprocessing"),
    ("exact", "Exact"),
    ("compile", "Compile"),
)
_ON_CPU = ("device", "cpu")


def sam2_options() -> tuple[tuple[str, Any], ...]:
    """Draw the options; returns (name, value) pairs of those that differ from their defaults, sorted.

    Raises InputError for further options that cannot be read.
    """
    values: dict[str, Any] = {}
    asked = {**{name: option.default for name, option in OPTIONS.items()}, **dict(first().options)}
    if st.checkbox(
        "**On the CPU**: run SAM 2 without a GPU; a frame takes seconds there, so this is for trying things out",
        value=asked["device"] == "cpu",
        key=key_of("cpu"),
    ):
        values["device"] = "cpu"
    with st.expander("Options of SAM 2", key="launch-options"):
        for name, title in _TICKS:
            values[name] = st.checkbox(
                f"**{title}**: {OPTIONS[name].line}", value=asked[name], key=key_of(f"option-{name}")
            )
        threshold = OPTIONS["score_thresh"]
        values["score_thresh"] = st.number_input(
            f"**Threshold**: {threshold.line}",
            min_value=threshold.least,
            max_value=threshold.most,
            value=float(asked["score_thresh"]),
            step=0.1,
            key=key_of("option-score_thresh"),
        )
        for name, title, example in (
            ("checkpoint", "Own checkpoint", "/path/to/tuned.pt, of the same architecture as the chosen model"),
            ("config", "Own config", "configs/sam2/sam2_hiera_b+.yaml, or /path/to/mine.yaml"),
        ):
            text = st.text_input(
                f"**{title}**: {OPTIONS[name].line}",
                value=asked[name] or "",
                placeholder=example,
                key=key_of(f"option-{name}"),
            )
            values[name] = text.strip() if text and text.strip() else None
        more = st.text_input(
            "**Further options**: NAME=VALUE, parted by spaces",
            value=_further_text(asked),
            placeholder="image_size=512 objects_at_once=2",
            key=key_of("option-more"),
            help="  \n".join(f"**{name}**: {OPTIONS[name].line}" for name in _further()),
        )
        values.update(_parsed(more or ""))
    return tuple(sorted((name, value) for name, value in values.items() if value != OPTIONS[name].default))


def _further_text(asked: Mapping[str, Any]) -> str:
    """Options that have no widget of their own, as they are typed."""
    more = [name for name in _further() if asked[name] != OPTIONS[name].default and (name, asked[name]) != _ON_CPU]
    return " ".join(f"{name}={asked[name]}" for name in more)


def _further() -> list[str]:
    """Options that have no widget of their own; stride and pointers stand beside the memory sizes."""
    own = {STRIDE, POINTERS, "score_thresh", "checkpoint", "config", *(name for name, _ in _TICKS)}
    return [name for name in OPTIONS if name not in own]


def _parsed(text: str) -> dict[str, Any]:
    values = {}
    for pair in text.split():
        name, equals, value = pair.partition("=")
        if not equals or name not in _further():
            raise InputError(
                f"Further options: {pair!r} is none; write NAME=VALUE with one of {', '.join(_further())}."
            )
        values[name] = OPTIONS[name].parse(value)
    return values
