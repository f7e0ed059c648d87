"""What the dispatcher writes: runs, video tasks, scores, workers. Every function takes an open writing session."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CursorResult, delete, func, insert, select, update
from sqlalchemy.orm import Session

from db.models import Ablation, FailureEpisode, Intent, ObjectScore, Run, VideoTask, Worker
from db.states import IntentState, RunState, TaskKind, TaskState


@dataclass(frozen=True)
class NewTask:
    """A video task to queue."""

    video: str
    frames: int
    objects: int
    height: int
    width: int
    annotated: int
    kind: TaskKind = TaskKind.SEGMENT


@dataclass(frozen=True)
class NewRun:
    """A run to queue; `columns` are the identifying columns of `db.models.Run`."""

    columns: Mapping[str, Any]
    tasks: Sequence[NewTask]


def _execute(session: Session, sql: str, values: tuple[Any, ...] | list[tuple[Any, ...]] = ()) -> CursorResult[Any]:
    """Run a statement on the driver (a list of values: once for each): what happens hundreds of times a second takes a
    tenth of the ORM's time so. It sees what the session has set so far."""
    session.flush()
    return session.connection().exec_driver_sql(sql, values)


def renew_lease(session: Session, token: str) -> bool:
    """Write a heartbeat; False when the lease is no longer ours (another dispatcher took over)."""
    renewed = _execute(session, "UPDATE lease SET heartbeat = ? WHERE id = 1 AND token = ?", (time.time(), token))
    return renewed.rowcount == 1


def pending_intents(session: Session) -> list[Intent]:
    """Intents nobody has acted on, oldest first."""
    statement = select(Intent).where(Intent.state == IntentState.PENDING.value).order_by(Intent.id)
    return list(session.scalars(statement))


def answer(intent: Intent, state: IntentState, **values: Any) -> None:
    """Close an intent with what came of it."""
    intent.state = state.value
    intent.answer = values
    intent.applied_at = time.time()


def add_ablation(session: Session, name: str, command: str) -> int:
    """A new ablation's id."""
    ablation = Ablation(name=name, command=command, created_at=time.time())
    session.add(ablation)
    session.flush()
    return ablation.id


def add_run(session: Session, ablation_id: int, new: NewRun) -> int:
    """Queue a run behind all others; returns its id."""
    last = session.scalar(select(func.max(Run.position))) or 0.0
    run = Run(
        ablation_id=ablation_id,
        **new.columns,
        position=last + 1.0,
        state=RunState.QUEUED.value,
        created_at=time.time(),
        videos=len(new.tasks),
        frames=sum(task.frames for task in new.tasks),
        objects=sum(task.objects for task in new.tasks),
        scorable=any(task.annotated > 2 for task in new.tasks),
        provenance={},
        tags=[],
    )
    session.add(run)
    session.flush()
    _execute(
        session,
        "INSERT INTO video_task (run_id, position, video, frames, objects, height, width, annotated, kind, state, "
        "attempt, failures, deaths, frames_done) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', 0, 0, 0, 0)",
        [
            (
                run.id,
                position,
                task.video,
                task.frames,
                task.objects,
                task.height,
                task.width,
                task.annotated,
                task.kind.value,
            )
            for position, task in enumerate(new.tasks)
        ],
    )
    return run.id


def start_task(session: Session, task_id: int, attempt: int, worker: str) -> None:
    """A worker begins an attempt."""
    now = time.time()
    _execute(
        session,
        "UPDATE video_task SET state = 'running', attempt = ?, worker = ?, frames_done = 0, started_at = ?, "
        "finished_at = NULL, error = NULL WHERE id = ?",
        (attempt, worker, now, task_id),
    )
    _execute(
        session,
        "UPDATE run SET state = 'running', started_at = coalesce(started_at, ?), finished_at = NULL "
        "WHERE id = (SELECT run_id FROM video_task WHERE id = ?) AND state != 'running'",
        (now, task_id),
    )


def finish_task(
    session: Session,
    task_id: int,
    columns: Mapping[str, Any],
    objects: Sequence[Mapping[str, Any]],
    frame_scores: Sequence[tuple[int, int, float, float]],
    failures: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Record a finished video: its columns, object scores, (object, frame, J, F) rows and failures, replacing earlier
    ones."""
    task = session.get_one(VideoTask, task_id)
    for name, value in columns.items():
        setattr(task, name, value)
    task.state, task.finished_at, task.error = TaskState.DONE.value, time.time(), None
    task.frames_done = task.frames
    for table in ("frame_score", "object_score", "failure_episode"):
        _execute(session, f"DELETE FROM {table} WHERE task_id = ?", (task_id,))
    if failures:
        session.execute(insert(FailureEpisode), [{"task_id": task_id, **row} for row in failures])
    if objects:
        session.execute(insert(ObjectScore), [{"task_id": task_id, **row} for row in objects])
    if frame_scores:
        _execute(
            session,
            "INSERT INTO frame_score (task_id, object_id, frame, j, f) VALUES (?, ?, ?, ?, ?)",
            [(task_id, *row) for row in frame_scores],
        )


def set_task_state(session: Session, task_id: int, state: TaskState, error: str | None = None, **columns: Any) -> None:
    """Requeue, fail or cancel a video task."""
    task = session.get_one(VideoTask, task_id)
    task.state, task.error = state.value, error
    task.frames_done = 0
    if state in (TaskState.FAILED, TaskState.CANCELLED):
        task.finished_at = time.time()
    for name, value in columns.items():
        setattr(task, name, value)


def write_progress(session: Session, frames_done: Mapping[int, int]) -> None:
    """Frames done of running tasks, all workers' in one statement."""
    if frames_done:
        _execute(
            session,
            "UPDATE video_task SET frames_done = ? WHERE id = ? AND state = 'running'",
            [(frames, task_id) for task_id, frames in frames_done.items()],
        )


def write_paces(session: Session, paces: Mapping[int, tuple[float | None, float | None]]) -> None:
    """Frames a second and seconds left of the runs that workers are on; of all others neither is known."""
    stale = "UPDATE run SET frames_per_second = NULL, seconds_left = NULL WHERE frames_per_second IS NOT NULL"
    _execute(session, stale, ())
    if paces:
        _execute(
            session,
            "UPDATE run SET frames_per_second = ?, seconds_left = ? WHERE id = ? AND state = 'running'",
            [(*pace, run_id) for run_id, pace in paces.items()],
        )


_SUMS = """
    SELECT count(*), coalesce(sum(state = 'done'), 0), coalesce(sum(state = 'failed'), 0),
           coalesce(sum(state = 'cancelled'), 0), coalesce(sum(frames_done), 0),
           coalesce(sum(decode_s), 0), coalesce(sum(inference_s), 0), coalesce(sum(write_s), 0),
           coalesce(sum(evaluation_s), 0), coalesce(sum(wall_s), 0), coalesce(sum(load_s), 0), coalesce(sum(wait_s), 0)
    FROM video_task WHERE run_id = ?
"""


def refresh_run(session: Session, run_id: int) -> Run:
    """Bring a run's counters and state up to its video tasks; returns it. Scores are `set_scores`' business."""
    run = session.get_one(Run, run_id)
    total, done, failed, cancelled, frames, *seconds = _execute(session, _SUMS, (run_id,)).one()
    run.videos_done, run.videos_failed, run.frames_done = done, failed, frames
    run.decode_s, run.inference_s, run.write_s, run.evaluation_s, run.busy_s, run.load_s, run.wait_s = seconds
    if done + failed + cancelled == total:
        if run.state != RunState.CANCELLED.value:
            state = RunState.DONE
            if cancelled:
                state = RunState.CANCELLED
            elif failed:
                state = RunState.FAILED
            run.state = state.value
        run.finished_at = run.finished_at or time.time()
    return run


def object_statistics(session: Session, run_id: int) -> list[ObjectScore]:
    """Object scores of a run in the split's order: a mean over them must not depend on who finished first."""
    statement = (
        select(ObjectScore)
        .join(VideoTask, VideoTask.id == ObjectScore.task_id)
        .where(VideoTask.run_id == run_id)
        .order_by(VideoTask.position, ObjectScore.object_id)
    )
    return list(session.scalars(statement))


def record_worker(session: Session, name: str, **columns: Any) -> None:
    """Insert or update what is known of a worker."""
    worker = session.get(Worker, name)
    if worker is None:
        session.add(Worker(name=name, seen_at=time.time(), **columns))
        return
    for column, value in columns.items():
        setattr(worker, column, value)
    worker.seen_at = time.time()


def forget_workers(session: Session, but: Iterable[str] = ()) -> None:
    """Workers that are no more: all `but` those with these names."""
    session.execute(delete(Worker).where(Worker.name.not_in(list(but))))


def add_active_seconds(session: Session, seconds: Mapping[int, float]) -> None:
    """Seconds during which runs (by id) were worked on, beyond those written already."""
    if seconds:
        added = [(value, run_id) for run_id, value in seconds.items()]
        _execute(session, "UPDATE run SET active_s = active_s + ? WHERE id = ?", added)


def requeue_interrupted(session: Session, at_work: Iterable[int] = ()) -> None:
    """Queue again the tasks that are marked as running while no worker is on them (`at_work` are those that one is
    on); a run of which no task runs waits, too."""
    lost = select(VideoTask).where(VideoTask.state == TaskState.RUNNING.value, VideoTask.id.not_in(list(at_work)))
    for task in session.scalars(lost).all():
        cancelled = session.get_one(Run, task.run_id).state == RunState.CANCELLED.value
        set_task_state(session, task.id, TaskState.CANCELLED if cancelled else TaskState.QUEUED)
    session.flush()
    busy = select(VideoTask.run_id).where(VideoTask.state == TaskState.RUNNING.value)
    for run in session.scalars(select(Run).where(Run.state == RunState.RUNNING.value, Run.id.not_in(busy))).all():
        run.state = RunState.QUEUED.value
        refresh_run(session, run.id)


def requeue_tasks(session: Session, run_ids: Iterable[int], states: Sequence[TaskState]) -> list[int]:
    """Queue again the tasks of these runs that are in one of `states`, with fresh counts; returns the runs touched."""
    ids = list(run_ids)
    values = [state.value for state in states]
    touched = list(
        session.scalars(
            select(VideoTask.run_id).where(VideoTask.run_id.in_(ids), VideoTask.state.in_(values)).distinct()
        )
    )
    session.execute(
        update(VideoTask)
        .where(VideoTask.run_id.in_(ids), VideoTask.state.in_(values))
        .values(state=TaskState.QUEUED.value, failures=0, deaths=0, error=None, frames_done=0, finished_at=None)
    )
    session.execute(
        update(Run).where(Run.id.in_(touched)).values(state=RunState.QUEUED.value, error=None, finished_at=None)
    )
    return touched
