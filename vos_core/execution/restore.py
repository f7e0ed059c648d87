"""Putting a backup into a home: checked as a whole before anything is touched, and nothing of it half."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sqlalchemy.exc import DatabaseError

from db import queries, schema
from db.backup import copy_database, free_name, stamp, write_back
from db.damage import NOTE, damage_of
from db.holder import is_alive
from vos_core.errors import InputError
from vos_core.execution import lease
from vos_core.execution.archive import CHUNK, DATABASE, FORMAT, MANIFEST, Manifest, Member
from vos_core.home import Home

LARGEST_MANIFEST = 1 << 29  # bytes
_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError),
    *(FileExistsError, NotADirectoryError, IsADirectoryError),  # one name is a file and a folder
)


@dataclass(frozen=True)
class Restored:
    """What was put in place; `kept` are folders that hold what was there before."""

    manifest: Manifest
    runs: int
    kept: tuple[Path, ...]


def restore(home: Home, archive: Path, *, replace: bool = False) -> Restored:
    """Give the home the database and the files of `archive`.

    The database changes in one transaction, as the last thing: processes that have it open see the new content. With
    `replace`, what stands in the way is moved to folders `before-restore-<date>`, and the database copied there.

    Raises InputError, with nothing changed, when the archive is damaged, forged or a newer VOS Lab's, when a dispatcher
    works on the home, and (without `replace`) when the home has runs or files of these names.
    """
    _refuse_while_held(home)
    staging = {root: base / f".restore-{os.getpid()}" for root, base in _bases(home).items()}
    try:
        manifest = _unpack(home, archive, staging)
        _check_database(staging["state"] / PurePosixPath(DATABASE).name)
        marker = home.state / schema.RESTORING
        if marker.exists() and not replace:
            raise InputError(f"A restore into {home.state} was cut short: run it again, with --replace.")
        marker.unlink(missing_ok=True)
        schema.ensure.cache_clear()
        schema.ensure(home.database)
        held = lease.take(home.database)
        if held is None:
            raise InputError(_HELD.format(home=home.root))
        try:
            _refuse_to_overwrite(home, manifest, replace)
            kept = _put_in_place(home, manifest, staging, replace)
        finally:
            held.release()
    finally:
        for folder in staging.values():
            shutil.rmtree(folder, ignore_errors=True)
    schema.ensure.cache_clear()
    schema.ensure(home.database)
    return Restored(manifest, len(queries.runs(home.database)), kept)


_HELD = "A dispatcher works on {home}: stop VOS Lab there, or wait until it has ended, before you restore into it."


def _bases(home: Home) -> dict[str, Path]:
    return {"state": home.state, "outputs": home.outputs}


def _refuse_while_held(home: Home) -> None:
    """Before anything is unpacked; a database that cannot be read is looked at later."""
    with contextlib.suppress(DatabaseError):
        if home.database.exists() and is_alive(queries.lease(home.database)):
            raise InputError(_HELD.format(home=home.root))


def read_manifest(archive: zipfile.ZipFile, path: Path) -> Manifest:
    """What the archive says that it holds. Raises InputError when that is not what it holds, or leads out of a home."""
    try:
        if archive.getinfo(MANIFEST).file_size > LARGEST_MANIFEST:
            raise InputError(f"{path} is no backup of VOS Lab: its manifest is too large.")
        values = json.loads(archive.read(MANIFEST))
        if values.pop("format") != FORMAT:
            raise InputError(f"{path} was written by a newer VOS Lab: update VOS Lab to restore it.")
        files = tuple(Member(**item) for item in values.pop("files"))
        manifest = Manifest(**values, files=files)
        names = [_checked(member) for member in files]
    except (KeyError, ValueError, TypeError, AttributeError, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path} is no backup of VOS Lab, or damaged: {error}.") from error
    held = [info.filename for info in archive.infolist()]
    if len(set(names)) != len(names) or sorted(held) != sorted([*names, MANIFEST]) or DATABASE not in names:
        raise InputError(f"{path} is damaged: it does not hold the files that its manifest lists.")
    for info in archive.infolist():
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
            raise InputError(f"{path} is no backup of VOS Lab: {info.filename!r} is no ordinary file.")
    return manifest


def _checked(member: Member) -> str:
    """The member's name. Raises ValueError when a backup has no such file: nothing else is ever written."""
    parts = member.path.split("/")
    # A video may be called `a\b`; what another system takes for a way up is nobody's name.
    odd = any(part in ("", ".", "..") or "\0" in part or ".." in part.split("\\") for part in parts)
    setting = len(parts) == 2 and parts[1].endswith(".json") and parts[1] not in (NOTE, schema.RESTORING)
    subset = len(parts) == 4 and parts[1] == "subsets" and parts[3].endswith(".txt")
    ours = {
        "state": member.path == DATABASE or setting or subset or (parts[1:2] == ["imports"] and len(parts) > 3),
        "outputs": len(parts) > 3 and parts[1].endswith("_pred_pngs"),
    }
    if odd or not ours.get(parts[0], False):
        raise ValueError(f"it lists {member.path!r}, which no backup has")
    if not isinstance(member.bytes, int) or not isinstance(member.mtime, int | float):
        raise ValueError(f"it does not say how large and how old {member.path!r} is")
    return member.path


def _unpack(home: Home, path: Path, staging: dict[str, Path]) -> Manifest:
    """Every file into the staging folders, with the size and the checksum that the manifest gives."""
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = read_manifest(archive, path)
            for root, base in _bases(home).items():
                base.mkdir(parents=True, exist_ok=True)
                wanted = sum(member.bytes for member in manifest.files if member.path.startswith(f"{root}/"))
                if wanted > (free := shutil.disk_usage(base).free):
                    raise InputError(f"{base} has {free / 1e9:.1f} GB free, and {path} needs {wanted / 1e9:.1f} GB.")
                shutil.rmtree(staging[root], ignore_errors=True)
                staging[root].mkdir()
            for member in manifest.files:
                root, _, relative = member.path.partition("/")
                target = staging[root] / relative
                target.parent.mkdir(parents=True, exist_ok=True)
                _unpack_one(archive, member, target, path)
    except FileNotFoundError as error:
        raise InputError(f"There is no backup {path}: check the path.") from error
    except _DAMAGED as error:
        raise InputError(f"{path} is no backup of VOS Lab, or damaged: {error}. Nothing was changed.") from error
    return manifest


def _unpack_one(archive: zipfile.ZipFile, member: Member, target: Path, path: Path) -> None:
    digest, size = hashlib.sha256(), 0
    with archive.open(member.path) as source, target.open("xb") as sink:
        while size <= member.bytes and (chunk := source.read(CHUNK)):
            digest.update(chunk)
            size += len(chunk)
            sink.write(chunk)
    if size != member.bytes or digest.hexdigest() != member.sha256:
        raise InputError(f"{path} is damaged: {member.path} is not what was backed up. Nothing was changed.")
    os.utime(target, (member.mtime, member.mtime))


def _check_database(copy: Path) -> None:
    reason = damage_of(copy)
    if reason is not None:
        raise InputError(f"The database in the backup is damaged ({reason}). Nothing was changed.")
    revision = schema.version(copy)
    if revision not in schema.known_versions():
        raise InputError(
            f"The backup was written by a newer VOS Lab (revision {revision}, this one knows {schema.HEAD}): update "
            "VOS Lab to restore it. Nothing was changed."
        )


def _targets(home: Home, manifest: Manifest) -> Iterator[tuple[str, str, Path]]:
    """(root, relative name, path) of all files but the database."""
    for member in manifest.files:
        if member.path != DATABASE:
            root, _, relative = member.path.partition("/")
            yield root, relative, _bases(home)[root] / relative


def _refuse_to_overwrite(home: Home, manifest: Manifest, replace: bool) -> None:
    there = []
    for root, relative, target in _targets(home, manifest):
        base = _bases(home)[root]
        if not (base / Path(relative).parent).resolve().is_relative_to(base.resolve()):
            raise InputError(f"{target.parent} is a link out of {base}: nothing is restored through it.")
        if target.is_dir() and not target.is_symlink():
            raise InputError(f"{target} is a folder where the backup has a file: move it away.")
        if os.path.lexists(target):
            there.append(target)
    runs = len(queries.runs(home.database))
    if not replace and (there or runs):
        found = f"{runs} run{'' if runs == 1 else 's'}" if runs else f"files of the backup's names ({there[0]})"
        raise InputError(
            f"{home.root} has {found} already: restore into an empty home, or give --replace, which keeps a copy."
        )


def _put_in_place(home: Home, manifest: Manifest, staging: dict[str, Path], replace: bool) -> tuple[Path, ...]:
    """Files first, the database last; whatever fails, all is put back."""
    name = f"before-restore-{stamp()}"
    aside = {"state": free_name(home.state / name), "outputs": free_name(home.outputs / f".{name}")}
    marker = home.state / schema.RESTORING
    moved: list[tuple[Path, Path]] = []

    def move(source: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
        moved.append((source, target))

    with schema.holding_file(home.database):
        try:
            if replace:
                copy_database(home.database, aside["state"] / "voslab.db")
            marker.write_text(json.dumps({"kept": [str(folder) for folder in aside.values()]}) + "\n")
            for root, relative, target in _targets(home, manifest):
                if os.path.lexists(target):
                    move(target, aside[root] / relative)
                move(staging[root] / relative, target)
            write_back(staging["state"] / PurePosixPath(DATABASE).name, home.database)
        except BaseException:
            for source, target in reversed(moved):
                source.parent.mkdir(parents=True, exist_ok=True)
                target.rename(source)
            marker.unlink(missing_ok=True)
            raise
        marker.unlink()
    return tuple(folder for folder in aside.values() if folder.is_dir())
