"""A finished video's record beside its masks (`<video>/.voslab.json`): enough to adopt it without segmenting again."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

SIDECAR = ".voslab.json"
TEMPORARY = ".tmp-"


@dataclass(frozen=True)
class ObjectRecord:
    """Scores of one object: per evaluated frame (index in the video), and mean/recall/decay of J and F."""

    object_id: int
    frames: tuple[int, ...]
    j: tuple[float, ...]
    f: tuple[float, ...]
    j_statistics: tuple[float, float, float]
    f_statistics: tuple[float, float, float]


@dataclass(frozen=True)
class VideoRecord:
    """What one attempt at one video produced. Seconds as in `vos_core.inference.VideoTimings`; `load_s` is what this
    video waited for its model: loading it, and warming it up (the provenance's `warm_up_s` is that part of it)."""

    fingerprint: str  # of the run's settings
    video: str
    attempt: int
    frames: int
    decode_s: float = 0.0
    inference_s: float = 0.0
    write_s: float = 0.0
    evaluation_s: float = 0.0
    wall_s: float = 0.0
    load_s: float = 0.0
    wait_s: float = 0.0
    peak_gpu_bytes: int | None = None
    peak_host_bytes: int | None = None
    device_name: str = ""
    gpu: str | None = None  # which one, among all of its kind; None on a CPU
    provenance: Mapping[str, Any] = field(default_factory=dict)
    objects: tuple[ObjectRecord, ...] = ()  # empty where the video has no annotations to score against
    failures: tuple[Mapping[str, Any], ...] = ()  # `FailureEpisode.as_values()`, worst first
    dot: tuple[Mapping[str, Any], ...] = ()  # `second_metric.dot_objects`, where J&F-dot was wanted


def write_record(folder: Path, record: VideoRecord) -> None:
    """Write the sidecar into the video's (still temporary) folder; an older one is replaced, whole or not at all."""
    draft = folder / f"{SIDECAR}.tmp"
    draft.write_text(json.dumps(asdict(record)))
    draft.replace(folder / SIDECAR)


def read_record(folder: Path, fingerprint: str, frames: int) -> VideoRecord | None:
    """The record of a finished video folder; None unless it is whole and made by exactly these settings."""
    record = any_record(folder)
    if record is None or record.fingerprint != fingerprint or record.frames != frames:
        return None
    return record


def any_record(folder: Path) -> VideoRecord | None:
    """The record of a finished video folder, whatever settings made it; None unless it is whole."""
    try:
        values = json.loads((folder / SIDECAR).read_text())
        objects = tuple(
            ObjectRecord(
                object_id=item["object_id"],
                frames=tuple(item["frames"]),
                j=tuple(item["j"]),
                f=tuple(item["f"]),
                j_statistics=tuple(item["j_statistics"]),
                f_statistics=tuple(item["f_statistics"]),
            )
            for item in values.pop("objects")
        )
        failures, dot = tuple(values.pop("failures", ())), tuple(values.pop("dot", ()))
        return VideoRecord(**values, objects=objects, failures=failures, dot=dot)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def made_with(run_folder: Path, fingerprint: str) -> tuple[str, str]:
    """A finished video of a run, and the SHA-256 of the checkpoint that made it; empty where none says so."""
    for sidecar in run_folder.glob(f"[!.]*/{SIDECAR}"):
        record = any_record(sidecar.parent)
        if record is not None and record.fingerprint == fingerprint and record.provenance.get("checkpoint_sha256"):
            return record.video, str(record.provenance["checkpoint_sha256"])
    return "", ""


def temporary_folder(run_folder: Path, video: str, attempt: int) -> Path:
    """Where an attempt writes until it is whole. Hidden, and on the same file system as its final place."""
    return run_folder / f"{TEMPORARY}{attempt}-{video}"


def put_in_place(temporary: Path, final: Path) -> None:
    """Rename a whole attempt to its final name; an earlier result of that name is replaced."""
    try:
        temporary.rename(final)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        old = temporary.with_name(temporary.name + "-old")
        final.rename(old)
        temporary.rename(final)
        shutil.rmtree(old, ignore_errors=True)


def sweep(run_folder: Path, video: str, up_to: int) -> None:
    """Remove what attempts at this video left behind, up to number `up_to`: a superseded worker that wakes must not
    take a newer attempt's folder away."""
    for left in run_folder.glob(f"{TEMPORARY}*"):
        attempt, _, name = left.name.removeprefix(TEMPORARY).partition("-")
        if name in (video, f"{video}-old") and attempt.isdecimal() and int(attempt) <= up_to:
            shutil.rmtree(left, ignore_errors=True)
