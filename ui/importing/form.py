"""The two halves of the Import page: a folder of masks, and a project folder that is shown before it is adopted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from ui.theme import plain, problems
from ui.wording import count, model_title
from vos_core.datasets import Dataset, open_dataset
from vos_core.datasets.registration import adopt_places
from vos_core.errors import InputError
from vos_core.execution.submit import submit
from vos_core.home import Home
from vos_core.imports import Project, find_project, plan_adoption, plan_import
from vos_core.launch import LaunchPlan

MOST = 40


def folder_form(home: Home, datasets: Mapping[str, Dataset]) -> None:
    """A form that makes a run of one folder of masks."""
    with st.form("import-form"):
        st.subheader("A folder of masks", anchor=False)
        st.caption(
            "Any method's masks as VIDEO/FRAME.png or VIDEO/OBJECT/FRAME.png. They are scored where they lie; "
            "nothing is copied."
        )
        name = st.selectbox(
            "Dataset", list(datasets), key="import-dataset", placeholder="No dataset in the data folder", index=0
        )
        other = _text("Or the folder of a dataset", "import-dataset-path", "/path/to/DAVIS, instead of the one above")
        split = _text("Split", "import-split", "The dataset's own")
        title = _text("Name of the method", "import-name", "OSVOS")
        masks = _text("Folder of the masks", "import-path", "/path/to/results")
        against = _text(
            "Hold against (optional)",
            "import-against",
            "/path/to/sample_submission",
            "A folder of masks that stands in for the annotations, VIDEO/FRAME.png or VIDEO/OBJECT/FRAME.png. The "
            "figures are then agreement with it, and no J&F.",
        )
        if not st.form_submit_button("Import and score", icon=":material/move_to_inbox:", type="primary", key="import"):
            return
        try:
            if not other and name is None:
                raise InputError("Give the folder of a dataset: there is none in the data folder.")
            if not masks:
                raise InputError("Give the folder of the masks.")
            dataset = open_dataset(other) if other else datasets[str(name)]
            reference = Path(against) if against else None
            with st.spinner("Checking frames and annotations"):
                plan = plan_import(home, dataset, title, Path(masks), split or None, reference)
            st.session_state["import-intent"] = submit(plan, home)
        except InputError as error:
            problems(str(error))


@dataclass(frozen=True)
class _Seen:
    """A project folder as it was looked at."""

    project: Project
    plan: LaunchPlan
    problems: tuple[str, ...]


def adoption(home: Home) -> None:
    """Looks through a project folder, shows what is there and what is left alone, and takes it over when told to."""
    with st.container(border=True, key="adopt"):
        st.subheader("A whole project folder", anchor=False)
        st.caption(
            "Its DAVIS/ and MOSE/, its checkpoints, and every outputs/DATASET_pred_pngs/DATASET_MODEL_memsizeN. "
            "Nothing is copied or moved."
        )
        with st.form("adopt-form", border=False):
            path = _text("Project folder", "adopt-path", "/path/to/project")
            look = st.form_submit_button("Look through it", icon=":material/search:", key="adopt-look")
        if look:
            st.session_state.pop("adopt-seen", None)
            st.session_state.pop("adopted", None)
            try:
                if not path:
                    raise InputError("Give the path of the project folder.")
                with st.spinner("Looking through the folder"):
                    st.session_state["adopt-seen"] = _look(home, Path(path))
            except InputError as error:
                problems(str(error))
        if "adopted" in st.session_state:
            st.success(st.session_state["adopted"])
        seen = st.session_state.get("adopt-seen")
        if seen is not None:
            _show(seen)
            if st.button(_offer(seen), icon=":material/check:", type="primary", key="adopt-confirm"):
                _adopt(home, seen.project.root)


def _look(home: Home, path: Path) -> _Seen:
    project = find_project(path)
    return _Seen(project, *plan_adoption(home, project))


def _offer(seen: _Seen) -> str:
    runs = len(seen.plan.runs)
    return f"Adopt, and score {count(runs, 'run')}" if runs else "Adopt"


def _show(seen: _Seen) -> None:
    project = seen.project
    st.markdown(f"Found in {plain(str(project.root))}:")
    columns = st.columns(3)
    columns[0].metric("Datasets", len(project.datasets))
    columns[1].metric("Checkpoints", len(project.checkpoints))
    columns[2].metric("Runs", len(seen.plan.runs))
    lines = [f"dataset **{plain(dataset.name)}**: {plain(str(dataset.root))}" for dataset in project.datasets]
    lines += [f"checkpoint {plain(path.name)}: {plain(str(path.parent))}" for path in project.checkpoints]
    if lines:
        st.markdown("\n".join(f"- {line}" for line in lines))
    if seen.plan.runs:
        settings = [run.settings for run in seen.plan.runs]
        st.dataframe(
            {
                "Dataset": [item.dataset for item in settings],
                "Model": [model_title(item.model) for item in settings],
                "N": [item.memory_size for item in settings],
                "Mode": [item.memory_mode for item in settings],
                "Videos": [len(run.videos) for run in seen.plan.runs],
            },
            hide_index=True,
            height="content" if len(settings) < 12 else 420,
        )
    if seen.problems:
        more = [f"and {len(seen.problems) - MOST} more"] if len(seen.problems) > MOST else []
        left = "\n".join(f"- {plain(line)}" for line in [*seen.problems[:MOST], *more])
        st.warning(f"Left alone:\n\n{left}")


def _adopt(home: Home, root: Path) -> None:
    try:
        seen = _look(home, root)  # anew: what was looked at may be older than the files
        datasets = adopt_places(home, seen.project.datasets, seen.project.checkpoints)
        if seen.plan.runs:
            st.session_state["import-intent"] = submit(seen.plan, home)
    except InputError as error:
        problems(str(error))
        return
    st.session_state.pop("adopt-seen", None)
    known = [count(len(datasets), "dataset")] * bool(datasets)
    renamed = {root: name for name, root in datasets.items()}
    other = [
        f"{one.root} is known here as {renamed[one.root]}."
        for one in seen.project.datasets
        if renamed[one.root] != one.name
    ]
    known += [count(len(seen.project.checkpoints), "checkpoint")] * bool(seen.project.checkpoints)
    what = " and ".join(known) or "No dataset and no checkpoint"
    said = [f"Adopted {plain(str(root))}. {what} can now be used in Launch.", *map(plain, other)]
    st.session_state["adopted"] = " ".join(said)
    st.rerun()


def _text(label: str, key: str, placeholder: str, tip: str | None = None) -> str:
    return (st.text_input(label, key=key, placeholder=placeholder, help=tip) or "").strip()
