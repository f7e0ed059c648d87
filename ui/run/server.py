"""What a run has to do with a challenge's server: the zip for it, and what it answered, apart from our own scores."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import streamlit as st

from db import queries
from db.intents import add_server_score, remove_server_score
from db.models import Run, ServerScore
from db.states import RunState
from ui.theme import plain, problems
from ui.wording import count
from vos_core.datasets import stored_dataset
from vos_core.errors import InputError, VosLabError
from vos_core.home import Home
from vos_core.server_figures import read_figures
from vos_core.submission import write_submission

DOWNLOADS = "submissions"
MOST = 40


def submission_file(home: Home, run: Run) -> Path:
    """Where a run's submission is written."""
    return home.outputs / "submissions" / f"{run.name}.zip"


def server_panel(home: Home, run: Run) -> None:
    """The zip and the server's figures, side by side in a box; nothing while the run is under way."""
    if run.state != RunState.DONE.value:
        return
    scores = queries.server_scores(home.database, run.id)
    # Splits without annotations are what servers score: there it is what one comes for.
    with st.expander(
        "For a challenge's server: submission, and its figures", expanded=bool(scores) or not run.scorable
    ):
        left, right = st.columns(2, gap="large")
        with left:
            _submission(home, run)
        with right:
            _scores(home, run, scores)


def _submission(home: Home, run: Run) -> None:
    st.markdown("**Submission**")
    st.caption("All masks of the split in one zip, as MOSE's server takes it; everything is checked first.")
    path = submission_file(home, run)
    if st.button("Check and write the zip", icon=":material/folder_zip:", key="submission-write"):
        bar = st.progress(0.0, "Checking")

        def progress(done: int, total: int) -> None:
            bar.progress(done / total, f"Checked {done} of {total} videos")

        try:
            dataset = stored_dataset(home, run.dataset, run.dataset_path)
            videos = [dataset.video(name) for name in dataset.video_names(run.split)]
            path.parent.mkdir(parents=True, exist_ok=True)
            report = write_submission(home.locate(run.predictions), videos, path, progress)
        except VosLabError as error:
            lines = str(error).splitlines()
            more = [f"And {len(lines) - MOST} more problems."] if len(lines) > MOST else []
            problems("\n".join([*lines[:MOST], *more]))
            st.caption("Nothing was written.")
            return
        finally:
            bar.empty()
        st.success(
            f"{count(report.videos, 'video')}, {count(report.frames, 'frame')}, {count(report.objects, 'object')}, "
            f"{report.size / 1e6:.2f} MB: all there and as the server wants them."
        )
        if report.left_out:
            st.caption(f"Left out, not of split {plain(run.split)}: {plain(', '.join(report.left_out[:10]))}")
    if path.is_file():
        written = path.stat().st_mtime
        st.link_button(f"Download {path.name}", f"{DOWNLOADS}/{run.id}", icon=":material/download:")
        st.caption(f"{plain(str(path))}, written {datetime.fromtimestamp(written):%Y-%m-%d %H:%M}")
        if run.finished_at and written < run.finished_at:
            st.warning("The run's masks are newer than this zip: write it again.")


def _scores(home: Home, run: Run, scores: Sequence[ServerScore]) -> None:
    st.markdown("**The server's figures**")
    st.caption("Typed in by you, as the server gave them; they enter no table of our own scores.")
    for row in scores:
        with st.container(horizontal=True, vertical_alignment="center"):
            figures = ", ".join(f"{name} = {value:g}" for name, value in row.figures.items())
            notes = f" · {row.notes}" if row.notes else ""
            st.markdown(f"**{plain(row.server)}** (server): {plain(figures + notes)}")
            if st.button("Remove", key=f"server-remove-{row.id}", icon=":material/delete:", type="tertiary"):
                remove_server_score(home.database, row.id)
                st.rerun()
    with st.form("server-form", clear_on_submit=False, border=False):
        server = st.text_input("Server", key="server-name", placeholder="MOSE valid, CodaLab")
        figures = st.text_input("Figures", key="server-figures", placeholder="J&F = 0.712, J = 0.671, F = 75.3%")
        notes = st.text_input("Notes", key="server-notes", placeholder="optional")
        if st.form_submit_button("Keep", icon=":material/save:", key="server-keep"):
            try:
                add_server_score(home.database, run.id, server or "", read_figures(_parts(figures or "")), notes or "")
            except InputError as error:
                problems(str(error))
            else:
                st.rerun()


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.replace(";", ",").split(",") if part.strip()]
