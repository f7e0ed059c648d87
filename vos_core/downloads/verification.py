"""Reading through what is there of an item, and holding it against what was published or noted."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from pathlib import Path

from vos_core.downloads.catalogue import Item, Kind
from vos_core.downloads.failures import Damaged
from vos_core.downloads.installation import FOUND, alone, locks_of, unfailing
from vos_core.downloads.presence import damage, place
from vos_core.downloads.progress import Callback, Progress, Stage, unheard
from vos_core.downloads.records import (
    DIGESTS,
    Records,
    read_digests,
    write_digests,
)
from vos_core.downloads.transfer import sha256_of
from vos_core.errors import InputError
from vos_core.home import Home

BLOCK = 1 << 20
NAMED = 3  # differing files that a sentence names


@dataclass(frozen=True)
class Verdict:
    """What a check read. `against` says what it was held against: "published", "recorded", or "" where nothing was
    known and the SHA-256 has been noted now, for the next check."""

    path: Path
    files: int
    size: int
    against: str

    @property
    def sentence(self) -> str:
        """For people."""
        read = f"{self.files:,} file{'' if self.files == 1 else 's'}, {self.size / 1e9:.2f} GB"
        if not self.against:
            return f"Read through ({read}); nothing was known to hold it against, its SHA-256 is noted from now on."
        return f"Fine: {read}, all as {self.against}."


def verify(item: Item, home: Home, progress: Callback = unheard) -> Verdict:
    """Read `item` through and compare every size and SHA-256: a checkpoint's as published (else as noted when it was
    fetched), a folder's files as they were unpacked (else as the last check found them).

    Raises Damaged with what differs, which is kept: `state` says DAMAGED from then on; InputError when there is
    nothing to check; DownloadError while another process works on the item, or when it cannot be read.
    """
    with unfailing(item, home), alone(item.name, *locks_of(item, home)):
        found = place(item, home)
        if found is None:
            if said := damage(item, home):
                raise Damaged(f"{said} Move it away or delete it, then fetch again.")
            raise InputError(f"{item.name} is not there to be checked: python -m vos_core fetch {item.name}")
        if item.kind is Kind.CHECKPOINT:
            verdict = _file(item, found, home, progress)
        else:
            verdict = _folder(item, found, home, progress)
        Records(item.name, home).note_damage(found, "")
    progress(Progress(item.name, Stage.READY, note=verdict.sentence))
    return verdict


def _file(item: Item, path: Path, home: Home, progress: Callback) -> Verdict:
    records = Records(item.name, home)
    file, size = item.files[0], path.stat().st_size
    if file.size is not None and size != file.size:
        raise _damaged(item, path, home, f"{path} has {size} bytes where the published file has {file.size}.")
    noted = records.sha256(path)
    sha256 = sha256_of(path, lambda what, done, total: progress(Progress(item.name, Stage.VERIFYING, done, total)))
    wanted, against = (file.sha256, "published") if file.sha256 else (noted, "recorded")
    if noted is None:
        records.note_file(path, sha256, FOUND, compared=sha256 == file.sha256)
    if wanted is not None and sha256 != wanted:
        said = f"{path} has SHA-256 {sha256[:12]}… where {wanted[:12]}… is {against}."
        raise _damaged(item, path, home, said)
    return Verdict(path, 1, size, against if wanted else "")


def _folder(item: Item, folder: Path, home: Home, progress: Callback) -> Verdict:
    own, others = folder / DIGESTS, home.state / "downloads" / f"{item.name}.sha256"
    wanted = read_digests(own)
    if wanted is None:
        wanted = read_digests(others)
    names = sorted(wanted) if wanted is not None else _files(folder)
    sizes = {name: _size(folder / name) for name in names}
    total, done = sum(size or 0 for size in sizes.values()), 0
    seen: dict[str, str] = {}
    wrong: list[str] = []
    for name in names:
        if sizes[name] is None:
            wrong.append(f"{name} is missing")
            continue
        digest = hashlib.sha256()
        try:
            with (folder / name).open("rb") as stream:
                while block := stream.read(BLOCK):
                    digest.update(block)
                    done += len(block)
        except OSError as error:
            wrong.append(f"{name} cannot be read ({error.strerror or error})")
            continue
        seen[name] = digest.hexdigest()
        if wanted is not None and seen[name] != wanted[name]:
            wrong.append(f"{name} has other contents")
        progress(Progress(item.name, Stage.VERIFYING, done, total))
    if wrong:
        more = f", and {len(wrong) - NAMED:,} more" if len(wrong) > NAMED else ""
        said = f"{len(wrong):,} of {len(names):,} files in {folder} differ: {', '.join(wrong[:NAMED])}{more}."
        raise _damaged(item, folder, home, said)
    if wanted is None:
        others.parent.mkdir(parents=True, exist_ok=True)
        write_digests(others, seen)
    return Verdict(folder, len(names), total, "recorded" if wanted is not None else "")


def _damaged(item: Item, path: Path, home: Home, said: str) -> Damaged:
    # What was found is told even where it cannot be kept.
    with contextlib.suppress(OSError):
        Records(item.name, home).note_damage(path, said)
    return Damaged(f"{said} Move {path} away or delete it, then: python -m vos_core fetch {item.name}")


def _files(folder: Path) -> list[str]:
    """Regular files beneath, by their path; what begins with a dot is nobody's data."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if not any(part[0] == "." for part in path.parts))


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
