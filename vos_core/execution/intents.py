"""Applying intents: what a page or a command asked for becomes rows. Only the dispatcher calls this."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from db import ledger
from db.models import Run, VideoTask
from db.states import IntentKind, IntentState, RunState, ScoreKind, TaskKind, TaskState
from vos_core.errors import InputError
from vos_core.execution.effects import Effects
from vos_core.execution.rescoring import apply_scoring
from vos_core.execution.run_file import RUN_FILE, settings_columns
from vos_core.home import Home
from vos_core.launch import LaunchPlan, PlannedRun
from vos_core.runs import RunSettings, run_folder, run_name


class _TooEarly(Exception):
    """An intent waits for workers to leave these runs."""

    def __init__(self, run_ids: Collection[int]) -> None:
        super().__init__(f"workers are on runs {sorted(run_ids)}")
        self.run_ids = run_ids


def apply_intents(session: Session, home: Home, at_work: Collection[int] = ()) -> Effects:
    """Apply all pending intents in order; each is answered, refused ones with their sentence.

    `at_work` are the runs that a worker is on. Where one of them has to be left first, its workers are to be stopped,
    and that intent and those after it stay pending.
    """
    effects = Effects(frozenset(at_work))
    for intent in ledger.pending_intents(session):
        action = _ACTIONS[IntentKind(intent.kind)]
        try:
            with session.begin_nested():
                answer = action(session, home, intent.payload, effects)
        except _TooEarly as early:
            effects.stop.update(early.run_ids)
            break
        except InputError as error:
            ledger.answer(intent, IntentState.REFUSED, error=str(error))
        except Exception as error:
            # A malformed intent must not stop the queue for ever.
            ledger.answer(intent, IntentState.REFUSED, error=f"{type(error).__name__}: {error}")
        else:
            ledger.answer(intent, IntentState.APPLIED, **answer)
    return effects


def _launch(session: Session, home: Home, payload: dict[str, Any], effects: Effects) -> dict[str, Any]:
    plan = LaunchPlan.from_payload(payload)
    ablation_id: int | None = None
    run_ids, existing = [], []
    for planned in plan.runs:
        run = session.scalar(select(Run).where(Run.fingerprint == planned.settings.fingerprint))
        if run is not None:
            # The same settings give the same masks: finish what is missing instead of doing it all again.
            ledger.requeue_tasks(session, [run.id], [TaskState.FAILED, TaskState.CANCELLED])
            run.gpus, run.workers_per_gpu = list(plan.placement.gpus) or None, plan.placement.workers_per_gpu or None
            existing.append(run.id)
            run_ids.append(run.id)
        else:
            if ablation_id is None:
                ablation_id = ledger.add_ablation(session, plan.name, plan.command)
            run_ids.append(_add_run(session, home, ablation_id, planned, plan))
        effects.reload.add(run_ids[-1])
    return {"ablation": ablation_id, "runs": run_ids, "existing": existing}


def _add_run(session: Session, home: Home, ablation_id: int, planned: PlannedRun, plan: LaunchPlan) -> int:
    settings, outputs = planned.settings, home.locate(plan.outputs)
    name = run_name(settings, planned.default_split)
    if _is_taken(session, _folder(home, outputs, planned, name), settings, name):
        name = run_name(settings, planned.default_split, distinct=True)
    folder = home.store(_folder(home, outputs, planned, name))
    score_kind = ScoreKind.OFFICIAL
    if planned.reference:
        score_kind = ScoreKind.AGREEMENT
    elif settings.option("use_all_masks", False):
        score_kind = ScoreKind.LEAKED
    columns = {
        "name": name,
        "folder": folder,
        "predictions": planned.predictions or folder,
        "reference": planned.reference,
        "score_kind": score_kind.value,
        **settings_columns(settings),
        "gpus": list(plan.placement.gpus) or None,
        "workers_per_gpu": plan.placement.workers_per_gpu or None,
    }
    tasks = [
        ledger.NewTask(
            video=video.name,
            frames=video.frames,
            objects=video.objects,
            height=video.height,
            width=video.width,
            annotated=video.annotated,
            kind=TaskKind.SCORE if planned.predictions else TaskKind.SEGMENT,
        )
        for video in planned.videos
    ]
    return ledger.add_run(session, ablation_id, ledger.NewRun(columns, tasks))


def _folder(home: Home, outputs: Path, planned: PlannedRun, name: str) -> Path:
    """The run's folder. Masks that others made stay untouched: their records lie in the state folder."""
    return home.state / "imports" / name if planned.predictions else outputs / run_folder(planned.settings, name)


def _is_taken(session: Session, folder: Path, settings: RunSettings, name: str) -> bool:
    """Whether the folder of that name belongs to other settings, or to somebody who is not VOS Lab."""
    if session.scalar(select(Run.id).where(Run.name == name)) is not None:
        return True
    if not folder.exists():
        return False
    try:
        owner = json.loads((folder / RUN_FILE).read_text())["fingerprint"]
    except (OSError, ValueError, KeyError):
        return any(folder.iterdir())
    return bool(owner != settings.fingerprint)


def _run_ids(payload: dict[str, Any]) -> list[int]:
    return [int(run_id) for run_id in payload["runs"]]


def _cancel(session: Session, home: Home, payload: dict[str, Any], effects: Effects) -> dict[str, Any]:
    ids = _run_ids(payload)
    session.execute(
        update(VideoTask)
        .where(VideoTask.run_id.in_(ids), VideoTask.state == TaskState.QUEUED.value)
        .values(state=TaskState.CANCELLED.value)
    )
    ended = [state.value for state in RunState if state.ended]
    for run in session.scalars(select(Run).where(Run.id.in_(ids), Run.state.not_in(ended))):
        run.state = RunState.CANCELLED.value
    session.flush()
    for run_id in ids:
        if session.get(Run, run_id) is not None:
            ledger.refresh_run(session, run_id)
    effects.stop.update(ids)
    effects.reload.update(ids)
    return {"runs": ids}


def _requeue(*states: TaskState) -> Callable[[Session, Home, dict[str, Any], Effects], dict[str, Any]]:
    def action(session: Session, home: Home, payload: dict[str, Any], effects: Effects) -> dict[str, Any]:
        ids = _run_ids(payload)
        touched = ledger.requeue_tasks(session, ids, states)
        paused = session.scalars(select(Run).where(Run.id.in_(ids), Run.state == RunState.PAUSED.value))
        for run in paused:
            run.state = RunState.QUEUED.value
            touched.append(run.id)
        effects.reload.update(ids)
        return {"runs": sorted(set(touched))}

    return action


def _pause(session: Session, home: Home, payload: dict[str, Any], effects: Effects) -> dict[str, Any]:
    ids = _run_ids(payload)
    active = [RunState.QUEUED.value, RunState.RUNNING.value]
    for run in session.scalars(select(Run).where(Run.id.in_(ids), Run.state.in_(active))):
        run.state = RunState.PAUSED.value
    effects.reload.update(ids)
    return {"runs": ids}


def _reorder(session: Session, home: Home, payload: dict[str, Any], effects: Effects) -> dict[str, Any]:
    """`{"runs": [ids in the wanted order]}`: these runs share out the places that they hold now."""
    ids = _run_ids(payload)
    runs = {run.id: run for run in session.scalars(select(Run).where(Run.id.in_(ids)))}
    ids = [run_id for run_id in ids if run_id in runs]
    for run_id, position in zip(ids, sorted(run.position for run in runs.values())):
        runs[run_id].position = position
    effects.reload.update(ids)
    return {"runs": ids}


def _delete(session: Session, home: Home, payload: dict[str, Any], effects: Effects) -> dict[str, Any]:
    """`{"runs": ids, "files": bool}`: ended runs leave the database, with `files` their folders too.

    Raises InputError where a run that stays has its masks, or what it is held against, in one of those; `_TooEarly`
    while a worker is on one of them (a cancelled video is left after some frames): it would write the folder anew.
    """
    ids = _run_ids(payload)
    users: dict[Path, str] = {}  # by each folder that holds masks of theirs
    folders = []
    if payload.get("files"):
        stays = select(Run.name, Run.predictions, Run.reference).where(Run.id.not_in(ids))
        for name, *stored in session.execute(stays):
            for path in (home.locate(one) for one in stored if one):
                users.update(dict.fromkeys((path, *path.parents), name))
    for run in session.scalars(select(Run).where(Run.id.in_(ids))):
        if not RunState(run.state).ended:
            raise InputError(f"Run {run.name} is still {run.state}: cancel it first, then delete it.")
        if payload.get("files"):
            folder = home.locate(run.folder)
            if folder in users:
                raise InputError(
                    f"Run {users[folder]} uses the masks of run {run.name}: keep the masks, or delete that run too."
                )
            folders.append(folder)
    if folders and (busy := effects.at_work.intersection(ids)):
        raise _TooEarly(busy)
    effects.remove += folders
    session.execute(delete(Run).where(Run.id.in_(ids)))
    effects.reload.update(ids)
    return {"runs": ids}


_ACTIONS: dict[IntentKind, Callable[[Session, Home, dict[str, Any], Effects], dict[str, Any]]] = {
    IntentKind.LAUNCH: _launch,
    IntentKind.CANCEL: _cancel,
    IntentKind.RETRY: _requeue(TaskState.FAILED),
    IntentKind.RESUME: _requeue(TaskState.CANCELLED, TaskState.FAILED),
    IntentKind.PAUSE: _pause,
    IntentKind.REORDER: _reorder,
    IntentKind.DELETE: _delete,
    IntentKind.SCORE: apply_scoring,
}


def remove_folders(effects: Effects) -> None:
    """Delete the folders of deleted runs; only folders that carry a `run.json` are ours to delete."""
    for folder in effects.remove:
        if (folder / RUN_FILE).is_file():
            shutil.rmtree(folder, ignore_errors=True)
