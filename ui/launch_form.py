"""The grid form of the Launch page: widgets in, a `Grid` out. Checks nothing itself: `plan_launch` does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from ui.launch_gpus import gpu_choice
from ui.launch_options import sam2_options
from vos_core.datasets import Dataset, open_dataset
from vos_core.errors import InputError
from vos_core.gpus import Placement
from vos_core.home import Home
from vos_core.models.registry import MODE_LINES, MODELS, MemoryMode
from vos_core.models.sam2_options import OPTIONS, POINTERS, STRIDE
from vos_core.runs import Grid

_GROUPS = (
    ("cpu", "No weights needed", "run on any CPU"),
    ("sam2", "SAM 2", "the checkpoints of the paper"),
    ("sam2.1", "SAM 2.1", "the improved checkpoints"),
)
_SIZES = tuple(range(17))
_KNOBS = (
    (STRIDE, "Temporal stride", (1, 2, 3, 4, 6, 8)),
    (POINTERS, "Object pointers", (1, 2, 4, 8, 16)),
)


def grid_form(home: Home, datasets: Mapping[str, Dataset]) -> Grid:
    """Draw the form; returns what is chosen, sensible or not. Raises InputError for an unusable dataset folder."""
    with st.container(border=True, key="form-data"):
        st.subheader("Data", anchor=False)
        chosen = _datasets(datasets)
        places = tuple((dataset.name, home.store(dataset.root), _split(dataset)) for dataset in chosen)
        videos = _videos(chosen, places)
    with st.container(border=True, key="form-models"):
        st.subheader("Models", anchor=False)
        models = _models()
    with st.container(border=True, key="form-memory"):
        st.subheader("Memory", anchor=False)
        sizes, modes = _memory(models)
        strides, pointers = _knobs(models)
    options: tuple[tuple[str, Any], ...] = ()
    placement = Placement()
    if _any_sam2(models):
        with st.container(border=True, key="form-sam2"):
            st.subheader("SAM 2", anchor=False)
            options = sam2_options()
            placement = gpu_choice()
    return Grid(
        datasets=places,
        models=models,
        memory_sizes=sizes,
        memory_modes=modes,
        videos=videos,
        options=options,
        strides=strides,
        pointers=pointers,
        placement=placement,
    )


def _datasets(datasets: Mapping[str, Dataset]) -> list[Dataset]:
    names = st.multiselect(
        "Datasets",
        list(datasets),
        default=list(datasets)[:1],
        key="launch-datasets",
        placeholder="Choose datasets" if datasets else "No dataset in the data folder",
    )
    path = st.text_input(
        "Or any folder in DAVIS layout",
        key="launch-path",
        placeholder="/path/to/DAVIS (JPEGImages, Annotations, ImageSets)",
        help="Used in addition to the datasets chosen above.",
    )
    chosen = [datasets[name] for name in names]
    if path and path.strip():
        chosen.append(open_dataset(path.strip()))
    return chosen


def _split(dataset: Dataset) -> str:
    splits = dataset.splits
    if len(splits) == 1:
        return splits[0]
    return str(
        st.selectbox(
            f"Split of {dataset.name}",
            splits,
            index=splits.index(dataset.default_split),
            key=f"launch-split-{dataset.root}",
        )
    )


def _videos(chosen: list[Dataset], places: tuple[tuple[str, str, str], ...]) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for dataset, (_, _, split) in zip(chosen, places):
        try:
            names.update(dict.fromkeys(dataset.video_names(split)))
        except InputError:
            continue  # the plan tells it
    return tuple(st.multiselect("Videos", list(names), key="launch-videos", placeholder="All videos of the split"))


def _models() -> tuple[str, ...]:
    models: list[str] = []
    for family, label, note in _GROUPS:
        names = [name for name, spec in MODELS.items() if spec.family == family]
        models += (
            st.pills(
                f"{label}: {note}",
                names,
                selection_mode="multi",
                default=names if family == "cpu" else None,
                format_func=lambda name: MODELS[name].title,
                key=f"launch-models-{family}",
            )
            or []
        )
    for name in models:
        if MODELS[name].family == "cpu":
            st.caption(f"**{MODELS[name].title}**: {MODELS[name].description}.")
    return tuple(models)


def _memory(models: tuple[str, ...]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    if not any(MODELS[name].has_memory for name in models):
        st.caption("None of the chosen models has a memory: each of them runs once.")
        return (), (MemoryMode.POSITION_PRESERVING.value,)
    sizes = st.pills(
        "Memory sizes N: one prompted frame and the N-1 latest frames",
        _SIZES,
        selection_mode="multi",
        default=[1, 2, 3, 5, 7],
        format_func=lambda size: "0 (memory off)" if size == 0 else str(size),
        key="launch-sizes",
    )
    modes = [MemoryMode.POSITION_PRESERVING.value]
    if any(MODELS[name].memory_modes for name in models):
        modes = st.pills(
            "Memory mode of SAM 2",
            [mode.value for mode in MODE_LINES],
            selection_mode="multi",
            default=modes,
            format_func=lambda mode: mode.replace("_", " "),
            key="launch-modes",
        )
        for mode, line in MODE_LINES.items():
            st.caption(f"**{mode.value.replace('_', ' ')}**: {line}.")
        st.caption("They agree at N = 7.")
    return tuple(sizes), tuple(modes)


def _knobs(models: tuple[str, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Strides and pointers of SAM 2's memory; one value that is the default leaves the axis out."""
    if not _any_sam2(models):
        return (), ()
    chosen = []
    for name, title, values in _KNOBS:
        default = OPTIONS[name].default
        picked = st.pills(
            f"{title}: {OPTIONS[name].line}",
            values,
            selection_mode="multi",
            default=[default],
            format_func=lambda value, default=default: f"{value} (default)" if value == default else str(value),
            key=f"launch-{name}",
        )
        chosen.append(() if list(picked or ()) == [default] else tuple(sorted(picked or ())))
    st.caption(
        "Pointers reach back further than the memory, whatever its size: at N = 1 fifteen frames of history still "
        "enter. In clips under 16 frames SAM 2.1's code of a pointer depends on the clip's length."
    )
    return chosen[0], chosen[1]


def _any_sam2(models: tuple[str, ...]) -> bool:
    return any(MODELS[name].family.startswith("sam2") for name in models)
