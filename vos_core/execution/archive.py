"""A backup: one zip with the database, settings files, run files and records (and masks, where wanted), checksummed."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from db.backup import copy_database
from db.damage import NOTE
from db.schema import RESTORING, version
from vos_core.errors import InputError
from vos_core.execution.rebuild import run_folders
from vos_core.execution.run_file import RUN_FILE
from vos_core.execution.sidecar import SIDECAR, TEMPORARY
from vos_core.home import Home

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "state/voslab.db"
CHUNK = 1 << 20


@dataclass(frozen=True)
class Member:
    """A file of an archive; `path` is `state/...` or `outputs/...`, with slashes."""

    path: str
    bytes: int
    sha256: str
    mtime: float


@dataclass(frozen=True)
class Manifest:
    """What an archive holds. `database` is the revision of its database."""

    made_at: float
    database: str
    masks: bool
    files: tuple[Member, ...]

    def to_json(self) -> str:
        """As it stands in the archive."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1)


@dataclass(frozen=True)
class Archive:
    """An archive that was written; `elsewhere` are folders of runs outside the home's roots, which are not in it."""

    path: Path
    manifest: Manifest
    elsewhere: tuple[Path, ...]


def write_archive(home: Home, target: Path, *, masks: bool = False) -> Archive:
    """Write the home's backup to `target`: the database as of one moment, also while a dispatcher writes to it.

    Datasets and checkpoints are never in it. Raises InputError when there is no database, or `target` exists;
    VosLabError when the database cannot be copied. `target` is whole or not there.
    """
    revision = version(home.database)
    if revision is None:
        raise InputError(f"{home.root} has no database to back up: check VOSLAB_HOME, or --home.")
    if target.exists():
        raise InputError(f"{target} is there already: give another name with --out, or move it.")
    if not target.parent.is_dir():
        raise InputError(f"There is no folder {target.parent} to write the backup to.")
    draft = target.with_name(f".{target.name}.tmp")
    copy = home.state / f".backup-{target.stem}.db"
    try:
        copy_database(home.database, copy)
        elsewhere = _strip(home, copy)
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
            files = [_add(archive, DATABASE, copy)]
            files += filter(None, (_add_if_there(archive, name, path) for name, path in _files(home, masks)))
            manifest = Manifest(time.time(), revision, masks, tuple(files))
            archive.writestr(MANIFEST, manifest.to_json())
        draft.replace(target)
    finally:
        copy.unlink(missing_ok=True)
        draft.unlink(missing_ok=True)
    return Archive(target, manifest, elsewhere)


def _strip(home: Home, copy: Path) -> tuple[Path, ...]:
    """Take out of the copy who works now; returns folders of runs that are in no root of the home."""
    with closing(sqlite3.connect(copy)) as connection:
        with connection:
            connection.execute("DELETE FROM lease")
            connection.execute("DELETE FROM worker")
        folders = [home.locate(row[0]) for row in connection.execute("SELECT folder FROM run ORDER BY id")]
    roots = (home.outputs, home.state)
    return tuple(folder for folder in folders if not any(folder.is_relative_to(root) for root in roots))


def _files(home: Home, masks: bool) -> Iterator[tuple[str, Path]]:
    """Names in the archive, and the files: settings, then each run's."""
    for path in sorted(home.state.glob("*.json")):
        if path.name not in (NOTE, RESTORING) and not path.name.startswith(".") and path.is_file():
            yield f"state/{path.name}", path
    for path in sorted(home.state.glob("subsets/*/[!.]*.txt")):
        yield f"state/{path.relative_to(home.state).as_posix()}", path
    for folder in run_folders(home):
        root, base = ("outputs", home.outputs) if folder.is_relative_to(home.outputs) else ("state", home.state)
        found = folder.rglob("*") if masks else (folder / RUN_FILE, *folder.glob(f"*/{SIDECAR}"))
        for path in sorted(found):
            within = path.relative_to(folder)
            if path.is_file() and not path.is_symlink() and not within.parts[0].startswith(TEMPORARY):
                yield f"{root}/{path.relative_to(base).as_posix()}", path


def _add_if_there(archive: zipfile.ZipFile, name: str, path: Path) -> Member | None:
    """A file may go while its run is deleted: then it is in no backup."""
    try:
        return _add(archive, name, path)
    except FileNotFoundError:
        return None


def _add(archive: zipfile.ZipFile, name: str, path: Path) -> Member:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as source:
        mtime = path.stat().st_mtime
        info = zipfile.ZipInfo(name, time.gmtime(max(mtime, 315532800))[:6])  # a zip's times begin in 1980
        # Masks are compressed already.
        info.compress_type = zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED
        with archive.open(info, "w", force_zip64=True) as sink:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
                sink.write(chunk)
    return Member(name, size, digest.hexdigest(), mtime)
