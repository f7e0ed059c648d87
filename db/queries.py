"""What pages and commands read: each function is one or two statements and returns detached rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import defer

from db.models import (
    Ablation,
    FailureEpisode,
    FrameScore,
    Intent,
    Lease,
    ObjectScore,
    Run,
    ServerScore,
    VideoTask,
    Worker,
    edition,
)
from db.session import reading
from db.states import IntentState, RunState, TaskKind, TaskState


@dataclass(frozen=True)
class ObjectRow:
    """Scores of one object of a run, as the toolkit's per-sequence table lists them."""

    video: str
    object_id: int
    j_mean: float
    j_recall: float
    j_decay: float
    f_mean: float
    f_recall: float
    f_decay: float

    @property
    def jf_mean(self) -> float:
        """(J + F) / 2."""
        return (self.j_mean + self.f_mean) / 2

    @property
    def sequence(self) -> str:
        """The toolkit's row name, `{video}_{k}`."""
        return f"{self.video}_{self.object_id}"


@dataclass(frozen=True)
class Curve:
    """J and F of one object over the evaluated frames (`frames` are indices in the video)."""

    object_id: int
    frames: tuple[int, ...]
    j: tuple[float, ...]
    f: tuple[float, ...]


def runs(database: Path, ids: Sequence[int] | None = None) -> list[Run]:
    """Runs with their ablations not loaded, newest first; `ids` narrows."""
    statement = select(Run).order_by(Run.id.desc())
    if ids is not None:
        statement = statement.where(Run.id.in_(ids))
    with reading(database) as session:
        return list(session.scalars(statement))


def run_by_id(database: Path, run_id: int) -> Run | None:
    """One run."""
    with reading(database) as session:
        return session.get(Run, run_id)


def run_by_name(database: Path, name: str) -> Run | None:
    """One run by its folder's name."""
    with reading(database) as session:
        return session.scalar(select(Run).where(Run.name == name))


def ablations(database: Path) -> dict[int, Ablation]:
    """Ablations by id."""
    with reading(database) as session:
        return {row.id: row for row in session.scalars(select(Ablation))}


def tasks(database: Path, run_id: int) -> list[VideoTask]:
    """Video tasks of a run in the split's order."""
    with reading(database) as session:
        return list(session.scalars(select(VideoTask).where(VideoTask.run_id == run_id).order_by(VideoTask.position)))


def task(database: Path, run_id: int, video: str) -> VideoTask | None:
    """One video of one run."""
    with reading(database) as session:
        return session.scalar(select(VideoTask).where(VideoTask.run_id == run_id, VideoTask.video == video))


def object_rows(database: Path, run_id: int) -> list[ObjectRow]:
    """Object scores of a run in the toolkit's order: videos as listed, objects ascending."""
    return object_rows_of(database, [run_id])[run_id]


def object_rows_of(database: Path, run_ids: Sequence[int]) -> dict[int, list[ObjectRow]]:
    """Object scores of each run in the toolkit's order; an empty list for a run that has none."""
    score = ObjectScore
    statement = (
        select(
            VideoTask.run_id,
            VideoTask.video,
            score.object_id,
            score.j_mean,
            score.j_recall,
            score.j_decay,
            score.f_mean,
            score.f_recall,
            score.f_decay,
        )
        .join(score, score.task_id == VideoTask.id)
        .where(VideoTask.run_id.in_(run_ids))
        .order_by(VideoTask.position, score.object_id)
    )
    found: dict[int, list[ObjectRow]] = {run_id: [] for run_id in run_ids}
    with reading(database) as session:
        for row in session.execute(statement):
            found[row[0]].append(ObjectRow(*row[1:]))
    return found


def curves(database: Path, task_id: int) -> list[Curve]:
    """J and F per object over a video's evaluated frames."""
    statement = (
        select(FrameScore.object_id, FrameScore.frame, FrameScore.j, FrameScore.f)
        .where(FrameScore.task_id == task_id)
        .order_by(FrameScore.object_id, FrameScore.frame)
    )
    by_object: dict[int, list[tuple[int, float, float]]] = {}
    with reading(database) as session:
        for object_id, frame, j, f in session.execute(statement):
            by_object.setdefault(object_id, []).append((frame, j, f))
    return [
        Curve(object_id, tuple(r[0] for r in rows), tuple(r[1] for r in rows), tuple(r[2] for r in rows))
        for object_id, rows in by_object.items()
    ]


def failures(database: Path, run_id: int, limit: int | None = None) -> list[tuple[str, FailureEpisode]]:
    """(video, episode) of a run, worst (severity) first; `limit` keeps the first of them."""
    episode = FailureEpisode
    statement = (
        select(VideoTask.video, episode)
        .join(episode, episode.task_id == VideoTask.id)
        .where(VideoTask.run_id == run_id)
        .order_by(episode.severity.desc(), VideoTask.position, episode.object_id, episode.start)
        .limit(limit)
    )
    with reading(database) as session:
        return [(row[0], row[1]) for row in session.execute(statement)]


def server_scores(database: Path, run_id: int) -> list[ServerScore]:
    """What challenge servers said of a run, as it was typed in; never mixed with our own scores."""
    statement = select(ServerScore).where(ServerScore.run_id == run_id).order_by(ServerScore.id)
    with reading(database) as session:
        return list(session.scalars(statement))


def workers(database: Path) -> list[Worker]:
    """Workers as the dispatcher last saw them."""
    with reading(database) as session:
        return list(session.scalars(select(Worker).order_by(Worker.name)))


@dataclass(frozen=True)
class TimedRun:
    """A run that is done and was computed here, with what the export of inference times needs."""

    name: str
    dataset: str
    model: str
    memory_size: int | None
    active_s: float
    gpus: tuple[str, ...]  # a name for each GPU; empty where it ran on CPUs


def timed_runs(database: Path, ablation_id: int | None = None) -> list[TimedRun]:
    """Runs that are done and were segmented by VOS Lab, in the order in which they were launched."""
    statement = (
        select(Run.name, Run.dataset, Run.model, Run.memory_size, Run.active_s, Run.provenance)
        .where(Run.state == RunState.DONE.value, Run.inference_s > 0)
        .order_by(Run.id)
    )
    if ablation_id is not None:
        statement = statement.where(Run.ablation_id == ablation_id)
    with reading(database) as session:
        rows = session.execute(statement).all()
    return [
        TimedRun(
            row.name,
            row.dataset,
            row.model,
            row.memory_size,
            row.active_s,
            tuple(row.provenance.get("gpus", {}).values()),
        )
        for row in rows
    ]


def lease(database: Path) -> Lease | None:
    """Who dispatches for this home, if anybody does or did."""
    with reading(database) as session:
        return session.get(Lease, 1)


def intent(database: Path, intent_id: int) -> Intent | None:
    """One intent, to see whether it was applied; without its payload, which may be megabytes."""
    with reading(database) as session:
        return session.get(Intent, intent_id, options=[defer(Intent.payload)])


def has_work(database: Path) -> bool:
    """Whether a dispatcher is needed: an intent is pending, or a video task of an active run is not finished."""
    with reading(database) as session:
        if session.scalar(select(Intent.id).where(Intent.state == IntentState.PENDING.value).limit(1)):
            return True
        active = (
            select(VideoTask.id)
            .join(Run, Run.id == VideoTask.run_id)
            .where(Run.state.in_([RunState.QUEUED.value, RunState.RUNNING.value]))
            .where(VideoTask.state.in_([TaskState.QUEUED.value, TaskState.RUNNING.value]))
            .limit(1)
        )
        return session.scalar(active) is not None


def state_counts(database: Path) -> dict[str, int]:
    """Number of runs in each state."""
    with reading(database) as session:
        rows = session.execute(select(Run.state, func.count()).group_by(Run.state))
        return {row[0]: row[1] for row in rows}


def any_run(database: Path) -> bool:
    """Whether there is a run, put away or not: an ablation stays when its runs are deleted."""
    with reading(database) as session:
        return session.scalar(select(Run.id).limit(1)) is not None


def runs_mark(database: Path) -> tuple[object, ...]:
    """Another value when something was asked of the dispatcher, or a run came, went or changed its state.

    Both statements are answered from indices.
    """
    of_states = select(Run.state, func.count(), func.max(Run.id)).group_by(Run.state)
    with reading(database) as session:
        return session.scalar(select(func.max(Intent.id))), *map(tuple, session.execute(of_states))


def run_mark(database: Path, run_id: int) -> tuple[object, ...]:
    """Another value when something was asked of the dispatcher, or this run has got on or was deleted."""
    of_run = select(Run.state, Run.videos_done, Run.videos_failed).where(Run.id == run_id)
    with reading(database) as session:
        return session.scalar(select(func.max(Intent.id))), *map(tuple, session.execute(of_run))


def pending_intent(database: Path) -> bool:
    """Whether any intent waits for the dispatcher."""
    with reading(database) as session:
        pending = select(Intent.id).where(Intent.state == IntentState.PENDING.value).limit(1)
        return session.scalar(pending) is not None


@dataclass(frozen=True)
class Timing:
    """What one finished video took; `load_s` is 0 where the model was warm."""

    frames: int
    objects: int
    wall_s: float
    load_s: float


def past_timings(database: Path, model: str, limit: int = 500) -> list[Timing]:
    """The latest videos that `model` segmented, newest first; only those on the device of the newest."""
    task = VideoTask
    statement = (
        select(task.frames, task.objects, task.wall_s, func.coalesce(task.load_s, 0.0), task.device_name)
        .join(Run, Run.id == task.run_id)
        .where(Run.model == model, task.state == TaskState.DONE.value, task.kind == TaskKind.SEGMENT.value)
        .where(task.wall_s > 0)
        .order_by(task.finished_at.desc())
        .limit(limit)
    )
    with reading(database) as session:
        rows = session.execute(statement).all()
    return [Timing(*row[:4]) for row in rows if row[4] == rows[0][4]]


def run_datasets(database: Path) -> list[tuple[str, str]]:
    """(name, stored path) of every dataset that a run used."""
    with reading(database) as session:
        rows = session.execute(select(Run.dataset, Run.dataset_path).distinct())
        return [(row[0], row[1]) for row in rows]


def prediction_folder(database: Path, run_id: int, video: str) -> tuple[str, str, int] | None:
    """(stored folder, edition of the run, latest attempt) behind one video's predictions."""
    statement = (
        select(Run.predictions, Run.fingerprint, Run.created_at, VideoTask.attempt)
        .join(VideoTask, VideoTask.run_id == Run.id)
        .where(Run.id == run_id, VideoTask.video == video)
    )
    with reading(database) as session:
        row = session.execute(statement).one_or_none()
        return (row[0], edition(row[1], row[2]), row[3]) if row else None
