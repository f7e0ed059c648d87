"""Failure episodes as pages read them; one statement each, detached rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, func, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from db.models import FailureEpisode, FrameScore, Run, VideoTask
from db.session import reading


def episodes_of(database: Path, task_ids: Sequence[int]) -> dict[int, list[FailureEpisode]]:
    """Episodes by video task, worst (severity) first; tasks without any are left out."""
    episode = FailureEpisode
    statement = (
        select(episode)
        .where(episode.task_id.in_(task_ids))
        .order_by(episode.severity.desc(), episode.object_id, episode.start)
    )
    found: dict[int, list[FailureEpisode]] = {}
    with reading(database) as session:
        for row in session.scalars(statement):
            found.setdefault(row.task_id, []).append(row)
    return found


@dataclass(frozen=True)
class GalleryEpisode:
    """A failure episode with what its picture's address takes; of run `run_id`, attempt `attempt` of the video."""

    run_id: int
    attempt: int
    video: str
    object_id: int
    kind: str
    start: int
    end: int
    frames: int
    worst_frame: int
    worst_score: float
    severity: float


@dataclass(frozen=True)
class PairedEpisode(GalleryEpisode):
    """As `GalleryEpisode`, beside another run over the same frames: `here` and `there` are the two runs' mean J&F over
    the episode's frames (None without scores), `fails_there` says whether the other run has an episode of the object
    that shares a frame with it."""

    other_attempt: int
    here: float | None
    there: float | None
    fails_there: bool


_GALLERY = (
    VideoTask.run_id,
    VideoTask.attempt,
    VideoTask.video,
    FailureEpisode.object_id,
    FailureEpisode.kind,
    FailureEpisode.start,
    FailureEpisode.end,
    FailureEpisode.frames,
    FailureEpisode.worst_frame,
    FailureEpisode.worst_score,
    FailureEpisode.severity,
)
_ORDERS: dict[str, ColumnElement[Any]] = {
    "severity": FailureEpisode.severity.desc(),
    "frames": FailureEpisode.frames.desc(),
}


def gallery(
    database: Path,
    run_ids: Sequence[int],
    *,
    kinds: Sequence[str] = (),
    order: str = "severity",
    limit: int = 60,
    offset: int = 0,
) -> list[GalleryEpisode]:
    """Episodes of these runs, `order` (severity or frames) first; `kinds` narrows (none: all)."""
    statement = (
        select(*_GALLERY)
        .join(VideoTask, VideoTask.id == FailureEpisode.task_id)
        .join(Run, Run.id == VideoTask.run_id)
        .where(VideoTask.run_id.in_(run_ids))
        .order_by(*_worst_first(order), VideoTask.run_id)
        .limit(limit)
        .offset(offset)
    )
    if kinds:
        statement = statement.where(FailureEpisode.kind.in_(kinds))
    with reading(database) as session:
        return [GalleryEpisode(*row) for row in session.execute(statement)]


def kind_counts(database: Path, run_ids: Sequence[int]) -> dict[str, int]:
    """Number of episodes of each kind in these runs, the most frequent first."""
    statement = (
        select(FailureEpisode.kind, func.count())
        .join(VideoTask, VideoTask.id == FailureEpisode.task_id)
        .where(VideoTask.run_id.in_(run_ids))
        .group_by(FailureEpisode.kind)
        .order_by(func.count().desc(), FailureEpisode.kind)
    )
    with reading(database) as session:
        return {row[0]: row[1] for row in session.execute(statement)}


def scored_videos(database: Path, run_ids: Sequence[int]) -> int:
    """Number of videos of these runs that have scores: those in which failures were looked for."""
    statement = select(func.count()).where(VideoTask.run_id.in_(run_ids), VideoTask.j_mean.is_not(None))
    with reading(database) as session:
        return session.scalar(statement) or 0


def paired_episodes(database: Path, run_id: int, other_id: int, order: str = "severity") -> list[PairedEpisode]:
    """Episodes of a run in the videos that the other run has too, with both runs' J&F over their frames."""
    theirs, overlapping = aliased(VideoTask), aliased(FailureEpisode)

    def mean(task_id: InstrumentedAttribute[int]) -> ScalarSelect[float | None]:
        return (
            select(func.avg((FrameScore.j + FrameScore.f) / 2))
            .where(
                FrameScore.task_id == task_id,
                FrameScore.object_id == FailureEpisode.object_id,
                FrameScore.frame.between(FailureEpisode.start, FailureEpisode.end),
            )
            .correlate(FailureEpisode, VideoTask, theirs)
            .scalar_subquery()
        )

    fails_there = (
        select(overlapping.start)
        .where(
            overlapping.task_id == theirs.id,
            overlapping.object_id == FailureEpisode.object_id,
            overlapping.start <= FailureEpisode.end,
            overlapping.end >= FailureEpisode.start,
        )
        .correlate(FailureEpisode, theirs)
        .exists()
    )
    statement = (
        select(*_GALLERY, theirs.attempt, mean(VideoTask.id), mean(theirs.id), fails_there)
        .join(VideoTask, VideoTask.id == FailureEpisode.task_id)
        .join(Run, Run.id == VideoTask.run_id)
        .join(theirs, (theirs.video == VideoTask.video) & (theirs.run_id == other_id))
        .where(VideoTask.run_id == run_id)
        .order_by(*_worst_first(order))
    )
    with reading(database) as session:
        return [PairedEpisode(*row) for row in session.execute(statement)]


def _worst_first(order: str) -> tuple[ColumnElement[Any] | InstrumentedAttribute[Any], ...]:
    return (
        _ORDERS[order],
        FailureEpisode.severity.desc(),
        VideoTask.position,
        FailureEpisode.object_id,
        FailureEpisode.start,
    )
