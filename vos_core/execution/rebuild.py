"""A lost database made anew from the runs' folders: their `run.json`, and the record of each finished video."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import OperationalError, StatementError
from sqlalchemy.orm import Session

from db import ledger
from db.damage import note_rebuilt, wants_rebuild
from db.ledger import NewRun, NewTask
from db.models import Ablation, Run, VideoTask
from db.salvage import Salvage, give_back, salvage
from db.session import reading
from db.states import ScoreKind, TaskKind, TaskState
from vos_core.datasets import stored_dataset
from vos_core.datasets.checks import check_videos
from vos_core.errors import InputError, VosLabError
from vos_core.execution.clocks import covered
from vos_core.execution.lease import Held
from vos_core.execution.results import record_finished, record_run_scores
from vos_core.execution.run_file import RUN_FILE, RunFile, read_run_file, settings_columns
from vos_core.execution.sidecar import SIDECAR, VideoRecord, any_record
from vos_core.home import Home
from vos_core.masks import mask_size
from vos_core.models.sam2_options import LATER
from vos_core.runs import AGAINST, IMPORTED

UNGROUPED = "Rebuilt from folders"
LOST = "Titles, notes, tags, archiving and servers' scores stood in the database alone: a backup may have them."

log = logging.getLogger("rebuild")


@dataclass(frozen=True)
class Rebuilt:
    """What became of a home's folders. `problems` are sentences about folders that were left alone."""

    runs: int
    videos: int
    missing: int  # videos without a record: cancelled, for the person to resume
    unscored: int  # videos of which the masks are there, but no scores: cancelled score tasks
    there: int  # runs that the database had
    ungrouped: int  # runs whose folder does not say in which ablation they were launched
    labels: str = ""  # the sentence about titles, notes and tags
    problems: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """For the person."""
        told = [
            f"{_count(self.runs, 'run')} with {_count(self.videos, 'finished video')} made anew from their folders."
        ]
        if self.there:
            told.append(f"{_count(self.there, 'run')} of these folders stood in the database and stayed as they were.")
        if self.missing:
            told.append(f"{_count(self.missing, 'video')} had no finished result: Resume segments them.")
        if self.unscored:
            told.append(f"{_count(self.unscored, 'video')} had masks but no scores: Resume scores them.")
        if self.ungrouped:
            told.append(f"{_count(self.ungrouped, 'run')} did not say of which ablation: they are under “{UNGROUPED}”.")
        return (*told, *filter(None, [self.labels]), *self.problems)


def rebuild(home: Home, held: Held) -> Rebuilt:
    """Make runs, video tasks, scores and failures of every run folder that the database does not know.

    Nothing is segmented or scored, and no file is changed. A run has its old id where that is free. `held` is the
    home's lease: nobody else writes meanwhile.
    """
    counts: Counter[str] = Counter()
    problems, made = [], []
    salvaged = salvage(home.database)
    for folder in run_folders(home):
        try:
            found = _launched(read_run_file(folder), salvaged)
            if _is_known(home.database, folder, found):
                counts["there"] += 1
                continue
            whole = _whole(home, folder, found)
            with held.writing() as session:
                counts += _add(session, home, whole)
            made.append(found.settings.fingerprint)
        except OperationalError:
            raise
        except (VosLabError, OSError, LookupError, TypeError, ValueError, AttributeError, StatementError) as error:
            # Whatever one folder holds, the others are rebuilt.
            problems.append(str(error) if isinstance(error, VosLabError) else f"{folder} was left alone: {error}")
            log.warning("%s", problems[-1])
    names = ("runs", "videos", "missing", "unscored", "there", "ungrouped")
    rebuilt = Rebuilt(
        **{name: counts[name] for name in names}, labels=_labels(held, salvaged, made), problems=tuple(problems)
    )
    note_rebuilt(home.database, rebuilt.sentences)
    return rebuilt


def rebuild_damaged(home: Home, held: Held) -> None:
    """`rebuild`, where a damaged database was set aside and nobody has done that yet."""
    if wants_rebuild(home.database):
        for sentence in rebuild(home, held).sentences:
            log.warning("%s", sentence)


def _launched(found: RunFile, salvaged: Salvage) -> RunFile:
    """With what an earlier version's `run.json` does not say of the launch, where that can still be read."""
    launch = dict(salvaged.launches.get(found.settings.fingerprint, {}))
    if found.ablation or not launch:
        return found
    return replace(found, ablation=launch.pop("ablation"), columns={**launch, **found.columns})


def _labels(held: Held, salvaged: Salvage, fingerprints: list[str]) -> str:
    """Gives these runs their labels back where they can still be read; the sentence about it."""
    if not fingerprints or not salvaged.files:
        return LOST if fingerprints else ""
    with held.writing() as session:
        labelled = give_back(session, salvaged, fingerprints)
    return (
        f"Titles, notes, tags and servers' scores are those that {' and '.join(salvaged.files)} still had: "
        f"{_count(labelled, 'run')} had some."
    )


def _is_known(database: Path, folder: Path, found: RunFile) -> bool:
    known = select(Run.id).where((Run.fingerprint == found.settings.fingerprint) | (Run.name == folder.name)).limit(1)
    with reading(database) as session:
        return session.scalar(known) is not None


def run_folders(home: Home) -> list[Path]:
    """Folders that carry a `run.json`, in the order in which their runs were first prepared as far as that is told."""
    found = [*home.outputs.glob(f"*_pred_pngs/*/{RUN_FILE}"), *(home.state / "imports").glob(f"*/{RUN_FILE}")]
    return [path.parent for path in sorted(found, key=lambda path: (path.stat().st_mtime_ns, str(path)))]


@dataclass(frozen=True)
class _Whole:
    """All that is known of a run, before anything is written."""

    folder: Path
    found: RunFile
    predictions: str  # stored path
    segments: bool  # its masks were made here
    videos: tuple[NewTask, ...]
    records: Mapping[str, tuple[VideoRecord, float]]


def _whole(home: Home, folder: Path, found: RunFile) -> _Whole:
    records = dict(_records(folder, found.settings.fingerprint))
    stored = home.store(folder)
    predictions = found.columns.get("predictions") or found.settings.option(IMPORTED) or stored
    if folder.parent == home.state / "imports" and predictions == stored:
        raise InputError(f"{folder / RUN_FILE} does not say where its masks are: adopt or import them again.")
    videos = found.videos or _videos(home, found, folder, records)
    frames = {video.video: video.frames for video in videos}
    records = {name: (one, at) for name, (one, at) in records.items() if frames.get(name) == one.frames}
    segments = predictions == stored
    tasks = tuple(
        replace(video, kind=TaskKind.SEGMENT if segments and video.video not in records else TaskKind.SCORE)
        for video in videos
    )
    return _Whole(folder, found, predictions, segments, tasks, records)


def _add(session: Session, home: Home, whole: _Whole) -> Counter[str]:
    """The rows of one run; returns what to count."""
    found, settings = whole.found, whole.found.settings
    columns = {
        **settings_columns(settings),
        "name": whole.folder.name,
        "folder": home.store(whole.folder),
        "predictions": whole.predictions,
        "reference": found.columns.get("reference") or settings.option(AGAINST),
        "score_kind": found.columns.get("score_kind") or _score_kind(found).value,
    }
    wanted = found.columns.get("id")
    if isinstance(wanted, int) and session.get(Run, wanted) is None:
        columns["id"] = wanted  # links to it stay good
    run_id = ledger.add_run(session, _ablation(session, found), NewRun(columns, whole.videos))
    counts = Counter(runs=1, ungrouped=int(not found.ablation))
    spans = []
    for task in session.scalars(select(VideoTask).where(VideoTask.run_id == run_id)).all():
        record, at = whole.records.get(task.video, (None, 0.0))
        if record is None or (task.annotated > 2 and not record.objects):
            ledger.set_task_state(session, task.id, TaskState.CANCELLED)
            counts["missing" if task.kind == TaskKind.SEGMENT.value else "unscored"] += 1
            continue
        record_finished(session, task.id, record)
        task.kind = (TaskKind.SEGMENT if whole.segments else TaskKind.SCORE).value
        task.started_at, task.finished_at = at - record.wall_s, at
        spans.append((task.started_at, at))
        counts["videos"] += 1
    session.flush()
    run = ledger.refresh_run(session, run_id)
    run.created_at = found.columns.get("created_at") or (whole.folder / RUN_FILE).stat().st_mtime
    run.started_at = min((start for start, _ in spans), default=None)
    run.finished_at = max((end for _, end in spans), default=run.created_at)
    run.active_s = covered(spans)
    session.flush()
    record_run_scores(session, run)
    return counts


def _records(folder: Path, fingerprint: str) -> Iterator[tuple[str, tuple[VideoRecord, float]]]:
    """Whole records of these settings, by video, each with the time at which it was written."""
    for path in folder.glob(f"*/{SIDECAR}"):
        record = any_record(path.parent)
        if record is not None and record.fingerprint == fingerprint and record.video == path.parent.name:
            yield record.video, (record, path.stat().st_mtime)


def _videos(
    home: Home, found: RunFile, folder: Path, records: Mapping[str, tuple[VideoRecord, float]]
) -> tuple[NewTask, ...]:
    """The videos of a run whose folder does not list them: the dataset's; without it, those that have a record."""
    settings = found.settings
    try:
        dataset = stored_dataset(home, settings.dataset, settings.dataset_path)
        names = settings.videos or dataset.video_names(settings.split)
        facts = check_videos(dataset, names, bool(settings.option(LATER, False)))
        return tuple(NewTask(one.name, one.frames, one.objects, one.height, one.width, one.annotated) for one in facts)
    except InputError as error:
        if not records:
            raise InputError(f"{folder}: nothing tells which videos this run has. {error}") from error
    return tuple(_from_record(folder / video, record) for video, (record, _) in sorted(records.items()))


def _from_record(folder: Path, record: VideoRecord) -> NewTask:
    scored = max((len(one.frames) for one in record.objects), default=0)
    first = next(iter(sorted(folder.rglob("*.png"))), None)
    height, width = mask_size(first) if first is not None else (0, 0)
    # Scored frames are the annotated ones but the first and the last.
    return NewTask(record.video, record.frames, len(record.objects), height, width, scored + 2 if scored else 1)


def _ablation(session: Session, found: RunFile) -> int:
    """The id of the run's ablation, made when it is not there; of all whose folders name none, one."""
    name = found.ablation.get("name", UNGROUPED)
    statement = select(Ablation.id).where(Ablation.name == name).order_by(Ablation.id)
    if found.ablation:
        statement = statement.where(Ablation.created_at == found.ablation["created_at"])
    there = session.scalar(statement)
    if there is not None:
        return there
    ablation_id = ledger.add_ablation(session, name, found.ablation.get("command", ""))
    if found.ablation:
        session.get_one(Ablation, ablation_id).created_at = found.ablation["created_at"]
    return ablation_id


def _score_kind(found: RunFile) -> ScoreKind:
    if found.settings.option(AGAINST):
        return ScoreKind.AGREEMENT
    return ScoreKind.LEAKED if found.settings.option("use_all_masks", False) else ScoreKind.OFFICIAL


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
