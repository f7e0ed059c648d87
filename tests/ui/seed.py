"""A home with a small DAVIS-layout dataset and runs in every state, written through the real ledger and scorer.

The predictions are fixture data: annotations moved by a few pixels, more of them the smaller the memory size.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from sqlalchemy import select

from db import ledger, queries
from db.intents import ask
from db.models import Run, VideoTask
from db.schema import ensure
from db.session import writing
from db.states import IntentKind, RunState, TaskState
from vos_core.analysis.failures import FailureFinder
from vos_core.datasets import open_dataset
from vos_core.evaluation import VideoScorer
from vos_core.execution.intents import apply_intents
from vos_core.execution.results import record_finished, record_run_scores
from vos_core.execution.sidecar import ObjectRecord, VideoRecord
from vos_core.home import Home
from vos_core.imports import plan_import
from vos_core.launch import LaunchPlan, plan_launch
from vos_core.masks import read_mask, write_mask
from vos_core.runs import Grid

HEIGHT, WIDTH = 90, 160
UNREADABLE = "Frame 00003.jpg cannot be decoded (truncated file): replace the file, then retry the video."
STRANGE = "rock & <script>roll \"'ü'\""


def write_dataset(root: Path, videos: dict[str, int], *, first_only: bool = False) -> Path:
    """A DAVIS-layout dataset at `root`: video name -> number of frames, two objects that move and cross."""
    for seed, (video, frames) in enumerate(videos.items()):
        generator = np.random.default_rng(seed)
        ground = generator.integers(60, 140, (HEIGHT, WIDTH, 3), np.uint8)
        for index in range(frames):
            mask = label_map(index, frames)
            picture = ground.copy()
            picture[mask == 1] = (210, 90, 40)
            picture[mask == 2] = (40, 120, 210)
            for folder, suffix in (("JPEGImages", "jpg"), ("Annotations", "png")):
                (root / folder / "480p" / video).mkdir(parents=True, exist_ok=True)
                path = root / folder / "480p" / video / f"{index:05d}.{suffix}"
                if suffix == "jpg":
                    Image.fromarray(picture).save(path, quality=90)
                elif index == 0 or not first_only:
                    write_mask(path, mask)
    lists = root / "ImageSets" / "2017"
    lists.mkdir(parents=True, exist_ok=True)
    (lists / "val.txt").write_text("".join(f"{video}\n" for video in videos), encoding="utf-8")
    return root


def label_map(index: int, frames: int) -> np.ndarray:
    """Annotation of one frame: a disc that goes right (1), and one that goes left and passes behind it (2)."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    way = index / max(frames - 1, 1)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[(x - 130 + 95 * way) ** 2 + (y - 42) ** 2 < 15**2] = 2
    mask[(x - 30 - 95 * way) ** 2 + (y - 50) ** 2 < 18**2] = 1
    return mask


def launch(home: Home, grid: Grid, name: str = "") -> list[int]:
    """Queue a grid as the dispatcher would; returns the runs' ids."""
    return enter(home, plan_launch(grid, home, name))


def enter(home: Home, plan: LaunchPlan) -> list[int]:
    """Queue a plan as the dispatcher would; returns the runs' ids."""
    ensure(home.database)
    intent_id = ask(home.database, IntentKind.LAUNCH, plan.to_payload())
    with writing(home.database) as session:
        apply_intents(session, home)
    intent = queries.intent(home.database, intent_id)
    assert intent is not None
    return list(intent.answer["runs"])


def finish(home: Home, run_id: int, *, drift: int, videos: int | None = None) -> None:
    """Write predictions and real scores for a run's first `videos` videos (None: all of them)."""
    run = queries.run_by_id(home.database, run_id)
    assert run is not None
    dataset = open_dataset(home.locate(run.dataset_path), run.dataset)
    tasks = queries.tasks(home.database, run_id)
    for task in tasks if videos is None else tasks[:videos]:
        video = dataset.video(task.video)
        folder = home.locate(run.predictions) / task.video
        folder.mkdir(parents=True, exist_ok=True)
        truths = video.annotations
        if run.reference:
            truths = {path.stem: path for path in sorted((home.locate(run.reference) / task.video).glob("*.png"))}
        watch = FailureWatch(task.video, video.stems, task.objects)
        scorer = VideoScorer(task.video, truths, watch=watch) if len(truths) > 2 else None
        for index, stem in enumerate(video.stems):
            shift = round(drift * index / video.length * (1.6 if task.video == "crossing" else 1.0))
            truth = video.annotations.get(stem)
            mask = read_mask(truth) if truth else label_map(index, video.length)
            mask = np.ascontiguousarray(np.roll(mask, shift, axis=1))
            write_mask(folder / f"{stem}.png", mask)
            if scorer:
                scorer.add(stem, mask)
        objects = scorer.finish().objects if scorer else ()
        record = VideoRecord(
            fingerprint=run.fingerprint,
            video=task.video,
            attempt=1,
            frames=video.length,
            decode_s=0.02 * video.length,
            inference_s=0.11 * video.length,
            write_s=0.01 * video.length,
            evaluation_s=0.015 * video.length,
            wall_s=0.15 * video.length,
            wait_s=0.03 * video.length,
            load_s=1.5 if task is tasks[0] else 0.0,
            peak_host_bytes=512 * 2**20,
            device_name="CPU",
            provenance={"packages": {"numpy": np.__version__}, "code": "test"},
            failures=tuple(episode.as_values() for episode in watch.finder.finish()),
            objects=tuple(
                ObjectRecord(
                    item.object_id,
                    tuple(video.stems.index(stem) for stem in item.frames),
                    tuple(item.j.tolist()),
                    tuple(item.f.tolist()),
                    (item.j_statistics.mean, item.j_statistics.recall, item.j_statistics.decay),
                    (item.f_statistics.mean, item.f_statistics.recall, item.f_statistics.decay),
                )
                for item in objects
            ),
        )
        with writing(home.database) as session:
            ledger.start_task(session, task.id, 1, "cpu-0")
            record_finished(session, task.id, record)
            touched = ledger.refresh_run(session, run_id)
            touched.active_s += record.wall_s
            record_run_scores(session, touched)


class FailureWatch:
    """Feeds a video's failure finder beside its scorer."""

    def __init__(self, video: str, stems: Sequence[str], objects: int) -> None:
        self.stems = list(stems)
        self.finder = FailureFinder(video, objects)

    def __call__(
        self, stem: str, annotation: np.ndarray, mask: np.ndarray, j: Sequence[float], f: Sequence[float]
    ) -> None:
        self.finder.add(self.stems.index(stem), annotation, mask, j, f)


def fail(home: Home, run_id: int, error: str) -> None:
    """Let every unfinished video of a run fail."""
    with writing(home.database) as session:
        for task in session.scalars(select(VideoTask).where(VideoTask.run_id == run_id)).all():
            if task.state != TaskState.DONE.value:
                ledger.start_task(session, task.id, 3, "cpu-0")
                ledger.set_task_state(session, task.id, TaskState.FAILED, error)
        session.flush()
        record_run_scores(session, ledger.refresh_run(session, run_id))


def run_half(home: Home, run_id: int) -> None:
    """Let a run be under way: its next unfinished video half done."""
    with writing(home.database) as session:
        unfinished = select(VideoTask).where(VideoTask.run_id == run_id, VideoTask.state == TaskState.QUEUED.value)
        task = session.scalars(unfinished.order_by(VideoTask.position)).first()
        assert task is not None
        ledger.start_task(session, task.id, 1, "cpu-0")
        ledger.write_progress(session, {task.id: task.frames // 2})
        session.expire_all()
        ledger.refresh_run(session, run_id)


def full_home(home: Home) -> dict[str, int]:
    """Runs in every state over two datasets; returns their ids by what they are."""
    write_dataset(home.data / "demo", {"crossing": 24, "drifting": 16, STRANGE: 12})
    write_dataset(home.data / "mose", {"only-first": 10}, first_only=True)
    demo = (("demo", home.store(home.data / "demo"), "val"),)
    mose = (("mose", home.store(home.data / "mose"), "val"),)
    ids: dict[str, int] = {}
    sizes = (1, 2, 3, 5, 7)
    runs = launch(home, Grid(demo, ("static", "flow", "propagation"), sizes), "demo ablation")
    ids["static"], ids["flow"] = runs[0], runs[1]
    ids["done"] = runs[-1]
    for run_id, drift in zip(runs, (26, 17, 15, 10, 8, 6, 5)):
        finish(home, run_id, drift=drift)
    ids["mose"] = launch(home, Grid(mose, ("flow",)), "first frames only")[0]
    finish(home, ids["mose"], drift=4)
    more = launch(home, Grid(demo, ("propagation",), (4, 6, 8, 9)), "more sizes")
    ids["failed"], ids["cancelled"], ids["running"], ids["queued"] = more
    finish(home, ids["failed"], drift=6, videos=1)
    fail(home, ids["failed"], UNREADABLE)
    with writing(home.database) as session:
        run = session.get_one(Run, ids["cancelled"])
        for task in run.tasks:
            ledger.set_task_state(session, task.id, TaskState.CANCELLED)
        session.flush()
        ledger.refresh_run(session, run.id)
        assert run.state == RunState.CANCELLED.value
    finish(home, ids["running"], drift=6, videos=1)
    run_half(home, ids["running"])
    with writing(home.database) as session:
        session.get_one(Run, ids["running"]).started_at = time.time() - 31
    ids["agreement"], ids["leaked"] = not_official(home)
    return ids


def not_official(home: Home) -> tuple[int, int]:
    """Two finished runs over the demo set whose figures are no J&F: held against predictions, and prompted wholly."""
    dataset = open_dataset(home.data / "demo", "demo")
    ours = home.outputs / "theirs"
    shutil.copytree(home.locate("outputs:demo_pred_pngs/demo_flow"), ours)
    sample = home.data / "sample_submission"
    shutil.copytree(home.locate("outputs:demo_pred_pngs/demo_propagation_memsize7"), sample)
    agreement = enter(home, plan_import(home, dataset, "OSVOS", ours, against=sample))[0]
    finish(home, agreement, drift=9)
    (plain,) = plan_launch(Grid((("demo", home.store(dataset.root), "val"),), ("propagation",), (2,)), home).runs
    settings = replace(plain.settings, options=(("use_all_masks", True),))
    leaked = enter(home, LaunchPlan("all masks", "", (replace(plain, settings=settings),)))[0]
    finish(home, leaked, drift=1)
    return agreement, leaked
