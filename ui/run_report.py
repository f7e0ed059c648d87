"""The parts of the Run page: where it stands, what may be done about it, scores, settings, timings, errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from db import queries
from db.models import Run, VideoTask
from db.states import RunState, TaskState
from ui.figures import CONFIG, VideoBar, video_bars
from ui.navigation import address, go
from ui.table import Column, Row, table
from ui.theme import chip, chips, facts, plain, sentences
from ui.timings import timings
from ui.wording import (
    SCORES,
    count,
    duration,
    is_active,
    is_official,
    run_seconds,
    run_title,
    score,
    score_labels,
    settings_of,
)
from vos_core.execution import submit
from vos_core.home import Home
from vos_core.runs import AGAINST, IMPORTED

ERRORS_SHOWN = 20


def standing(home: Home, drawn: Run) -> bool:
    """The live head of the page: state, progress, the seven figures, buttons. Returns whether to poll.

    `drawn` is the run as the rest of the page shows it: when a video more is done, the page is drawn anew.
    """
    run = queries.run_by_id(home.database, drawn.id)
    if run is None:
        st.error("This run was deleted.")
        return False
    if (run.videos_done, run.videos_failed, run.state) != (drawn.videos_done, drawn.videos_failed, drawn.state):
        st.rerun()
    waiting = queries.pending_intent(home.database)
    with st.container(horizontal=True, vertical_alignment="center", key="standing"):
        parts = [
            chip(run.state, state=run.state),
            chip(f"of {count(run.videos, 'video')}", strong=str(run.videos_done)),
            chip(f"of {count(run.frames, 'frame')}", strong=f"{run.frames_done:,}".replace(",", "\u2009")),
            chip(duration(run_seconds(run)), tip="Time with at least one worker on the run"),
        ]
        if run.videos_failed:
            parts.append(chip(f"{count(run.videos_failed, 'video')} failed", state="failed"))
        chips(*parts)
        _buttons(home, run, waiting)
    if is_active(run):
        st.progress(run.frames_done / run.frames if run.frames else 0.0)
    _figures(run)
    if run.error:
        st.error(run.error)
    _errors(queries.tasks(home.database, run.id) if run.videos_failed else [])
    return waiting or is_active(run)


def _buttons(home: Home, run: Run, waiting: bool) -> None:
    if is_active(run):
        if st.button("Cancel", icon=":material/stop_circle:", key="cancel", disabled=waiting):
            submit.cancel(home, [run.id])
            st.rerun()
        return
    if run.videos_failed and st.button(
        f"Retry {count(run.videos_failed, 'failed video')}",
        icon=":material/replay:",
        key="retry",
        type="primary",
        disabled=waiting,
    ):
        submit.retry(home, [run.id])
        st.rerun()
    resumable = run.state in (RunState.CANCELLED.value, RunState.PAUSED.value)
    if resumable and st.button(
        "Resume", icon=":material/resume:", key="resume", type="primary", disabled=waiting, help="Runs what is missing"
    ):
        submit.resume(home, [run.id])
        st.rerun()


def _figures(run: Run) -> None:
    official = is_official(run)
    values = {name: getattr(run, name) for name, _ in SCORES} if official else run.other_scores or {}
    if values.get("jf_mean") is None:
        if not run.scorable:
            st.info("No scores: this split is annotated on first frames only, so there is nothing to score against.")
        elif run.state in (RunState.FAILED.value, RunState.CANCELLED.value):
            st.info("No official scores: they are means over all videos of the split, and some are missing.")
        return
    labels = score_labels(run)
    for column, name in zip(st.columns(len(labels)), labels):
        column.metric(labels[name], score(values[name]))


def _errors(tasks: Sequence[VideoTask]) -> None:
    failed = [task for task in tasks if task.state == TaskState.FAILED.value]
    if failed:
        lines = [
            plain(line) if task.video in line else f"**{plain(task.video)}**: {plain(line)}"
            for task in failed
            for line in (task.error or "failed without a word").splitlines()
        ]
        if len(lines) > ERRORS_SHOWN:
            command = f"python -m vos_core show {failed[0].run_id}"
            lines[ERRORS_SHOWN:] = [f"and {len(lines) - ERRORS_SHOWN} more: `{command}` lists them all"]
        sentences(lines)


def videos(run: Run, tasks: Sequence[VideoTask]) -> None:
    """J and F per video; a bar leads to Inspect."""
    bars = [VideoBar(t.video, t.j_mean, t.f_mean) for t in tasks if t.j_mean is not None and t.f_mean is not None]
    if not bars:
        return
    labels = score_labels(run)
    what = "J and F" if is_official(run) else "Region and contour"
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(f"{what} per video", anchor=False)
        order = st.segmented_control(
            "Order", ["worst first", "by name"], default="worst first", label_visibility="collapsed", key="bar-order"
        )
    event = st.plotly_chart(
        video_bars(
            bars if order != "by name" else sorted(bars, key=lambda bar: bar.video),
            order != "by name",
            (labels["j_mean"], labels["f_mean"]),
        ),
        key="video-bars",
        on_select="rerun",
        selection_mode="points",
        config=CONFIG,
        alt=f"{what} of each video of this run; a bar opens the video.",
    )
    points = event.selection.points
    if points:
        go("inspect", run=run.id, video=points[0]["x"])
    st.caption("A bar opens the video in Inspect.")


def sequences(run: Run, rows: Sequence[queries.ObjectRow]) -> None:
    """The toolkit's per-sequence table, one row an object."""
    if not rows:
        return
    st.subheader("Per sequence", anchor=False)
    labels = score_labels(run)
    columns = [
        Column("sequence", "Sequence", tip="video_object, as the official toolkit lists them"),
        *(
            Column(name, labels[name], "number", best="max" if name.endswith("mean") else "")
            for name in ("j_mean", "f_mean", "jf_mean", "j_recall", "j_decay", "f_recall", "f_decay")
        ),
    ]
    by_id = {row.sequence: row for row in rows}
    opened = table(
        columns,
        [
            Row(
                row.sequence,
                address("inspect", run=run.id, video=row.video, object=row.object_id),
                {column.key: getattr(row, column.key) for column in columns},
            )
            for row in rows
        ],
        key="sequences",
        caption="Scores of each object",
        height=520,
    )
    if opened in by_id:
        go("inspect", run=run.id, video=by_id[opened].video, object=by_id[opened].object_id)


def video_list(run: Run, tasks: Sequence[VideoTask]) -> None:
    """Every video with its state and timings."""
    st.subheader("Videos", anchor=False)
    columns = [
        Column("video", "Video"),
        Column("state", "State", "state"),
        Column("frames", "Frames", "number", digits=0),
        Column("objects", "Objects", "number", digits=0),
        Column("attempt", "Attempts", "number", digits=0),
        Column("decode", "Decode", "seconds", "s"),
        Column("load", "Load", "seconds", "s", tip="Where the video had to wait for its model"),
        Column("inference", "Inference", "seconds", "s"),
        Column("wait", "Wait", "seconds", "s", tip="The model waiting for frames"),
        Column("write", "Write", "seconds", "s"),
        Column("evaluation", "Scoring", "seconds", "s"),
        Column("wall", "Wall", "seconds", "s"),
        Column("speed", "Speed", "number", "frames/s", digits=1),
    ]
    opened = table(
        columns,
        [
            Row(
                task.video,
                address("inspect", run=run.id, video=task.video),
                {
                    "video": task.video,
                    "state": task.state,
                    "frames": task.frames,
                    "objects": task.objects,
                    "attempt": task.attempt or None,
                    "decode": task.decode_s,
                    "load": task.load_s or None,
                    "inference": task.inference_s,
                    "wait": task.wait_s,
                    "write": task.write_s,
                    "evaluation": task.evaluation_s,
                    "wall": task.wall_s,
                    "speed": task.frames / task.wall_s if task.wall_s else None,
                },
            )
            for task in tasks
        ],
        key="videos",
        caption="Videos of this run with their timings",
        height=520,
    )
    if opened:
        go("inspect", run=run.id, video=opened)


def background(run: Run, tasks: Sequence[VideoTask], home: Home) -> None:
    """Settings, timings by stage and provenance."""
    with st.container(key="background"):
        first, second, third = st.columns(3, gap="medium")
    settings = settings_of(run)
    with first, st.container(border=True, height="stretch"):
        st.subheader("Settings", anchor=False)
        pairs = [
            ("Run", run_title(run)),
            ("Dataset", f"{run.dataset} · {run.split}"),
            ("Dataset folder", str(home.locate(run.dataset_path))),
            ("Model", run.model),
        ]
        if run.memory_size is not None:
            pairs.append(("Memory size", "0 (memory off)" if run.memory_size == 0 else str(run.memory_size)))
        if run.memory_mode:
            pairs.append(("Memory mode", run.memory_mode.replace("_", " ")))
        pairs += [(name, str(value)) for name, value in settings.options if name not in (IMPORTED, AGAINST)]
        if run.reference:
            pairs.append(("Held against", str(home.locate(run.reference))))
        if run.predictions != run.folder:
            pairs.append(("Masks", str(home.locate(run.predictions))))
        pairs.append(("Videos", ", ".join(settings.videos) if settings.videos else "the whole split"))
        pairs += [("Folder", str(home.locate(run.folder))), ("Fingerprint", run.fingerprint)]
        facts(pairs)
    with second, st.container(border=True, height="stretch"):
        timings(run, tasks)
    with third, st.container(border=True, height="stretch"):
        st.subheader("Provenance", anchor=False)
        pairs = _flat(run.provenance)
        if pairs:
            facts(pairs)
        else:
            st.caption("Known when the first video is done.")


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, dict):
            pairs += _flat(value, f"{prefix}{name} ")
        elif value not in (None, "", [], {}):
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            pairs.append((f"{prefix}{name}".replace("_", " "), text))
    return pairs
