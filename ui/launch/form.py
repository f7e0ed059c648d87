"""The grid form of the Launch page: widgets in, a `Draft` and its `Grid` out. Checks nothing itself: `check_grid` does.

What a widget shows first is the draft's (`ui.launch.start`), or its own first value where an axis cannot be empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from ui.launch.draft import SIZES, Draft, split_label
from ui.launch.gpus import gpu_choice
from ui.launch.options import sam2_options
from ui.launch.start import first, key_of, shown
from ui.theme import plain
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
_FIRST_SIZES = (1, 2, 3, 5, 7)
_FETCHABLE = (
    "DAVIS",
    "MOSE",
    "MOSEv2",
    "SeCVOS",
    "demo",
)  # offered before they are here: the plan says how to get them
_KNOBS = (
    (STRIDE, "Temporal stride", (1, 2, 3, 4, 6, 8)),
    (POINTERS, "Object pointers", (1, 2, 4, 8, 16)),
)


@dataclass(frozen=True)
class Filled:
    """The form's contents, and the grid that they ask for or why they ask for none."""

    draft: Draft
    grid: Grid | InputError


def grid_form(home: Home, datasets: Mapping[str, Dataset]) -> Filled:
    """Draw the form; returns what is chosen, sensible or not."""
    problem: InputError | None = None
    with st.container(border=True, key="form-data"):
        st.subheader("Data", anchor=False)
        names, path = _datasets(datasets)
        chosen: list[tuple[str, Dataset | None]] = [(name, datasets.get(name)) for name in names]
        if path:
            try:
                chosen += _beside(path, chosen)
            except InputError as error:
                problem = error
        places = tuple(_place(home, label, dataset) for label, dataset in chosen)
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
            try:
                options = sam2_options()
            except InputError as error:
                problem = error
            placement = gpu_choice()
    grid = Grid(places, models, sizes, modes, videos, options, strides, pointers, placement)
    splits = tuple((label, split) for (label, dataset), (*_, split) in zip(chosen, places) if _is_other(dataset, split))
    draft = Draft(
        datasets=names,
        path=path,
        splits=splits,
        videos=videos,
        models=models,
        sizes=sizes,
        modes=modes if _any_modes(models) else (),
        strides=strides,
        pointers=pointers,
        options=options,
        gpus=placement.gpus,
        workers=placement.workers_per_gpu,
    )
    return Filled(draft, problem or grid)


def options_with(name: str, options: Sequence[Any], chosen: Sequence[Any]) -> list[Any]:
    """`options` of a widget, and whatever was chosen beside them, at first or later: the plan says what is wrong."""
    return list(dict.fromkeys([*options, *chosen, *(shown(name) or ())]))


def _datasets(datasets: Mapping[str, Dataset]) -> tuple[tuple[str, ...], str]:
    """Names of the chosen datasets, and the folder of one more."""
    missing = [name for name in _FETCHABLE if name not in datasets]
    names = st.multiselect(
        "Datasets",
        options_with("datasets", [*datasets, *missing], first().datasets),
        default=first().datasets,
        format_func=lambda name: name if name in datasets else f"{name} (not here yet)",
        key=key_of("datasets"),
        placeholder="Choose datasets",
    )
    path = st.text_input(
        "Or any folder in DAVIS layout",
        value=first().path,
        key=key_of("path"),
        placeholder="/path/to/DAVIS (JPEGImages, Annotations, ImageSets)",
        help="Used in addition to the datasets chosen above.",
    )
    return tuple(names), (path or "").strip()


def _beside(path: str, chosen: Sequence[tuple[str, Dataset | None]]) -> list[tuple[str, Dataset]]:
    """The dataset in one more folder, with its label: its name, or the folder where a chosen one has that name. None
    where it is a chosen one. Raises InputError where there is no dataset."""
    dataset = open_dataset(path)
    root = dataset.root.resolve()
    for label, one in chosen:
        if one is not None and one.root.resolve() == root:
            st.caption(f"That folder is {plain(label)}, which is chosen above.")
            return []
    return [(split_label(dataset.name, path, [label for label, _ in chosen]), dataset)]


def _place(home: Home, label: str, dataset: Dataset | None) -> tuple[str, str, str]:
    """A dataset as a grid has it: its name, stored path and split."""
    name, root = (dataset.name, dataset.root) if dataset else (label, home.data / label)
    return name, home.store(root), _split(label, dataset)


def _split(label: str, dataset: Dataset | None) -> str:
    wanted = dict(first().splits).get(label)
    if dataset is None:
        return wanted or "val"
    if len(dataset.splits) == 1:
        return dataset.splits[0]
    wanted = wanted or dataset.default_split
    options = list(dict.fromkeys([*dataset.splits, wanted]))  # an address may say another one
    key = key_of(f"split-{label}")
    return str(st.selectbox(f"Split of {plain(label)}", options, index=options.index(wanted), key=key))


def _is_other(dataset: Dataset | None, split: str) -> bool:
    return split != (dataset.default_split if dataset else "val")


def _videos(chosen: Sequence[tuple[str, Dataset | None]], places: tuple[tuple[str, str, str], ...]) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for (_, dataset), (_, _, split) in zip(chosen, places):
        try:
            names.update(dict.fromkeys(dataset.video_names(split) if dataset else ()))
        except InputError:
            continue  # the plan tells it
    return tuple(
        st.multiselect(
            "Videos",
            options_with("videos", list(names), first().videos),
            default=first().videos,
            key=key_of("videos"),
            placeholder="All videos of the split",
        )
    )


def _models() -> tuple[str, ...]:
    models: list[str] = []
    for family, label, note in _GROUPS:
        names = [name for name, spec in MODELS.items() if spec.family == family]
        models += (
            st.pills(
                f"{label}: {note}",
                names,
                selection_mode="multi",
                default=[name for name in names if name in first().models],
                format_func=lambda name: MODELS[name].title,
                key=key_of(f"models-{family}"),
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
        SIZES,
        selection_mode="multi",
        default=first().sizes or _FIRST_SIZES,
        format_func=lambda size: "0 (memory off)" if size == 0 else str(size),
        key=key_of("sizes"),
    )
    modes = [MemoryMode.POSITION_PRESERVING.value]
    if _any_modes(models):
        modes = st.pills(
            "Memory mode of SAM 2",
            [mode.value for mode in MODE_LINES],
            selection_mode="multi",
            default=first().modes or modes,
            format_func=lambda mode: mode.replace("_", " "),
            key=key_of("modes"),
        )
        for mode, line in MODE_LINES.items():
            st.caption(f"**{mode.value.replace('_', ' ')}**: {line}.")
        st.caption("They agree at N = 7.")
    return tuple(sorted(sizes or ())), tuple(modes or ())


def _knobs(models: tuple[str, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Strides and pointers of SAM 2's memory; one value that is the default leaves the axis out."""
    if not _any_sam2(models):
        return (), ()
    chosen = []
    for (name, title, usual), asked in zip(_KNOBS, (first().strides, first().pointers), strict=True):
        default = OPTIONS[name].default
        begun = asked or (default,)
        values = sorted(options_with(name, usual, begun))
        picked = st.pills(
            f"{title}: {OPTIONS[name].line}",
            values,
            selection_mode="multi",
            default=begun,
            format_func=_labels(default),
            key=key_of(name),
        )
        chosen.append(() if list(picked or ()) == [default] else tuple(sorted(picked or ())))
    st.caption(
        "Pointers reach back further than the memory, whatever its size: at N = 1 fifteen frames of history still "
        "enter. In clips under 16 frames SAM 2.1's code of a pointer depends on the clip's length."
    )
    return chosen[0], chosen[1]


def _labels(default: object) -> Callable[[object], str]:
    return lambda value: f"{value} (default)" if value == default else str(value)


def _any_sam2(models: tuple[str, ...]) -> bool:
    return any(MODELS[name].family.startswith("sam2") for name in models)


def _any_modes(models: tuple[str, ...]) -> bool:
    return any(MODELS[name].memory_modes for name in models)
