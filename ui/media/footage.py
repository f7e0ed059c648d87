"""Which files the pictures and masks of a run's video are, and the addresses under which the browser asks for them.

Addresses carry what they show (dataset and version of its files, or run and attempt), so browsers may keep answers
for ever, and two runs over one video share its frames.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from db import queries
from db.models import Run
from vos_core.datasets import Dataset, Video, open_dataset
from vos_core.datasets.layout import IMAGES
from vos_core.errors import InputError
from vos_core.home import Home
from vos_core.masks import MissingMask, encode_mask
from vos_core.per_object import object_folders, read_joined

PICTURES, ANNOTATIONS, REFERENCES, PREDICTIONS = "pictures", "annotations", "references", "predictions"


@dataclass(frozen=True)
class Footage:
    """The files of one video as the player needs them; `version` changes when its folders do."""

    dataset_key: str
    version: str
    video: Video
    roots: tuple[Path, ...]  # folders that its files must lie in, links resolved

    def picture_base(self) -> str:
        """Relative address that frame file names are appended to."""
        return _base(PICTURES, self.dataset_key, self.version, self.video.name)

    def annotation_base(self) -> str:
        """Relative address that annotation file names are appended to."""
        return _base(ANNOTATIONS, self.dataset_key, self.version, self.video.name)


def dataset_key(name: str, stored: str) -> str:
    """Short name of a dataset in addresses."""
    return hashlib.sha256(f"{name}\0{stored}".encode()).hexdigest()[:12]


def footage(home: Home, name: str, stored: str, video: str) -> Footage:
    """Files of a video of the dataset at the stored path. Raises InputError when it is not (any more) there."""
    dataset = _dataset(home.locate(stored), name)
    if not _is_plain(video):
        raise InputError(f"Dataset {name} has no video {video!r}.")
    version = _version(dataset, video)
    roots = (dataset.root.resolve(), home.data.resolve())
    return Footage(dataset_key(name, stored), version, _video(dataset.root, name, video, version), roots)


def footage_by_key(home: Home, key: str, video: str) -> Footage:
    """As `footage`, for the dataset of an address; only datasets that a run used are known."""
    known = _datasets_by_key(home.database)
    if key not in known:
        known.update({dataset_key(*one): one for one in queries.run_datasets(home.database)})
    if key not in known:
        raise InputError("No run uses that dataset.")
    return footage(home, *known[key], video)


def prediction_token(edition: str, attempt: int) -> str:
    """The part of a prediction's address that changes with every attempt."""
    return f"{edition}-{attempt}"


def prediction_base(run_id: int, edition: str, attempt: int, video: str) -> str:
    """Relative address that `<stem>.png` is appended to."""
    return _base(PREDICTIONS, str(run_id), prediction_token(edition, attempt), video)


def prediction_mask(home: Home, run_id: int, token: str, video: str, file: str) -> bytes:
    """A predicted mask as PNG. Raises InputError when there is none of that attempt."""
    found = queries.prediction_folder(home.database, run_id, video)
    if found is None:
        raise InputError("There is no such run or video.")
    folder, edition, attempt = found
    if token != prediction_token(edition, attempt):
        raise InputError("That attempt was superseded: reload the page.")
    base = home.locate(folder)
    return mask_png(base / video, file, (base.resolve(),))


def reference_folder(home: Home, run: Run, video: str) -> Path:
    """Where the masks lie that a run's video is held against. Raises InputError for a run that has no reference."""
    if run.reference is None or not _is_plain(video):
        raise InputError("That run is held against no reference.")
    return home.locate(run.reference) / video


def reference_base(home: Home, run: Run, video: str) -> str:
    """Relative address that `<stem>.png` is appended to, of the masks that a run is held against."""
    version = _hashed(_changes(reference_folder(home, run, video)))
    return _base(REFERENCES, str(run.id), version, video)


def reference_mask(home: Home, run_id: int, version: str, video: str, file: str) -> tuple[bytes, bool]:
    """A mask that a run is held against as PNG, and whether it is of the version that was asked for."""
    run = queries.run_by_id(home.database, run_id)
    if run is None:
        raise InputError("There is no such run.")
    folder = reference_folder(home, run, video)
    return mask_png(folder, file, (folder.parent.resolve(),)), version == _hashed(_changes(folder))


def annotation_mask(found: Footage, file: str) -> bytes:
    """An annotation as PNG. Raises MissingMask when the video has none of that name."""
    if found.video.per_object is not None:
        return mask_png(found.video.per_object, file, found.roots)
    for path in found.video.annotations.values():
        if path.name == file:
            return inside(path, found.roots).read_bytes()
    raise MissingMask("There is no such annotation.")


def mask_png(folder: Path, file: str, roots: tuple[Path, ...]) -> bytes:
    """The mask `<stem>.png` of a video's folder: the file as it is stored, or, where masks are kept one folder an
    object, the label map that `read_joined` makes of those that are there.

    Raises MissingMask for what is not there, InputError for what is no plain name, lies outside
    of `roots`, or is no mask.
    """
    if not (_is_plain(folder.name) and _is_plain(file) and file.endswith(".png")):
        raise InputError("That is no name of a mask.")
    if (folder / file).is_file():
        return inside(folder / file, roots).read_bytes()
    apart = [path for one in object_folders(folder).values() if (path := one / file).is_file()]
    if not apart:
        raise MissingMask("There is no such mask.")
    for path in apart:
        inside(path, roots)
    return encode_mask(read_joined(folder, Path(file).stem, partial=True))


def inside(path: Path, roots: tuple[Path, ...]) -> Path:
    """`path` with links resolved. Raises InputError when it is no file or lies outside all of `roots`."""
    real = path.resolve()
    if not any(real.is_relative_to(root) for root in roots):
        raise InputError("That file lies outside its folder.")
    if not real.is_file():
        raise InputError("There is no such file.")
    return real


def _is_plain(name: str) -> bool:
    return name not in ("", ".", "..") and not any(sign in name for sign in ("/", "\\", "\0"))


def _base(*parts: str) -> str:
    return "/".join(quote(part, safe="") for part in parts) + "/"


@lru_cache(maxsize=8)
def _datasets_by_key(_database: Path) -> dict[str, tuple[str, str]]:
    """Names and stored paths of the datasets that were asked for so far: a frame asks for one again and again."""
    return {}


@lru_cache(maxsize=32)
def _dataset_of(root: Path, name: str, _changed: int) -> Dataset:
    return open_dataset(root, name)


def _dataset(root: Path, name: str) -> Dataset:
    return _dataset_of(root, name, _changed_at(root / IMAGES[0]) ^ _changed_at(root))


@lru_cache(maxsize=256)
def _video(root: Path, name: str, video: str, _version: str) -> Video:
    # Opened anew: a dataset remembers which videos it has, and this version may have brought a new one.
    return open_dataset(root, name).video(video)


def _version(dataset: Dataset, video: str) -> str:
    images, annotations = dataset.folders_of(video)
    return _hashed((_changed_at(images), *_changes(annotations)))


def _changes(masks: Path) -> tuple[int, ...]:
    """When a video's folder of masks was changed last, and the folders of its objects where they are kept apart."""
    changed = _changed_at(masks)
    return changed, *map(_changed_at, _object_folders(masks, changed))


@lru_cache(maxsize=512)
def _object_folders(masks: Path, _changed: int) -> tuple[Path, ...]:
    """Listed once as long as the folder is the same: a request for a frame must not read a folder of hundreds."""
    return tuple(object_folders(masks).values())


def _hashed(changes: tuple[int, ...]) -> str:
    return hashlib.sha256(repr(changes).encode()).hexdigest()[:10]


def _changed_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
