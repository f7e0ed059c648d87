"""Bringing an item to where the app looks for it: found or downloaded, verified, unpacked, renamed into place."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from vos_core.datasets.mose import ANNOTATIONS, FRAMES, LISTS, video_order, write_list
from vos_core.downloads.catalogue import Item, Kind
from vos_core.downloads.failures import DownloadError
from vos_core.downloads.transfer import Policy, discard, download, require_space, sha256_of
from vos_core.downloads.unpack import Limits, unpack
from vos_core.errors import InputError
from vos_core.home import Home

RECORD = ".fetched.json"


class State(StrEnum):
    """How much of an item is there; a look at names and sizes, nothing is read through."""

    MISSING = "missing"
    PARTIAL = "partial"
    READY = "ready"
    DAMAGED = "damaged"


class Stage(StrEnum):
    """What a fetch is doing."""

    DOWNLOADING = "downloading"
    WAITING = "waiting"
    VERIFYING = "verifying"
    UNPACKING = "unpacking"
    READY = "ready"


@dataclass(frozen=True)
class Progress:
    """One report of a fetch: bytes `done` of `total` (None: unknown), and a sentence where there is one to say."""

    item: str
    stage: Stage
    done: int = 0
    total: int | None = None
    note: str = ""


Callback = Callable[[Progress], None]
"""Called often; may raise `Cancelled` to stop, which keeps what was transferred."""


def state(item: Item, home: Home) -> State:
    """How much of `item` is there. Finished names are only ever given to whole things by `fetch`; DAMAGED is a thing
    that somebody else left: a checkpoint of another size than published, a dataset folder without frames."""
    destination, file = item.destination(home), item.file_path(home)
    if item.kind is Kind.CHECKPOINT and file.is_file():
        wrong = item.size is not None and file.stat().st_size != item.size
        return State.DAMAGED if wrong else State.READY
    if item.kind is Kind.DATASET and destination.exists():
        return State.READY if _is_dataset(destination) else State.DAMAGED
    begun = file.is_file() or any(file.parent.glob(f"{file.name}.part*")) or _unpacking(destination).exists()
    return State.PARTIAL if begun else State.MISSING


def fetch(item: Item, home: Home, progress: Callback = lambda report: None, policy: Policy | None = None) -> Path:
    """Make `item` ready and return its path (checkpoint file or dataset folder); at once where it is ready.

    A file that a person put in place is verified and used. Raises DownloadError when no source could give it or
    another process is fetching it; InputError when something else is in its place or the disk is too small.
    """
    destination, file = item.destination(home), item.file_path(home)
    file.parent.mkdir(parents=True, exist_ok=True)
    with _alone(item, file):
        if item.kind is Kind.DATASET and destination.exists():
            if not _is_dataset(destination):
                raise InputError(
                    f"{destination} is there but is no whole dataset (no videos in {FRAMES} and {ANNOTATIONS}): "
                    "move it away or delete it, then fetch again."
                )
        else:
            ours = _provide_file(item, home, file, progress, policy)
            if item.kind is Kind.DATASET:
                _unpack_dataset(item, file, destination, progress)
                if ours:
                    file.unlink()
                    _record_of(file).unlink(missing_ok=True)
    progress(Progress(item.name, Stage.READY))
    return destination


def recorded_sha256(path: Path) -> str | None:
    """The SHA-256 that `fetch` noted for a file, None where it noted none or the file has changed since."""
    try:
        record = json.loads(_record_of(path).read_text(encoding="utf-8"))
        status = path.stat()
        unchanged = record["size"] == status.st_size and record["mtime_ns"] == status.st_mtime_ns
        return str(record["sha256"]) if unchanged else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _provide_file(item: Item, home: Home, file: Path, progress: Callback, policy: Policy | None) -> bool:
    """The item's file, whole and verified under its own name; returns whether it was downloaded by us."""
    if file.exists():
        return _verify_found(item, home, file, progress)
    part = file.with_name(file.name + ".part")

    def notify(what: str, done: int, total: int | None) -> None:
        stage = {"download": Stage.DOWNLOADING, "verify": Stage.VERIFYING}.get(what, Stage.WAITING)
        progress(Progress(item.name, stage, done, total, what if stage is Stage.WAITING else ""))

    # Unpacked JPEG and PNG take about as much as packed.
    room = (item.size or 0) if item.kind is Kind.DATASET else 0
    try:
        url, sha256 = download(
            item.sources,
            part,
            size=item.size,
            sha256=item.sha256,
            unpacked=room,
            policy=policy,
            notify=notify,
        )
    except DownloadError as error:
        raise DownloadError(f"{error} {item.by_hand(home)}") from error
    part.replace(file)
    discard(part)
    _write_record(file, sha256, url, published=item.sha256 is not None)
    return True


def _verify_found(item: Item, home: Home, file: Path, progress: Callback) -> bool:
    """Check a file that is already there; returns whether a fetch of ours left it."""
    if not file.is_file():
        raise InputError(f"{file} is no file: move it away, then fetch again.")
    size, known = file.stat().st_size, recorded_sha256(file)
    if item.size is not None and size != item.size:
        raise InputError(
            f"{file} has {size} bytes where the published file has {item.size}: rename it if it is yours, else "
            "delete it, then fetch again."
        )
    ours = known is not None and _source_of(file) != "found"
    sha256 = known or sha256_of(
        file, lambda what, done, total: progress(Progress(item.name, Stage.VERIFYING, done, total))
    )
    if item.sha256 is not None and sha256 != item.sha256:
        raise InputError(
            f"{file} has SHA-256 {sha256[:12]}… where the published file has {item.sha256[:12]}…: rename it if it is "
            "yours, else delete it, then fetch again."
        )
    if known is None:
        _write_record(file, sha256, "found", published=item.sha256 is not None)
    return ours


def _unpack_dataset(item: Item, archive: Path, destination: Path, progress: Callback) -> None:
    """Unpack beside the destination under another name, find the dataset in there, and rename it."""
    temporary = _unpacking(destination)
    shutil.rmtree(temporary, ignore_errors=True)
    destination.parent.mkdir(parents=True, exist_ok=True)
    require_space(destination.parent, archive.stat().st_size, f"unpacking {archive.name}")
    try:
        unpack(
            archive,
            temporary,
            Limits(),
            lambda done, total: progress(Progress(item.name, Stage.UNPACKING, done, total)),
        )
        found = _dataset_in(temporary)
        if found is None:
            raise DownloadError(
                f"{archive} holds no dataset: no folder of it has videos in both {FRAMES} and {ANNOTATIONS}. Delete "
                "it and fetch it again."
            )
        if item.split is not None and not (found / LISTS).exists():
            _write_list(found, item.split, destination.parent / f"meta_{destination.name}.json")
        record = {
            "item": item.name,
            "archive": archive.name,
            "sha256": recorded_sha256(archive),
            "recorded": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        (found / RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")
        found.replace(destination)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_list(dataset: Path, split: str, meta: Path) -> None:
    """Write `ImageSets/<split>.txt`, in the order of the publisher's meta file where it names the same videos."""
    videos = video_order(dataset)
    try:
        named = video_order(dataset, meta)
    except InputError:
        named = ()
    if sorted(named) == sorted(videos):
        videos = named
    write_list(dataset, split, videos)


def _dataset_in(folder: Path) -> Path | None:
    """The dataset nearest to the top of an unpacked archive, at most three folders down."""
    level = [folder]
    for _ in range(4):
        for candidate in level:
            if _is_dataset(candidate):
                return candidate
        level = sorted(child for parent in level for child in parent.iterdir() if child.is_dir())
    return None


def _is_dataset(folder: Path) -> bool:
    """Whether both frames and annotations have at least one folder (a video, or a resolution)."""
    return all(
        (folder / name).is_dir() and any(child.is_dir() for child in (folder / name).iterdir())
        for name in (FRAMES, ANNOTATIONS)
    )


def _unpacking(destination: Path) -> Path:
    # A leading dot: whoever lists datasets leaves it out.
    return destination.with_name(f".unpacking-{destination.name}")


def _record_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _source_of(path: Path) -> str:
    return str(json.loads(_record_of(path).read_text(encoding="utf-8")).get("source"))


def _write_record(path: Path, sha256: str, source: str, published: bool) -> None:
    status = path.stat()
    record = {
        "sha256": sha256,
        "compared with the published SHA-256": published,
        "source": source,
        "size": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "recorded": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    temporary = path.with_name(f"{path.name}.json.tmp")
    temporary.write_text(json.dumps(record, indent=1), encoding="utf-8")
    temporary.replace(_record_of(path))


@contextmanager
def _alone(item: Item, file: Path) -> Iterator[None]:
    """Hold the item's lock: two processes that append to one `.part` file would spoil it."""
    path = file.with_name(f".{file.name}.lock")
    with path.open("a+b") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DownloadError(f"{item.name} is being fetched by another process: wait for it.") from error
        except OSError:
            pass  # a file system without locks
        yield  # the lock file stays: removing it would let two processes hold two locks of one name
