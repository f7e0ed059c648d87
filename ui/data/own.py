"""Datasets that are here, and folders of one's own: checked whole, registered, forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from ui.data.report import survey_state
from ui.data.subsets import subsets
from ui.navigation import address, bind, go, link, remember
from ui.parts.live import live
from ui.parts.table import Column, Row, table
from ui.theme import empty, plain, problems
from ui.wording import count
from vos_core.datasets import Dataset, find_datasets
from vos_core.datasets.catalogue import known_as
from vos_core.datasets.registration import check_folder, register, registered, unregister
from vos_core.datasets.survey_job import (
    SurveyPhase,
    SurveyState,
    read_survey,
    start_survey,
    stop_survey,
    survey_name,
)
from vos_core.errors import InputError, VosLabError
from vos_core.home import Home

_COLUMNS = (
    Column("name", "Dataset"),
    Column("splits", "Splits (videos)"),
    Column("checked", "Checked whole", tip="Every frame and annotation was read"),
    Column("place", "Folder"),
)


def own_datasets(home: Home) -> None:
    """The datasets that are here; one of them in full; and the form that adds a folder."""
    datasets = find_datasets(home)
    known = registered(home)
    away = [one for one in known if not one.there]
    if not datasets:
        empty("No dataset yet", "Fetch one under “What can be fetched”, or add a folder of your own below.")
    else:
        opened = table(
            _COLUMNS, [_row(home, name, dataset) for name, dataset in datasets.items()], key="datasets",
            caption="Datasets that are here", height=420,
        )  # fmt: skip
        if opened is not None:
            go("data", view="here", dataset=opened)
    for one in away:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.warning(
                f"{plain(one.name)} is registered, but {plain(str(one.path))} is not there now, or cannot be read."
            )
            _forget(home, one.name)
    chosen = bind("dataset")
    if chosen is not None and chosen not in datasets:
        st.warning(f"There is no dataset {plain(chosen)} (any more).", icon=":material/link_off:")
    elif chosen is not None:
        _one(home, datasets[chosen], forgettable=chosen in {one.name for one in known})
    _add(home, datasets)


def _row(home: Home, name: str, dataset: Dataset) -> Row:
    told = read_survey(home, survey_name(home, dataset.root))
    cells = {"name": name, "splits": _splits(dataset), "checked": _checked(told), "place": str(dataset.root)}
    return Row(name, address("data", view="here", dataset=name), cells)


def _splits(dataset: Dataset) -> str:
    words = []
    for split in dataset.splits:
        try:
            words.append(f"{split} ({len(dataset.video_names(split))})")
        except InputError:
            words.append(f"{split} (its list has a problem)")
    return ", ".join(words)


def _checked(told: SurveyState | None) -> str:
    if told is None:
        return "not yet"
    if told.phase is SurveyPhase.RUNNING:
        return "under way"
    if told.phase is not SurveyPhase.DONE or told.survey is None:
        return told.phase.value
    if told.changed:
        return "changed since"
    errors, warnings = told.survey.errors, told.survey.warnings
    return ", ".join(
        [count(errors, "error")] * bool(errors) + [count(warnings, "warning")] * bool(warnings) or ["nothing is wrong"]
    )


def _one(home: Home, dataset: Dataset, *, forgettable: bool) -> None:
    name = survey_name(home, dataset.root)
    with st.container(border=True, key="one-dataset"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.subheader(plain(dataset.name), anchor=False)
            with st.container(horizontal=True, width="content", vertical_alignment="center"):
                link("launch", "Launch over it", icon=":material/rocket_launch:", datasets=dataset.name)
                if forgettable:
                    _forget(home, dataset.name)
        st.caption(plain(str(dataset.root)))
        live(lambda: _survey(home, dataset.root, name), key=f"survey-{name}")
        subsets(home, dataset)


def _survey(home: Home, root: Path, name: str) -> bool:
    """The check of one dataset and its buttons; returns whether it goes on."""
    told = read_survey(home, name)
    going = told is not None and not told.phase.ended
    if told is not None:
        survey_state(told)
    if going:
        if st.button("Stop", icon=":material/stop:", key=f"stop-{name}"):
            stop_survey(home, name)
    elif st.button(
        "Check it again" if told else "Check it whole",
        icon=":material/fact_check:",
        key=f"check-{name}",
        help="Reads every frame and annotation, in the background: sizes, object ids, palettes, lists, gaps",
    ):
        going = _start(home, root)
    return going


def _start(home: Home, root: Path) -> bool:
    try:
        start_survey(home, root)
    except VosLabError as error:
        problems(str(error))
        return False
    return True


def _forget(home: Home, name: str) -> None:
    if st.button(
        "Forget", icon=":material/link_off:", key=f"forget-{name}", help="Its name here; no file of it is touched"
    ):
        try:
            unregister(home, name)
        except InputError as error:
            problems(str(error))
        else:
            remember({"dataset": None})
            st.rerun()


def _add(home: Home, datasets: Mapping[str, Dataset]) -> None:
    """A folder is checked whole first; what it holds is shown before it gets a name here."""
    with st.container(border=True, key="add-dataset"):
        st.subheader("Add a folder of your own", anchor=False)
        st.caption(
            "Any folder in the layout of DAVIS, MOSE, MOSEv2, YouTube-VOS, LVOS or SA-V. It is read whole before it is "
            "added; nothing in it is copied, moved or changed."
        )
        asked = bind("add") or ""
        with st.form("add-form", border=False):
            path = st.text_input("Folder", value=asked, key="add-path", placeholder="/path/to/dataset")
            look = st.form_submit_button("Check it", icon=":material/fact_check:", type="primary", key="add-check")
        if look:
            asked = (path or "").strip()
            try:
                if not asked:
                    raise InputError("Give the path of the dataset's folder.")
                check_folder(home, asked)  # before minutes are spent on it
                start_survey(home, asked)
            except VosLabError as error:
                remember({"add": None})
                problems(str(error))
                return
            remember({"add": asked})
        if asked:
            live(lambda: _looked(home, datasets, asked), key=f"add-{asked}")


def _looked(home: Home, datasets: Mapping[str, Dataset], path: str) -> bool:
    told = read_survey(home, survey_name(home, path))
    if told is None:
        return False
    if survey_state(told):
        return True
    if told.phase is not SurveyPhase.DONE or told.survey is None:
        return False
    known = known_as(datasets, told.path)
    if known is not None:
        st.caption(f"It is here as {plain(known.name)}.")
        return False
    errors = bool(told.survey.errors)
    # A name that is still being typed goes with the click.
    with st.form("name-form", border=False, enter_to_submit=not errors):
        left, right = st.columns([1, 2.4], vertical_alignment="bottom")
        name = left.text_input("Name here", key="add-name", placeholder="The folder's own")
        added = right.form_submit_button(
            "Add it anyway" if errors else "Add it",
            icon=":material/add:",
            type="secondary" if errors else "primary",
            key="add-register",
            help="Launches check each video again: those with errors are refused, with the reason" if errors else None,
        )
    if added:
        try:
            dataset = register(home, path, (name or "").strip() or None)
        except InputError as error:
            problems(str(error))
        else:
            for key in ("add-path", "add-name"):
                st.session_state.pop(key, None)
            go("data", view="here", dataset=dataset.name)
    return False
