"""A home for the dashboard's benchmark: runs of DAVIS size in the database, with pictures and masks to look at.

Everything is made up and seeded: scores wander and fall as trackers' scores do, and better models and larger memories
score higher; pictures are panned noise with shaded ellipses. One clip is drawn for each number of objects, and all
videos with so many objects are links to it; runs share four sets of predictions.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from benchmarks.davis_val import DAVIS_VAL, Videos
from db import ledger
from db.models import FailureEpisode, ObjectScore, VideoTask
from db.schema import ensure
from db.session import writing
from db.states import ScoreKind, TaskState
from vos_core.analysis.failures import FailureKind
from vos_core.execution.results import record_run_scores
from vos_core.home import Home
from vos_core.masks import write_mask
from vos_core.metrics.statistics import Statistics
from vos_core.models.registry import MemoryMode
from vos_core.models.sam2_options import POINTERS, STRIDE
from vos_core.runs import RunSettings, run_folder, run_name

DATASET = "DAVIS"
HEIGHT, WIDTH = 480, 854
VARIANTS = 4


@dataclass(frozen=True)
class Contents:
    """What a home holds: `rows` are frame scores, `seconds` what making the database took."""

    runs: int
    rows: int
    seconds: float


def make_home(home: Home, runs: int = 200, videos: Videos = DAVIS_VAL) -> Contents:
    """Fill `home`; a second call for the same folder only counts what is there."""
    ensure(home.database)
    note = home.root / "benchmark.json"
    if note.exists():
        return Contents(**json.loads(note.read_text()))
    dataset = home.data / DATASET
    write_pictures(dataset, home.outputs / "shared", videos)
    stored = home.store(dataset)
    start, rows = time.perf_counter(), 0
    every = itertools.islice(settings_of(stored), runs)
    with writing(home.database) as session:
        ablation, ablation_id = "", 0
        for number, (name, settings) in enumerate(every):
            if name != ablation:
                ablation, ablation_id = name, ledger.add_ablation(session, name, "python -m vos_core run …")
            rows += add_finished_run(session, home, ablation_id, settings, number, videos)
    contents = Contents(runs, rows, time.perf_counter() - start)
    note.write_text(json.dumps(contents.__dict__))
    return contents


def settings_of(stored: str) -> Iterator[tuple[str, RunSettings]]:
    """(ablation, settings) of at least 200 different runs: what somebody with a GPU would have launched by now."""
    sizes = ("large", "base_plus", "small", "tiny")
    for family, mode, size in itertools.product(("sam2", "sam2.1"), MemoryMode, sizes):
        for memory in range(8):
            model = f"{family}_hiera_{size}"
            yield f"{model}, {mode.value}", RunSettings(DATASET, stored, "val", model, memory, mode.value)
    for memory in range(1, 17):
        yield "no weights", RunSettings(DATASET, stored, "val", "propagation", memory)
    for option, values in ((STRIDE, (2, 4, 8)), (POINTERS, (1, 4, 8))):
        for value, size, memory in itertools.product(values, sizes, range(3, 8)):
            model = f"sam2_hiera_{size}"
            mode = MemoryMode.POSITION_PRESERVING.value
            knob = ((option, value),)
            yield f"{option} of {model}", RunSettings(DATASET, stored, "val", model, memory, mode, (), knob)


def add_finished_run(
    session: Session, home: Home, ablation_id: int, settings: RunSettings, number: int, videos: Videos
) -> int:
    """Queue a run and record all its videos as done; returns the number of its frame scores."""
    name = run_name(settings, "val")
    folder = home.outputs / run_folder(settings, name)
    columns = {
        "name": name,
        "folder": home.store(folder),
        "predictions": home.store(home.outputs / "shared" / str(number % VARIANTS)),
        "score_kind": ScoreKind.OFFICIAL.value,
        "fingerprint": settings.fingerprint,
        "settings": json.loads(settings.to_json()),
        **{key: getattr(settings, key) for key in ("dataset", "dataset_path", "split", "model", "memory_size")},
        "memory_mode": settings.memory_mode,
    }
    tasks = [ledger.NewTask(video, n, k, HEIGHT, WIDTH, n) for video, (n, k) in videos.items()]
    run_id = ledger.add_run(session, ablation_id, ledger.NewRun(columns, tasks))
    ids = dict(session.execute(select(VideoTask.video, VideoTask.id).where(VideoTask.run_id == run_id)).tuples().all())
    began = time.time() - 86_400 * 20 + number * 6_000
    scores = _Scores(settings, number)
    done, objects, episodes, rows = [], [], [], []
    for place, (video, (frames, count)) in enumerate(videos.items()):
        means = []
        for object_id in range(1, count + 1):
            j, f, fails = scores.of(place * 8 + object_id, frames - 2)
            of_j, of_f = Statistics.of(j), Statistics.of(f)
            means.append((of_j.mean, of_f.mean))
            key = {"task_id": ids[video], "object_id": object_id}
            named = (("j", of_j), ("f", of_f))
            parts = {f"{n}_{part}": getattr(s, part) for n, s in named for part in ("mean", "recall", "decay")}
            objects.append(key | parts)
            episodes += [key | episode for episode in fails]
            rows += zip(
                itertools.repeat(ids[video]), itertools.repeat(object_id), range(1, frames - 1), j.tolist(), f.tolist()
            )
        done.append(_task_values(ids[video], frames, count, means, began, settings))
        began = done[-1]["finished_at"]
    session.connection().execute(update(VideoTask).where(VideoTask.id == bindparam("task")), done)
    session.execute(insert(ObjectScore), objects)
    session.execute(insert(FailureEpisode), episodes)
    session.connection().exec_driver_sql(
        "INSERT INTO frame_score (task_id, object_id, frame, j, f) VALUES (?, ?, ?, ?, ?)", rows
    )
    session.expire_all()
    run = ledger.refresh_run(session, run_id)
    run.created_at, run.started_at, run.finished_at = done[0]["started_at"], done[0]["started_at"], began
    run.active_s = run.busy_s / 4
    run.provenance = {
        "vos_lab": "0.1.0",
        "packages": {"torch": "2.13.0", "sam2": "1.1.0"},
        "gpus": {str(place): "NVIDIA L4" for place in range(4)},
        "devices": ["NVIDIA L4"],
    }
    record_run_scores(session, run)
    return len(rows)


def _size(settings: RunSettings) -> str:
    return settings.model.split("_hiera_")[-1]


def _task_values(
    task: int, frames: int, objects: int, means: Sequence[tuple[float, float]], began: float, settings: RunSettings
) -> dict[str, Any]:
    a_frame = {"tiny": 0.018, "small": 0.021, "base_plus": 0.03, "large": 0.05}.get(_size(settings), 0.4)
    inference = frames * (a_frame + objects * 0.001 * (settings.memory_size or 0))
    wall = inference + 0.3
    return {
        "task": task,
        "state": TaskState.DONE.value,
        "attempt": 1,
        "worker": "gpu-0",
        "frames_done": frames,
        "started_at": began,
        "finished_at": began + wall,
        "j_mean": float(np.mean([j for j, _ in means])),
        "f_mean": float(np.mean([f for _, f in means])),
        "decode_s": 0.003 * frames,
        "inference_s": inference,
        "write_s": 0.002 * frames,
        "evaluation_s": 0.0012 * frames * objects,
        "wall_s": wall,
        "wait_s": 0.05,
        "load_s": 0.0,
        "peak_gpu_bytes": 2 * 2**30,
        "peak_host_bytes": 700 * 2**20,
        "device_name": "NVIDIA L4",
    }


class _Scores:
    """Scores of one run: objects differ in how hard they are, the same ones for every run."""

    def __init__(self, settings: RunSettings, number: int) -> None:
        size = {"tiny": 0.0, "small": 0.01, "base_plus": 0.025, "large": 0.04}.get(_size(settings), -0.2)
        memory = 0.05 * np.log2(1 + (settings.memory_size or 0)) / 3
        self.level = 0.8 + size + memory
        self.number = number

    def of(self, place: int, frames: int) -> tuple[np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """J and F of one object over `frames` evaluated frames, and its failures."""
        hard = np.random.default_rng(place)
        own = np.random.default_rng((self.number, place))
        level = self.level - hard.exponential(0.06) + own.normal(0, 0.01)
        steps = own.normal(0, 0.012, (2, frames))
        wander = np.cumsum(steps, axis=1) * 0.4
        jf = np.clip(level + wander + own.normal(0, 0.01, (2, frames)) + np.array([[-0.02], [0.02]]), 0.05, 0.995)
        fails = []
        # The same stretches are hard for every run; good ones get through.
        for start, share, depth in zip(hard.random(2), hard.uniform(0.05, 0.25, 2), hard.uniform(0.5, 1.2, 2)):
            first, length = int(start * frames * 0.9), max(int(share * frames), 2)
            last = min(first + length, frames) - 1
            if own.random() > depth * (1.35 - level):
                continue
            jf[:, first : last + 1] *= own.uniform(0.0, 0.55)
            mean = jf[:, first : last + 1].mean(0)
            kind = list(FailureKind)[int(own.integers(len(FailureKind)))]
            fails.append(
                {
                    "start": first + 1,
                    "end": last + 1,
                    "kind": kind.value,
                    "worst_frame": first + 1 + int(mean.argmin()),
                    "worst_score": float(mean.min()),
                    "frames": last - first + 1,
                    "severity": float((1 - mean).sum() / frames),
                }
            )
        unique = {row["start"]: row for row in fails}
        return jf[0], jf[1], list(unique.values())


def write_pictures(dataset: Path, predictions: Path, videos: Videos) -> None:
    """The dataset, and `VARIANTS` sets of predictions in folders 0, 1, … of `predictions`."""
    lengths: dict[int, int] = {}
    for frames, objects in videos.values():
        lengths[objects] = max(frames, lengths.get(objects, 0))
    sources = dataset / "Sources"
    for objects, frames in lengths.items():
        _draw_clip(sources / str(objects), objects, frames)
    for video, (frames, objects) in videos.items():
        clip = sources / str(objects)
        targets = [
            (clip / "frames", dataset / "JPEGImages" / "480p"),
            (clip / "masks", dataset / "Annotations" / "480p"),
        ]
        targets += [(clip / f"predictions{number}", predictions / str(number)) for number in range(VARIANTS)]
        for source, target in targets:
            (target / video).mkdir(parents=True)
            for path in sorted(source.iterdir())[:frames]:
                os.link(path, target / video / path.name)
    lists = dataset / "ImageSets" / "2017"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("".join(f"{video}\n" for video in videos), encoding="utf-8")


def _draw_clip(folder: Path, objects: int, frames: int) -> None:
    random = np.random.default_rng(objects)
    coarse = random.integers(40, 200, (30, 90, 3), np.uint8)
    wide = np.asarray(Image.fromarray(coarse).resize((WIDTH + 260, HEIGHT), Image.Resampling.BICUBIC), np.int16)
    wide = np.clip(wide + random.normal(0, 5, wide.shape), 0, 255).astype(np.uint8)
    colours = random.integers(60, 230, (objects, 3))
    for name in ("frames", "masks", *(f"predictions{number}" for number in range(VARIANTS))):
        (folder / name).mkdir(parents=True)
    for index in range(frames):
        picture = wide[:, 2 * index : 2 * index + WIDTH].copy()
        masks = [np.zeros((HEIGHT, WIDTH), np.uint8) for _ in range(VARIANTS + 1)]
        for k in range(objects):
            angle = 0.05 * index + 2.1 * k
            x = WIDTH * (0.5 + 0.32 * np.cos(angle + k))
            y = HEIGHT * (0.3 + 0.4 * k / max(objects - 1, 1) + 0.06 * np.sin(3 * angle))
            radius = 78 - 6 * objects + 6 * np.sin(0.2 * index + k)
            _paint(picture, masks[0], x, y, radius, k + 1, colours[k])
            for number in range(VARIANTS):
                off = (number + 1) * (2 + 14 * max(0.0, np.sin(0.11 * index + number)))
                _paint(None, masks[number + 1], x + off, y + off / 2, radius * (1 - 0.02 * number), k + 1, colours[k])
        Image.fromarray(picture).save(folder / "frames" / f"{index:05d}.jpg", quality=90)
        write_mask(folder / "masks" / f"{index:05d}.png", masks[0])
        for number in range(VARIANTS):
            write_mask(folder / f"predictions{number}" / f"{index:05d}.png", masks[number + 1])


def _paint(
    picture: np.ndarray | None, mask: np.ndarray, x: float, y: float, radius: float, label: int, colour: np.ndarray
) -> None:
    """A shaded ellipse, 1.5 times as wide as high."""
    top, bottom = max(int(y - radius), 0), min(int(y + radius) + 1, HEIGHT)
    left, right = max(int(x - 1.5 * radius), 0), min(int(x + 1.5 * radius) + 1, WIDTH)
    rows, columns = np.mgrid[top:bottom, left:right]
    away = ((columns - x) / (1.5 * radius)) ** 2 + ((rows - y) / radius) ** 2
    inside = away < 1
    mask[top:bottom, left:right][inside] = label
    if picture is not None:
        shade = (1 - 0.5 * away[..., None]) * colour
        picture[top:bottom, left:right][inside] = shade[inside].astype(np.uint8)
