"""A SA-V style dataset and a finished run over it whose predictions are kept one folder an object, really scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from db import ledger, queries
from db.session import writing
from tests.clips import write_sav
from tests.ui.seed import enter
from vos_core.datasets import open_dataset
from vos_core.execution.results import record_finished, record_run_scores
from vos_core.execution.scorer import ScorerProcess
from vos_core.execution.sidecar import VideoRecord
from vos_core.execution.worker import object_records
from vos_core.home import Home
from vos_core.imports import plan_import
from vos_core.masks import write_mask
from vos_core.per_object import object_folders, read_binary

VIDEOS = {"sav_1": 13, "sav_2": 9}


def apart_home(home: Home) -> int:
    """Writes `data/sav_val` and a run over it; returns the run's id."""
    root = write_sav(home.data / "sav_val", VIDEOS)
    dataset = open_dataset(root)
    theirs = home.root / "theirs"
    for name in VIDEOS:
        write_predictions(root / "Annotations_6fps" / name, theirs / name, VIDEOS[name])
    (run_id,) = enter(home, plan_import(home, dataset, "theirs", theirs))
    scorer = ScorerProcess()
    try:
        for task in queries.tasks(home.database, run_id):
            video = dataset.video(task.video)
            assert video.per_object is not None
            scorer.begin(video.name, video.stems, video.per_object)
            for stem in video.stems:
                folders = object_folders(theirs / video.name)
                scorer.add(stem, {k: read_binary(folder / f"{stem}.png") for k, folder in folders.items()})
            scored = scorer.finish()
            run = queries.run_by_id(home.database, run_id)
            assert run is not None
            record = VideoRecord(
                fingerprint=run.fingerprint,
                video=video.name,
                attempt=1,
                frames=video.length,
                objects=object_records(video, scored),
                failures=tuple(episode.as_values() for episode in scored.failures),
            )
            with writing(home.database) as session:
                ledger.start_task(session, task.id, 1, "cpu-0")
                record_finished(session, task.id, record)
                record_run_scores(session, ledger.refresh_run(session, run_id))
    finally:
        scorer.close()
    return run_id


def write_predictions(annotations: Path, target: Path, frames: int) -> None:
    """Masks of every frame, one folder an object: the latest annotation, grown so that the objects overlap more."""
    for folder in object_folders(annotations).values():
        (target / folder.name).mkdir(parents=True)
        for index in range(frames):
            mask = read_binary(folder / f"{index // 4 * 4:05d}.png")
            write_mask(target / folder.name / f"{index:05d}.png", (mask | np.roll(mask, 6, 0)).astype(np.uint8))
