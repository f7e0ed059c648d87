"""What is noted of what was brought: a file's SHA-256 and where it came from, a folder's files one by one, damage.

- `<file>.json` beside a checkpoint or archive.
- `.fetched.json` in an unpacked folder, and `.fetched.sha256`: each file's SHA-256, as `sha256sum -c` reads it.
- `state/downloads/<item>.sha256`: the same of a folder that somebody else put there; such a folder is only read.
- `state/downloads/<item>.<file>.record.json`: of a file in a folder that cannot be written.
- `state/downloads/<item>.damage.json`: what a check found, of a thing that has no record or one that cannot be written.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vos_core.home import Home

RECORD, DIGESTS = ".fetched.json", ".fetched.sha256"
# A shared folder is mounted read-only as a rule; a disk may be full.
UNWRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT}


@dataclass(frozen=True)
class Records:
    """The records of one item (`item` is its name): beside its things, else in the state folder of `home`."""

    item: str
    home: Home

    def read(self, path: Path) -> dict[str, Any]:
        """What is noted about a file or folder; nothing where the file has changed since."""
        return self._beside(path) or self._kept(path)

    def sha256(self, path: Path) -> str | None:
        """The SHA-256 that was noted for a file, None where there is no note or the file has changed since."""
        sha256 = self.read(path).get("sha256")
        return sha256 if isinstance(sha256, str) else None

    def damage(self, path: Path) -> str:
        """What a check has found wrong with a file or folder; "" where it found nothing, or never looked."""
        verdict = _load(self._verdict)
        ours = (verdict.get("path"), verdict.get("of")) == (self.home.store(path), self._stamp(path))
        damage = (verdict if ours else self._beside(path)).get("damage")
        return damage if isinstance(damage, str) else ""

    def note_file(self, path: Path, sha256: str, source: str, compared: bool) -> None:
        """Note a file that is whole. `compared`: somebody else states the same SHA-256."""
        status = path.stat()
        record = {
            "sha256": sha256,
            "compared with a published SHA-256": compared,
            "source": source,
            "size": status.st_size,
            "mtime_ns": status.st_mtime_ns,
            "recorded": now(),
        }
        try:
            write_json(record_of(path), record)
        except OSError as error:
            if error.errno not in UNWRITABLE:
                raise
            self._keep(self._spare(path), {"path": self.home.store(path), **record})

    def note_damage(self, path: Path, damage: str) -> None:
        """Note what a check found, "" for nothing: in the record beside it, else in the state folder."""
        record = self._beside(path)
        beside = str(record.get("damage", ""))
        if record and beside != damage:
            try:
                write_json(record_of(path), {**record, "damage": damage})
                beside = damage
            except OSError as error:
                if error.errno not in UNWRITABLE:
                    raise
        if beside == damage:
            self._verdict.unlink(missing_ok=True)
        else:
            verdict = {"path": self.home.store(path), "of": self._stamp(path), "damage": damage, "recorded": now()}
            self._keep(self._verdict, verdict)

    def _beside(self, path: Path) -> dict[str, Any]:
        record = _load(record_of(path))
        return record if path.is_dir() or _is_of(record, path) else {}

    def _kept(self, path: Path) -> dict[str, Any]:
        record = _load(self._spare(path))
        return record if record.get("path") == self.home.store(path) and _is_of(record, path) else {}

    def _stamp(self, path: Path) -> list[Any]:
        """What tells one thing from the next under the same name. Folders of somebody else are all alike: a verdict on
        one is kept until another check finds nothing."""
        if path.is_dir():
            return [self._beside(path).get("recorded", "")]
        try:
            status = path.stat()
        except OSError:
            return []
        return [status.st_size, status.st_mtime_ns]

    @property
    def _verdict(self) -> Path:
        return self.home.state / "downloads" / f"{self.item}.damage.json"

    def _spare(self, path: Path) -> Path:
        return self.home.state / "downloads" / f"{self.item}.{path.name}.record.json"

    @staticmethod
    def _keep(path: Path, record: Mapping[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, record)


def now() -> str:
    """The time as records have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def record_of(path: Path) -> Path:
    """Where the record of a file or an unpacked folder lies."""
    return path / RECORD if path.is_dir() else path.with_name(f"{path.name}.json")


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    """Replace a record in one step."""
    _replace(path, json.dumps(record, indent=1))


def write_digests(path: Path, digests: Mapping[str, str]) -> None:
    """Note the SHA-256 of files by their path, in one step; `sha256sum -c` reads it."""
    _replace(path, "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(digests.items())))


def read_digests(path: Path) -> dict[str, str] | None:
    """SHA-256 of files by their path; None where nothing was noted."""
    try:
        lines = path.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
    except OSError:
        return None
    return {name: sha256 for sha256, _, name in (line.partition("  ") for line in lines) if name}


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape")
        temporary.replace(path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            temporary.unlink(missing_ok=True)
        raise


def _load(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _is_of(record: Mapping[str, Any], path: Path) -> bool:
    """Whether a file is still the one that was noted."""
    try:
        status = path.stat()
    except OSError:
        return False
    return (record.get("size"), record.get("mtime_ns")) == (status.st_size, status.st_mtime_ns)
