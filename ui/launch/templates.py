"""Where a launch form may start from: the user's ablation, the demo ablation, past launches, a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from db import launches, queries
from db.models import Run
from ui.launch.draft import Draft
from ui.navigation import address, link, whole
from ui.theme import problems
from ui.wording import count
from vos_core.datasets import Dataset
from vos_core.errors import InputError
from vos_core.gpus import Placement
from vos_core.home import Home
from vos_core.models.registry import MODELS, MemoryMode
from vos_core.runs import IMPORTED, Grid, RunSettings

USERS = Draft(
    datasets=("DAVIS", "MOSE"),
    models=("sam2_hiera_base_plus", "sam2_hiera_large"),
    sizes=tuple(range(8)),
    modes=(MemoryMode.NAIVE.value,),
    name="Ablation of memory size (naive)",
)
DEMO = Draft(
    datasets=("demo",),
    models=("static", "flow", "propagation"),
    sizes=(1, 2, 3, 5, 7),
    name="Demo: memory size on a CPU",
)
TEMPLATES = {
    "users-ablation": (
        USERS,
        "The user's ablation",
        "DAVIS and MOSE × SAM 2 base+ and large × N = 0 to 7, memory mode **naive**: as their own script set it.",
    ),
    "demo-ablation": (
        DEMO,
        "The demo ablation",
        "The generated demo set × three methods without weights, propagation at five memory sizes; minutes on a CPU.",
    ),
}
PAST = 3


@dataclass(frozen=True)
class Named:
    """A draft that an address names, and why there is none where there is none."""

    draft: Draft | None
    problem: str = ""


def first_draft(datasets: Mapping[str, Dataset]) -> Draft:
    """What an empty address shows: the first dataset, and every model that runs on any machine."""
    models = tuple(name for name, spec in MODELS.items() if spec.family == "cpu")
    return Draft(datasets=tuple(datasets)[:1], models=models, sizes=DEMO.sizes)


def named_draft(home: Home, datasets: Mapping[str, Dataset], query: Mapping[str, str]) -> Named | None:
    """The draft of `launch?template=NAME` or `launch?like=RUN`; None where the address names neither."""
    if (name := query.get("template")) is not None:
        return Named(TEMPLATES[name][0]) if name in TEMPLATES else Named(None, f"There is no template {name!r}.")
    if (text := query.get("like")) is None:
        return None
    run_id = whole(text)
    run = None if run_id is None else queries.run_by_id(home.database, run_id)
    if run is None:
        return Named(None, f"There is no run {_shortened(text)} (any more) whose settings could be taken.")
    settings = _settings([run.settings])
    if not _launchable(run) or not settings:
        return Named(None, f"Run {run.id} was not computed here, or by a model that is not known: it has no launch.")
    placement = Placement(tuple(run.gpus or ()), run.workers_per_gpu or 0)
    return Named(Draft.of_grid(Grid.covering(settings, placement), home, stored_paths(home, datasets)))


def relaunch_link(run: Run) -> str | None:
    """Address of the launch form filled with a run's settings; None for masks that were made elsewhere."""
    return address("launch", like=run.id) if _launchable(run) else None


def stored_paths(home: Home, datasets: Mapping[str, Dataset]) -> dict[str, str]:
    """Stored paths of the datasets that are here."""
    return {name: home.store(dataset.root) for name, dataset in datasets.items()}


def templates(home: Home, datasets: Mapping[str, Dataset]) -> None:
    """Draw the row of templates: each is a link to the form that it fills."""
    past = launches.latest_ablations(home.database, PAST)
    with st.container(border=True, key="templates"):
        st.subheader("Start from", anchor=False)
        columns = st.columns([1, 1, 1.15])
        for column, (name, (_, title, line)) in zip(columns, TEMPLATES.items()):
            with column:
                link("launch", title, icon=":material/science:", template=name)
                st.caption(line)
        with columns[2]:
            known = stored_paths(home, datasets)
            for ablation in past:
                settings = _settings(ablation.settings)
                if settings:
                    placement = Placement(ablation.gpus, ablation.workers_per_gpu)
                    draft = Draft.of_grid(Grid.covering(settings, placement), home, known, ablation.name)
                    title = f"{_shortened(ablation.name)} ({count(len(ablation.settings), 'run')})"
                    link("launch", title, icon=":material/history:", **draft.query())
            st.caption("Your last launches." if past else "Your last launches will stand here.")


def told_start(start: Named | None) -> None:
    """Say why an address led to no draft."""
    if start is not None and start.problem:
        problems(start.problem)


def _settings(rows: list[dict[str, object]] | tuple[dict[str, object], ...]) -> list[RunSettings]:
    """Those of runs whose model and settings this version knows."""
    try:
        told = [RunSettings.from_values(values) for values in rows]
    except (TypeError, ValueError, InputError):
        return []
    return [run for run in told if run.model in MODELS]


def _launchable(run: Run) -> bool:
    return run.model in MODELS and not run.reference and IMPORTED not in dict(run.settings.get("options", ()))


def _shortened(text: str) -> str:
    return text if len(text) <= 34 else text[:33].rstrip() + "…"
