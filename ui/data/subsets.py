"""Subsets of one dataset: lists of videos that the home keeps, each a split like others."""

from __future__ import annotations

import streamlit as st

from ui.theme import plain, problems
from ui.wording import count
from vos_core.datasets import Dataset
from vos_core.datasets.subsets import remove_subset, subsets_of, write_subset
from vos_core.errors import InputError
from vos_core.home import Home


def subsets(home: Home, dataset: Dataset) -> None:
    """Those that there are, each with a button that removes it; and the form that makes one."""
    known = subsets_of(home, dataset.name)
    with st.expander(
        f"Subsets ({len(known)})", icon=":material/playlist_add_check:", key="subsets", expanded=bool(known)
    ):
        for name in known:
            _known(home, dataset, name)
        st.caption("A subset is a split that you name: choose it on the Launch page, or `run --split NAME`.")
        _form(home, dataset)


def _known(home: Home, dataset: Dataset, name: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        try:
            videos = dataset.video_names(name)
            st.markdown(f"**{plain(name)}** · {count(len(videos), 'video')}: {plain(', '.join(videos[:8]))}"
                        f"{' …' if len(videos) > 8 else ''}", width="stretch")  # fmt: skip
        except InputError as error:
            st.warning(plain(str(error)))
        if st.button("Remove", icon=":material/delete:", key=f"subset-remove-{name}", help="Runs over it keep theirs"):
            try:
                remove_subset(home, dataset.name, name)
            except InputError as error:
                problems(str(error))
            else:
                st.rerun()


def _form(home: Home, dataset: Dataset) -> None:
    try:
        there = dataset.video_names("all")
    except InputError as error:
        problems(str(error))
        return
    with st.form(f"subset-form-{dataset.name}", border=False, clear_on_submit=False):
        name = st.text_input("Name", key="subset-name", placeholder="hard")
        picked = st.multiselect("Videos", there, key="subset-videos", placeholder="Choose videos")
        text = st.text_area(
            "Or a list, one video a line",
            key="subset-list",
            placeholder="bike-packing\nblackswan",
            help="What is chosen above comes first",
            height=110,
        )
        if not st.form_submit_button("Keep as a subset", icon=":material/save:", key="subset-save"):
            return
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    try:
        write_subset(home, dataset, name or "", [*picked, *lines])
    except InputError as error:
        problems(str(error))
    else:
        st.rerun()
