"""Which failures are looked at, of which runs and kinds, beside which other run: a choice that lives in the address."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from db import queries
from db.leaderboard import board_runs
from db.models import Run
from ui.navigation import bind, chosen, number, remember
from ui.wording import model_title, run_choice
from vos_core.analysis.failures import FailureKind
from vos_core.home import Home

NOBODY = "none"


@dataclass(frozen=True)
class Scope:
    """The runs whose failures are shown; `ablation` names the choice where it is more than one."""

    runs: tuple[Run, ...]
    ablation: str = ""

    @property
    def single(self) -> Run | None:
        """The run, where one was chosen."""
        return None if self.ablation else self.runs[0]


def has_scores(run: Run) -> bool:
    """Whether failures were looked for in it."""
    return run.scorable and run.videos_done > 0


def known_runs(home: Home) -> list[Run]:
    """All runs that are not put away, newest first; and those of the address."""
    runs = board_runs(home.database, also=number("run"))
    other = number("other")
    if other is not None and all(run.id != other for run in runs):
        runs += queries.runs(home.database, [other])
    return runs


def chosen_scope(home: Home, runs: Sequence[Run]) -> Scope:
    """Draw the choice of a run or of an ablation, and what narrows an ablation's runs."""
    by_ablation: dict[int, list[Run]] = {}
    for run in filter(has_scores, runs):
        by_ablation.setdefault(run.ablation_id, []).append(run)
    names = {row.id: row.name for row in queries.ablations(home.database).values()}
    several = {
        f"ablation-{key}": f"All {len(rows)} runs of ablation {key}  ·  {names[key]}"
        for key, rows in by_ablation.items()
        if len(rows) > 1
    }
    single = {str(run.id): run_choice(run) for run in sorted(runs, key=lambda run: not has_scores(run))}
    labels = single | several
    key = chosen("run", "Run", list(labels), labels.__getitem__, forget=("page", "model", "memory", "dataset", "other"))
    if key in single:
        return Scope((next(run for run in runs if str(run.id) == key),))
    return Scope(_narrowed(by_ablation[int(key.removeprefix("ablation-"))]), labels[key])


def _narrowed(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Those of the models, memory sizes and datasets that are asked for; each is asked only where they differ."""
    axes: tuple[tuple[str, str, Callable[[Run], str], Callable[[str], str]], ...] = (
        ("dataset", "datasets", lambda run: run.dataset, str),
        ("model", "models", lambda run: run.model, model_title),
        ("memory", "memory sizes", lambda run: "none" if run.memory_size is None else str(run.memory_size), _memory),
    )
    asked = [axis for axis in axes if len({axis[2](run) for run in runs}) > 1]
    left = tuple(runs)
    for column, (name, label, value, words) in zip(st.columns(len(asked)) if asked else (), asked, strict=True):
        options = sorted({value(run) for run in runs}, key=lambda text: (not text.isdecimal(), len(text), text))
        with column:
            every = f"All {label}"
            pick = chosen(name, label, ["all", *options], _worded(every, words), forget=("page",))
        left = tuple(run for run in left if pick in ("all", value(run)))
    return left


def _worded(every: str, words: Callable[[str], str]) -> Callable[[str], str]:
    return lambda option: every if option == "all" else words(option)


def _memory(option: str) -> str:
    return "Without memory" if option == "none" else f"Memory size {option}"


def chosen_other(runs: Sequence[Run], run: Run) -> Run | None:
    """Draw the choice of a run to hold this one's failures against; those alone that are scored against the same."""
    alike = {
        str(other.id): other
        for other in runs
        if other.id != run.id
        and has_scores(other)
        and (other.dataset, other.dataset_path, other.score_kind, other.reference)
        == (run.dataset, run.dataset_path, run.score_kind, run.reference)
    }
    if not alike:
        return None
    key = chosen(
        "other",
        "Other run",
        [NOBODY, *alike],
        lambda key: f"against {run_choice(alike[key])}" if key in alike else "against no other run",
        forget=("page", "show"),
    )
    return alike.get(key)


def chosen_kinds(counts: Mapping[str, int]) -> list[str]:
    """Draw the kinds with their numbers; returns those that were picked (none: all)."""
    key = "failure-kinds"
    options = [kind.value for kind in FailureKind if kind.value in counts]
    wanted = [kind for kind in (bind("kind") or "").split(",") if kind in options]
    st.session_state[key] = wanted
    st.pills(
        "Kinds",
        options,
        selection_mode="multi",
        format_func=lambda kind: f"{kind} ({counts[kind]})",
        key=key,
        on_change=lambda: remember({"page": None, "kind": ",".join(st.session_state[key]) or None}),
        label_visibility="collapsed",
    )
    return wanted
