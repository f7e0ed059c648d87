"""What a run's scores come to, on the Run page: bars of its videos, classes of failure, its objects, its videos."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from db import queries
from db.episodes import kind_counts
from db.models import Run, VideoTask
from db.states import RunState, ScoreKind
from ui.compare.opening import open_video, video_address
from ui.navigation import address, go, link, switch
from ui.parts.bars import GAIN, LOSS, Bar, BarMark, Series, bars
from ui.parts.table import Column, Row, table
from ui.wording import count, is_official, score, score_labels
from vos_core.analysis.failures import DISAGREEMENT_LINES, KIND_LINES, FailureKind
from vos_core.home import Home

ORDERS = {"worst": "worst first", "name": "by name"}


def scored(tasks: Sequence[VideoTask]) -> list[VideoTask]:
    """Videos that have scores, the worst first."""
    found = [task for task in tasks if task.j_mean is not None and task.f_mean is not None]
    return sorted(found, key=lambda task: ((task.j_mean or 0) + (task.f_mean or 0), task.position))


def video_bars(home: Home, run: Run, tasks: Sequence[VideoTask]) -> None:
    """J and F per video; a bar leads to the worst frame of its video."""
    worst = scored(tasks)
    if not worst:
        return
    labels = score_labels(run)
    what = "J and F" if is_official(run) else "Region and contour"
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(f"{what} per video", anchor=False)
        order = switch("order", "Order", ORDERS)
    marks = [
        BarMark(
            task.video,
            task.video,
            f"{task.video}: {labels['j_mean']} {score(task.j_mean)}, {labels['f_mean']} {score(task.f_mean)}",
            video_address([run], task.video),
            (Bar(0, task.j_mean or 0.0), Bar(1, task.f_mean or 0.0)),
        )
        for task in (worst if order == "worst" else sorted(worst, key=lambda task: task.video))
    ]
    opened = bars(
        marks,
        [Series(labels["j_mean"], GAIN), Series(labels["f_mean"], LOSS)],
        key="video-bars",
        caption=f"{what} of each video of this run, {ORDERS[order]}",
        most=1.0,
    )
    if opened is not None:
        open_video(home, [run], opened, of=run)
    st.caption(_so_far(run, worst) + "A bar opens its video in Inspect, at the frame where the masks are worst.")


def _so_far(run: Run, videos: Sequence[VideoTask]) -> str:
    """Means over what is scored, while the official ones must wait for the rest; once done, what these leave out."""
    if len(videos) == run.videos:
        return ""
    if run.state == RunState.DONE.value:
        against = "annotations" if run.score_kind != ScoreKind.AGREEMENT.value else "masks"
        return (
            f"Over the objects of {len(videos)} of {run.videos} videos: the others have no {against} to be scored "
            "against. "
        )
    objects = sum(task.objects for task in videos)
    j = sum((task.j_mean or 0.0) * task.objects for task in videos) / objects
    f = sum((task.f_mean or 0.0) * task.objects for task in videos) / objects
    labels = score_labels(run)
    return (
        f"So far, over the objects of {len(videos)} of {run.videos} videos: {labels['jf_mean']} "
        f"{score((j + f) / 2)}, {labels['j_mean']} {score(j)}, {labels['f_mean']} {score(f)}. "
    )


def failure_classes(home: Home, run: Run) -> None:
    """How many failures of each kind there are; each leads to its pictures."""
    counts = kind_counts(home.database, [run.id])
    if not counts:
        return
    disagrees = run.score_kind == ScoreKind.AGREEMENT.value
    lines = DISAGREEMENT_LINES if disagrees else KIND_LINES
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="failure-classes"):
        total = count(sum(counts.values()), "disagreement" if disagrees else "failure")
        st.markdown(f"**{total}**", width="content")
        for kind, number in counts.items():
            link("failures", f"{number} {kind}", tip=lines[FailureKind(kind)], run=run.id, kind=kind)


def object_table(run: Run, rows: Sequence[queries.ObjectRow]) -> None:
    """The toolkit's per-sequence table, one row an object."""
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


def video_table(run: Run, tasks: Sequence[VideoTask]) -> None:
    """Every video with its state and timings."""
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
