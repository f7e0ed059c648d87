"""Where a run's figures come from: its settings, where its time went, and its provenance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from db.models import Run, VideoTask
from ui.run.timings import timings
from ui.theme import facts
from ui.wording import run_title, settings_of
from vos_core.home import Home
from vos_core.runs import AGAINST, IMPORTED


def background(run: Run, tasks: Sequence[VideoTask], home: Home) -> None:
    """Settings, timings by stage and provenance, side by side."""
    with st.container(key="background"):
        first, second, third = st.columns(3, gap="medium")
    with first, st.container(border=True, height="stretch"):
        st.subheader("Settings", anchor=False)
        facts(_settings(run, home))
    with second, st.container(border=True, height="stretch"):
        timings(run, tasks)
    with third, st.container(border=True, height="stretch"):
        st.subheader("Provenance", anchor=False)
        pairs = _flat(run.provenance)
        if pairs:
            facts(pairs)
        else:
            st.caption("Known when the first video is done.")


def _settings(run: Run, home: Home) -> list[tuple[str, str]]:
    settings = settings_of(run)
    pairs = [
        ("Run", run_title(run)),
        ("Dataset", f"{run.dataset} · {run.split}"),
        ("Dataset folder", str(home.locate(run.dataset_path))),
        ("Model", run.model),
    ]
    if run.memory_size is not None:
        pairs.append(("Memory size", "0 (memory off)" if run.memory_size == 0 else str(run.memory_size)))
    if run.memory_mode:
        pairs.append(("Memory mode", run.memory_mode.replace("_", " ")))
    pairs += [(name, str(value)) for name, value in settings.options if name not in (IMPORTED, AGAINST)]
    if run.reference:
        pairs.append(("Held against", str(home.locate(run.reference))))
    if run.predictions != run.folder:
        pairs.append(("Masks", str(home.locate(run.predictions))))
    pairs.append(("Videos", ", ".join(settings.videos) if settings.videos else "the whole split"))
    pairs += [("Folder", str(home.locate(run.folder))), ("Fingerprint", run.fingerprint)]
    if run.tags:
        pairs.append(("Tags", ", ".join(run.tags)))
    if run.notes:
        pairs.append(("Notes", run.notes))
    return pairs


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, dict):
            pairs += _flat(value, f"{prefix}{name} ")
        elif value not in (None, "", [], {}):
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            pairs.append((f"{prefix}{name}".replace("_", " "), text))
    return pairs
