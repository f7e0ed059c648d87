"""From a finished video's record to rows, and from object scores to a run's official figures."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from db import ledger
from db.models import Run, VideoTask
from db.states import ScoreKind, TaskKind, TaskState
from vos_core.evaluation import global_scores
from vos_core.execution.second_metric import dot_figures, video_dot
from vos_core.execution.sidecar import VideoRecord
from vos_core.metrics.statistics import Statistics
from vos_core.reference import FIGURES


def record_finished(session: Session, task_id: int, record: VideoRecord) -> None:
    """Store one video's timings and scores, and merge its provenance into the run's."""
    objects = [
        {
            "object_id": item.object_id,
            "j_mean": item.j_statistics[0],
            "j_recall": item.j_statistics[1],
            "j_decay": item.j_statistics[2],
            "f_mean": item.f_statistics[0],
            "f_recall": item.f_statistics[1],
            "f_decay": item.f_statistics[2],
        }
        for item in record.objects
    ]
    count = len(objects)
    columns = {
        "j_mean": sum(item.j_statistics[0] for item in record.objects) / count if count else None,
        "f_mean": sum(item.f_statistics[0] for item in record.objects) / count if count else None,
        "decode_s": record.decode_s,
        "inference_s": record.inference_s,
        "write_s": record.write_s,
        "evaluation_s": record.evaluation_s,
        "wall_s": record.wall_s,
        "load_s": record.load_s,
        "wait_s": record.wait_s,
        "peak_gpu_bytes": record.peak_gpu_bytes,
        "peak_host_bytes": record.peak_host_bytes,
        "device_name": record.device_name,
        "attempt": record.attempt,
        "dot_scores": video_dot(record.dot),
    }
    frame_scores = [
        (item.object_id, frame, j, f) for item in record.objects for frame, j, f in zip(item.frames, item.j, item.f)
    ]
    failures = [
        {
            key: episode[key]
            for key in ("object_id", "start", "end", "kind", "worst_frame", "worst_score", "frames", "severity")
        }
        for episode in record.failures
    ]
    ledger.finish_task(session, task_id, columns, objects, frame_scores, failures)
    run = session.get_one(ledger.VideoTask, task_id).run
    if record.provenance:
        devices = sorted({*run.provenance.get("devices", []), record.device_name} - {""})
        gpus = run.provenance.get("gpus", {}) | ({record.gpu: record.device_name} if record.gpu else {})
        merged = {**run.provenance, **record.provenance, "devices": devices} | ({"gpus": gpus} if gpus else {})
        if merged != run.provenance:
            run.provenance = merged


def record_run_scores(session: Session, run: Run) -> None:
    """Set the seven figures of a run of which all videos are scored, and J&F-dot's; clear them otherwise.

    A mean over the videos that happened to finish is no DAVIS score, so there is none until all have. A video that is
    only scored again keeps its scores until it has new ones. Figures that are no J&F (agreement, leaked prompts) go to
    a column of their own, where no official table looks.
    """
    rows = ledger.object_statistics(session, run.id) if run.scorable and _has_all_masks(session, run.id) else []
    of_run = (
        select(VideoTask.id, VideoTask.state, VideoTask.annotated, VideoTask.dot_scores)
        .where(VideoTask.run_id == run.id)
        .order_by(VideoTask.position)
    )
    tasks = session.execute(of_run).all() if rows else []  # until the last video, this is asked for nothing
    scored = {row.task_id for row in rows}
    values = None
    if rows and all(task.state == TaskState.DONE.value or task.id in scored for task in tasks):
        values = global_scores(
            (Statistics(row.j_mean, row.j_recall, row.j_decay), Statistics(row.f_mean, row.f_recall, row.f_decay))
            for row in rows
        )
    official = run.score_kind == ScoreKind.OFFICIAL.value
    for name in FIGURES:
        setattr(run, name, getattr(values, name) if values and official else None)
    run.other_scores = {name: getattr(values, name) for name in FIGURES} if values and not official else None
    dots = [task.dot_scores for task in tasks if task.annotated > 2]
    complete = values is not None and official and all(dots)
    run.dot_scores = dot_figures(row for dot in dots if dot for row in dot["objects"]) if complete else None


def _has_all_masks(session: Session, run_id: int) -> bool:
    """Whether no video is still to be segmented; one that is scored again has its masks."""
    unfinished = (
        select(VideoTask.id)
        .where(VideoTask.run_id == run_id, VideoTask.state != TaskState.DONE.value)
        .where(VideoTask.kind == TaskKind.SEGMENT.value)
        .limit(1)
    )
    return session.scalar(unfinished) is None
