"""Published scores, apart from runs: whose they are, where they stand, and why some are no target."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ui.parts.table import Column, Row, table
from ui.theme import plain
from ui.wording import SCORES, count
from vos_core.reference import FIGURES, Measure, ReferenceRow

_KINDS = {"user": "the users' own job", "paper": "paper", "repo": "repository"}


def reference_table(rows: Sequence[ReferenceRow]) -> None:
    """Draw the rows in a closed box."""
    with st.expander(f"Published scores ({count(len(rows), 'row')}): no runs of this app"):
        columns = [Column("model", "Model"), Column("n", "N", "number", digits=0), Column("mode", "Mode")]
        columns += [Column("dataset", "Dataset"), Column("kind", "Measured by"), Column("source", "Source")]
        columns += [Column(name, label, "number") for name, label in SCORES]
        if any(row.measure is Measure.AGREEMENT for row in rows):
            tip = "With the challenge's sample submission, which is a prediction: no J&F"
            columns.append(Column("agreement", "Agreement", "number", tip=tip))
        columns += [
            Column("seconds", "Time", "seconds", "s", tip="Seconds of the whole split on the GPUs beside it"),
            Column("gpus", "GPUs"),
            Column("why", "Why it is no target"),
        ]
        table(
            columns,
            [_row(index, row) for index, row in enumerate(rows)],
            key="reference-table",
            caption="Published scores with their sources",
            height=480,
        )
        links = {row.source: row.link for row in rows if row.link}
        if links:
            st.caption("Sources: " + ", ".join(f"[{plain(name)}]({link})" for name, link in links.items()))


def _row(index: int, row: ReferenceRow) -> Row:
    cells: dict[str, object] = {
        "model": f"{row.checkpoint_family} {row.model}".strip(),
        "n": row.memory_size,
        "mode": (row.memory_mode or "").replace("_", " "),
        "dataset": row.dataset,
        "agreement": row.agreement,
        "seconds": row.seconds,
        "gpus": f"{row.gpus} x {row.gpu_name}" if row.gpus else "",
        "kind": _KINDS.get(row.kind, row.kind),
        "source": row.source,
        "why": row.why_no_target,
    }
    cells.update({name: getattr(row, name) for name in FIGURES})
    return Row(str(index), "", cells)
