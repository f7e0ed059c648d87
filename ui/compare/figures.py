"""What a comparison comes to: a sentence and its interval for each run against the baseline; a table of the runs."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from db.models import Run
from ui.navigation import address, go
from ui.parts.table import Column, Row, table
from ui.theme import plain
from ui.wording import (
    OTHER_SCORES,
    SCORES,
    distinctions,
    is_official,
    run_seconds,
    run_title,
    score,
    settings_parts,
    subset_note,
)
from vos_core.analysis.bootstrap import PairedDifference, paired_difference
from vos_core.analysis.lineup import LETTERS, Lineup
from vos_core.runs import SHORT


def verdict(lineup: Lineup, runs: Sequence[Run], measure: str) -> None:
    """Draw the sentences and the table."""
    told = [paired_difference(pair) for pair in lineup.pairs]
    differ = distinctions(runs)
    names = [f"#{run.id} {differ[run.id]}" for run in runs]
    if len(runs) > 2:
        names = [f"{letter} {name}" for letter, name in zip(LETTERS, names)]
    st.markdown(f"#### {plain(_headline(lineup, told, names, measure))}")
    st.caption(plain(lineup.scope(names)))
    _table(lineup, runs, told, measure)
    intervals = [one for one in told if one.low is not None]
    if intervals:
        st.caption(_about(intervals))
    if len(told) > 1:
        with st.expander("Each run against A, in a sentence"):
            st.markdown("\n".join(f"- {plain(one.sentence((names[0], name)))}." for one, name in zip(told, names[1:])))


def _headline(lineup: Lineup, told: Sequence[PairedDifference], names: Sequence[str], measure: str) -> str:
    """For two runs the sentence of the analysis; for more, which is best, and the sentence of it against A."""
    if len(told) == 1:
        return told[0].sentence((names[0], names[1]))
    order = sorted(range(len(names)), key=lambda index: -lineup.means[index])
    best, shown = order[0], order[0] or order[1]
    against = "A" if best else f"the next, {LETTERS[shown]}"
    return (
        f"{names[best]} has the highest {measure} of the {len(names)}, {score(lineup.means[best])}. Against {against}: "
        f"{told[shown - 1].sentence((names[0], names[shown]))}"
    )


def _about(told: Sequence[PairedDifference]) -> str:
    text = f"{told[0].confidence:.0%} interval: {plain(told[0].kind)}."
    if len(told) > 1:
        text += (
            f" Each is for its own pair, that run against A: of {len(told)} such it is likelier than of one that some "
            "miss the true difference, and none says anything of two runs that are not A."
        )
    return text


def _table(lineup: Lineup, runs: Sequence[Run], told: Sequence[PairedDifference], measure: str) -> None:
    settings = differing_settings(runs)
    names = dict(SCORES if is_official(runs[0]) else OTHER_SCORES)
    columns = [
        Column("run", "Run"),
        *(Column(f"setting-{name}", SHORT.get(name, name).capitalize()) for name in settings),
        Column("jf_mean", names["jf_mean"], "number", best="max", tip="Mean over the objects that all these runs have"),
        Column("over", "Over A", "number", "points", 1, tip=f"Points of {measure} above the baseline"),
        Column("interval", "Interval", unit="points", tip="95%, of this run against A"),
        Column("tally", "Videos", unit="+ = −", tip="Videos in which the run is ahead of A, level with it, behind it"),
        *(
            Column(key, names[key], "number", best="min" if key.endswith("decay") else "max")
            for key in names
            if key != "jf_mean"
        ),
        Column("seconds", "Seconds", "seconds", tip="While at least one worker was on the run"),
    ]
    rows = []
    for index, run in enumerate(runs):
        one = told[index - 1] if index else None
        cells: dict[str, object] = {
            "run": f"{LETTERS[index]}  #{run.id} {run.title or ('' if settings else run_title(run))}".strip()
        }
        cells |= {f"setting-{name}": values[index] for name, values in settings.items()}
        cells |= _means(lineup, index)
        cells["seconds"] = run_seconds(run)
        if one is not None:
            cells["over"] = 100 * one.difference
            cells["tally"] = f"{one.tally.wins} · {one.tally.ties} · {one.tally.losses}"
            if one.low is not None and one.high is not None:
                cells["interval"] = f"{_signed(one.low)} to {_signed(one.high)}" + (", clear" if one.clear else "")
        rows.append(Row(str(run.id), address("run", run=run.id), cells))
    opened = table(columns, rows, key="compared-runs", caption="The runs that are compared, the baseline first")
    if opened:
        go("run", run=opened)


def _means(lineup: Lineup, index: int) -> dict[str, float | None]:
    """The seven figures as means over the common objects, as the official ones are over all."""
    rows = lineup.runs[index]
    keys = ("j_mean", "j_recall", "j_decay", "f_mean", "f_recall", "f_decay")
    found: dict[str, float | None] = {key: sum(getattr(row, key) for row in rows) / len(rows) for key in keys}
    return {"jf_mean": lineup.means[index], **found}


def differing_settings(runs: Sequence[Run]) -> dict[str, list[str | None]]:
    """Settings that are not the same in all runs: name -> what each run has, in words; None where it has none."""
    parts = [{**settings_parts(run), "split": run.split, "videos": subset_note(run).strip(" ·")} for run in runs]
    names = dict.fromkeys(name for one in parts for name in one)
    settings = {name: [one.get(name) or None for one in parts] for name in names}
    return {name: values for name, values in settings.items() if len(set(values)) > 1}


def _signed(fraction: float) -> str:
    text = f"{100 * fraction:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "−")
