"""The tables as SQLAlchemy 2.0 typed models. Times are Unix seconds (UTC), durations seconds, scores fractions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, MetaData, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from db.states import IntentState, RunState, ScoreKind, TaskKind, TaskState


class Base(DeclarativeBase):
    """Base of all tables; constraints are named so that SQLite migrations can alter them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {dict[str, Any]: JSON, list[str]: JSON}


class Ablation(Base):
    """Runs launched together as a grid."""

    __tablename__ = "ablation"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    command: Mapped[str] = mapped_column(default="")
    created_at: Mapped[float]

    runs: Mapped[list[Run]] = relationship(back_populates="ablation")


class Run(Base):
    """One model setting over one split.

    The dispatcher alone writes it, but for `title`, `notes`, `tags` and `archived`.
    """

    __tablename__ = "run"
    __table_args__ = (
        UniqueConstraint("name"),
        UniqueConstraint("fingerprint"),
        Index("ix_run_state", "state"),
        {"sqlite_autoincrement": True},  # a deleted run's id is not given again: links that were copied hold it
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    ablation_id: Mapped[int] = mapped_column(ForeignKey("ablation.id"))
    name: Mapped[str]  # the folder's name
    folder: Mapped[str]  # stored path: run.json, and a record a video
    predictions: Mapped[str]  # stored path of the masks: `folder`, but for imported and adopted ones
    reference: Mapped[str | None]  # stored path: scored against this instead of annotations (agreement, no J&F)
    fingerprint: Mapped[str]
    settings: Mapped[dict[str, Any]]
    dataset: Mapped[str]
    dataset_path: Mapped[str]  # stored path
    split: Mapped[str]
    model: Mapped[str]
    memory_size: Mapped[int | None]
    memory_mode: Mapped[str | None]
    position: Mapped[float]  # place in the queue, ascending
    gpus: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))  # ids of those that it may use; None: all
    workers_per_gpu: Mapped[int | None]  # None: the machine's own
    state: Mapped[str] = mapped_column(default=RunState.QUEUED.value)
    scorable: Mapped[bool] = mapped_column(default=True)
    error: Mapped[str | None]
    created_at: Mapped[float]
    started_at: Mapped[float | None]
    finished_at: Mapped[float | None]

    videos: Mapped[int] = mapped_column(default=0)
    frames: Mapped[int] = mapped_column(default=0)
    objects: Mapped[int] = mapped_column(default=0)
    videos_done: Mapped[int] = mapped_column(default=0)
    videos_failed: Mapped[int] = mapped_column(default=0)
    frames_done: Mapped[int] = mapped_column(default=0)
    frames_per_second: Mapped[float | None]  # now, over all workers that are on it
    seconds_left: Mapped[float | None]  # expected, while it runs

    score_kind: Mapped[str] = mapped_column(default=ScoreKind.OFFICIAL.value)
    # The seven figures where they are not official.
    other_scores: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    jf_mean: Mapped[float | None]
    j_mean: Mapped[float | None]
    j_recall: Mapped[float | None]
    j_decay: Mapped[float | None]
    f_mean: Mapped[float | None]
    f_recall: Mapped[float | None]
    f_decay: Mapped[float | None]
    # MOSEv2's second metric: J&F-dot, J-dot, F-dot and its disappearance and reappearance parts.
    dot_scores: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))

    decode_s: Mapped[float] = mapped_column(default=0.0)
    inference_s: Mapped[float] = mapped_column(default=0.0)
    write_s: Mapped[float] = mapped_column(default=0.0)
    evaluation_s: Mapped[float] = mapped_column(default=0.0)
    busy_s: Mapped[float] = mapped_column(default=0.0)  # summed over workers
    load_s: Mapped[float] = mapped_column(default=0.0, server_default="0")  # loading and warming models
    wait_s: Mapped[float] = mapped_column(default=0.0, server_default="0")  # models waiting for frames
    active_s: Mapped[float] = mapped_column(default=0.0)  # while at least one worker was on it: pauses do not count
    provenance: Mapped[dict[str, Any]] = mapped_column(default=dict)

    title: Mapped[str | None]
    notes: Mapped[str] = mapped_column(default="")
    tags: Mapped[list[str]] = mapped_column(default=list)
    archived: Mapped[bool] = mapped_column(default=False, server_default="0")  # not listed unless asked for

    ablation: Mapped[Ablation] = relationship(back_populates="runs")
    tasks: Mapped[list[VideoTask]] = relationship(back_populates="run", cascade="all, delete-orphan")

    @property
    def edition(self) -> str:
        """What no other run has, not even one of these settings that is launched when this one was deleted, or one that
        has its id in a database that was begun anew."""
        return edition(self.fingerprint, self.created_at)


def edition(fingerprint: str, created_at: float) -> str:
    """`Run.edition` of these columns."""
    return f"{fingerprint}.{int(created_at * 1e6):x}"


class VideoTask(Base):
    """One video of one run: the unit that is scheduled, retried and resumed."""

    __tablename__ = "video_task"
    __table_args__ = (
        UniqueConstraint("run_id", "video"),
        Index("ix_video_task_state", "state", "run_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    position: Mapped[int]  # place in the split's list
    video: Mapped[str]
    frames: Mapped[int]
    objects: Mapped[int]
    height: Mapped[int]
    width: Mapped[int]
    annotated: Mapped[int]  # frames that have an annotation
    kind: Mapped[str] = mapped_column(default=TaskKind.SEGMENT.value)
    state: Mapped[str] = mapped_column(default=TaskState.QUEUED.value)
    attempt: Mapped[int] = mapped_column(default=0)  # number of the latest attempt, counted or not
    failures: Mapped[int] = mapped_column(default=0)  # attempts that count: the video itself failed
    deaths: Mapped[int] = mapped_column(default=0)  # workers that died on it undisturbed
    worker: Mapped[str | None]
    frames_done: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[float | None]
    finished_at: Mapped[float | None]
    error: Mapped[str | None]

    j_mean: Mapped[float | None]
    f_mean: Mapped[float | None]
    decode_s: Mapped[float | None]
    inference_s: Mapped[float | None]
    write_s: Mapped[float | None]
    evaluation_s: Mapped[float | None]
    wall_s: Mapped[float | None]
    wait_s: Mapped[float | None]  # the model waiting for frames
    load_s: Mapped[float | None]  # loading and warming the model, where this task had to wait for it
    peak_gpu_bytes: Mapped[int | None]
    peak_host_bytes: Mapped[int | None]
    dot_scores: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    device_name: Mapped[str | None]

    run: Mapped[Run] = relationship(back_populates="tasks")

    @property
    def has_masks(self) -> bool:
        """Whether its masks are whole and there: it is done, or has only its scoring left."""
        return self.state == TaskState.DONE.value or self.kind != TaskKind.SEGMENT.value


class ObjectScore(Base):
    """Mean, recall and decay of J and F of one object, over the evaluated frames."""

    __tablename__ = "object_score"

    task_id: Mapped[int] = mapped_column(ForeignKey("video_task.id", ondelete="CASCADE"), primary_key=True)
    object_id: Mapped[int] = mapped_column(primary_key=True)
    j_mean: Mapped[float]
    j_recall: Mapped[float]
    j_decay: Mapped[float]
    f_mean: Mapped[float]
    f_recall: Mapped[float]
    f_decay: Mapped[float]


class FrameScore(Base):
    """J and F of one object in one frame (`frame` is the index in the video)."""

    __tablename__ = "frame_score"
    # The key is the row: half the size of a table with rowids, and one object's curve is one range read.
    __table_args__ = ({"sqlite_with_rowid": False},)

    task_id: Mapped[int] = mapped_column(ForeignKey("video_task.id", ondelete="CASCADE"), primary_key=True)
    object_id: Mapped[int] = mapped_column(primary_key=True)
    frame: Mapped[int] = mapped_column(primary_key=True)
    j: Mapped[float]
    f: Mapped[float]


class FailureEpisode(Base):
    """Consecutive frames in which one object's mask fails in one way (`vos_core.analysis.failures`)."""

    __tablename__ = "failure_episode"

    task_id: Mapped[int] = mapped_column(ForeignKey("video_task.id", ondelete="CASCADE"), primary_key=True)
    object_id: Mapped[int] = mapped_column(primary_key=True)
    start: Mapped[int] = mapped_column(primary_key=True)  # frame indices, inclusive
    end: Mapped[int]
    kind: Mapped[str]
    worst_frame: Mapped[int]
    worst_score: Mapped[float]
    frames: Mapped[int]  # failing ones among them
    severity: Mapped[float]  # what they take from the object's mean J&F


class ServerScore(Base):
    """What a challenge server said of a run's submission, typed in by a person; never mixed with our own scores."""

    __tablename__ = "server_score"

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    server: Mapped[str]
    figures: Mapped[dict[str, Any]]  # name -> number, as the server calls them
    notes: Mapped[str] = mapped_column(default="")
    entered_at: Mapped[float]


class Intent(Base):
    """What a page or a command asks of the dispatcher; inserted by them, applied by it."""

    __tablename__ = "intent"
    __table_args__ = (Index("ix_intent_state", "state"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(default=IntentState.PENDING.value)
    answer: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[float]
    applied_at: Mapped[float | None]


class Worker(Base):
    """A worker process as its dispatcher last saw it."""

    __tablename__ = "worker"

    name: Mapped[str] = mapped_column(primary_key=True)  # "cpu-0", "gpu-3"
    host: Mapped[str]
    pid: Mapped[int]
    process_started: Mapped[float]  # psutil create_time: the pid alone may be reused
    device: Mapped[str]
    state: Mapped[str]  # starting, idle, busy; resting: a slot without a process (pid 0), whose GPU could not be used
    task_id: Mapped[int | None]
    frames_per_second: Mapped[float | None]
    seen_at: Mapped[float]


class Lease(Base):
    """Who dispatches for this home folder. One row; taken and renewed in one transaction."""

    __tablename__ = "lease"

    id: Mapped[int] = mapped_column(primary_key=True)  # always 1
    token: Mapped[str]
    host: Mapped[str]
    boot_id: Mapped[str]
    pid: Mapped[int]
    process_started: Mapped[float]
    heartbeat: Mapped[float]
