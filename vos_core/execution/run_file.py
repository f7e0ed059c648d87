"""`run.json` in a run's folder: what the folder is, and what of the run stands nowhere else but in the database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from db.ledger import NewTask
from db.models import Run, VideoTask
from db.salvage import ABLATION
from db.session import reading
from vos_core.errors import InputError
from vos_core.runs import RunSettings

RUN_FILE = "run.json"


@dataclass(frozen=True)
class RunFile:
    """A run as its folder tells it. `columns` are further columns of `db.models.Run`; those, `ablation` and `videos`
    are empty in folders that an earlier version wrote."""

    name: str
    settings: RunSettings
    columns: Mapping[str, Any]
    ablation: Mapping[str, Any]
    videos: tuple[NewTask, ...]


COLUMNS = ("id", "created_at", "predictions", "reference", "score_kind")
_FACTS = ("video", "frames", "objects", "height", "width", "annotated")


def run_facts(database: Path, run_id: int) -> dict[str, Any]:
    """What `run.json` says beyond the settings, from the database; empty for a run that was deleted meanwhile."""
    with reading(database) as session:
        run = session.get(Run, run_id, options=[joinedload(Run.ablation)])
        if run is None:
            return {}
        tasks = session.execute(
            select(*(getattr(VideoTask, name) for name in _FACTS))
            .where(VideoTask.run_id == run_id)
            .order_by(VideoTask.position)
        )
        return {
            **{name: getattr(run, name) for name in COLUMNS},
            "ablation": {name: getattr(run.ablation, name) for name in ABLATION},
            "videos": [dict(task._mapping) for task in tasks],
        }


def settings_columns(settings: RunSettings) -> dict[str, Any]:
    """Columns of `db.models.Run` that its settings decide."""
    return {
        "fingerprint": settings.fingerprint,
        "settings": json.loads(settings.to_json()),
        "dataset": settings.dataset,
        "dataset_path": settings.dataset_path,
        "split": settings.split,
        "model": settings.model,
        "memory_size": settings.memory_size,
        "memory_mode": settings.memory_mode,
    }


def write_run_file(folder: Path, settings: RunSettings, name: str, facts: Mapping[str, Any]) -> None:
    """Write `run.json`, whole or not at all, so that a lost database can be rebuilt from folders."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / RUN_FILE
    temporary = path.with_suffix(".tmp")
    content = {"name": name, "fingerprint": settings.fingerprint, "settings": asdict(settings), **facts}
    temporary.write_text(json.dumps(content, indent=2) + "\n")
    temporary.replace(path)


def read_run_file(folder: Path) -> RunFile:
    """The run that owns a folder. Raises InputError when its file cannot be read, or contradicts itself."""
    path = folder / RUN_FILE
    try:
        values = json.loads(path.read_text())
        settings = RunSettings.from_values(values["settings"])
        claimed, name = values["fingerprint"], values["name"]
        ablation = {name: values["ablation"][name] for name in ABLATION} if "ablation" in values else {}
        videos = tuple(NewTask(**{name: facts[name] for name in _FACTS}) for facts in values.get("videos", ()))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is damaged, or a newer VOS Lab's ({error}).") from error
    if settings.fingerprint != claimed or not isinstance(name, str):
        raise InputError(f"{path} contradicts itself: its settings are not those of its fingerprint {claimed!r}.")
    return RunFile(name, settings, {name: values[name] for name in COLUMNS if name in values}, ablation, videos)
