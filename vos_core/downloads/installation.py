"""Bringing an item to where the app looks for it: found or downloaded, verified, unpacked, renamed into place."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from vos_core.datasets.catalogue import check_collection
from vos_core.downloads.catalogue import File, Item, Kind
from vos_core.downloads.failures import Damaged, DownloadError
from vos_core.downloads.joining import BY_NAME, join, order_again
from vos_core.downloads.presence import damage, place
from vos_core.downloads.progress import Callback, Progress, Stage, unheard
from vos_core.downloads.records import UNWRITABLE, Records, record_of
from vos_core.downloads.sources import sources_today
from vos_core.downloads.transfer import Policy, discard, download, sha256_of
from vos_core.errors import InputError
from vos_core.home import Home

FOUND = "found"  # the source of what a person put there


def fetch(item: Item, home: Home, progress: Callback = unheard, policy: Policy | None = None) -> Path:
    """Make `item` ready and return its path (checkpoint file or folder); at once where it is ready.

    A file that a person put in place is verified and used; one that is ready may lie where nothing can be written.
    Raises DownloadError when no source could give it, another process is fetching it, or its place cannot be written;
    Damaged when what is in its place is not the published thing; InputError when the disk is too small or a mirror is
    no URL.
    """
    fetching = _Fetch(item, home, progress, policy or Policy())
    there = fetching.ready()
    if there is not None:
        return there
    if item.kind is not Kind.CHECKPOINT:
        check_collection(home)
    with unfailing(item, home), alone(item.name, *locks_of(item, home)):
        return fetching.checkpoint() if item.kind is Kind.CHECKPOINT else fetching.folder()


def locks_of(item: Item, home: Home) -> tuple[Path, Path]:
    """The lock that whoever works on an item holds, and the one in its stead where its folder cannot be written."""
    first = item.paths(home)[0]
    return first.with_name(f".{first.name}.lock"), home.state / "downloads" / f".{item.name}.item.lock"


@contextmanager
def unfailing(item: Item, home: Home) -> Iterator[None]:
    """What the file system refuses, as a DownloadError."""
    try:
        yield
    except BrokenPipeError:
        raise  # whoever listened to the progress has gone
    except OSError as error:
        where = error.filename or item.destination(home)
        advice = "make room, mend its permissions, or set VOSLAB_DATA / VOSLAB_CHECKPOINTS to another folder"
        raise DownloadError(f"{item.name}: {where} cannot be used ({error.strerror or error}): {advice}.") from error


@contextmanager
def alone(name: str, *places: Path) -> Iterator[None]:
    """Hold an item's lock file, in the first of these places that can be written, whose folder is made: two processes
    that append to one `.part` file would spoil it. Raises DownloadError while another process holds it, OSError where
    none can be written."""
    with _opened(places) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DownloadError(f"Another process is at work on {name}: wait for it.") from error
        except OSError:
            pass  # a file system without locks
        yield  # the lock file stays: removing it would let two processes hold two locks of one name


def _require_writable(folder: Path) -> None:
    """Raises OSError, before a server is asked for anything."""
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        code = errno.EROFS if os.statvfs(folder).f_flag & os.ST_RDONLY else errno.EACCES
        raise OSError(code, os.strerror(code), str(folder))


def _opened(places: tuple[Path, ...]) -> IO[bytes]:
    for number, path in enumerate(places, 1):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return path.open("a+b")
        except OSError as error:
            if error.errno not in UNWRITABLE or number == len(places):
                raise
    raise ValueError("no place for a lock")


class _Fetch:
    """One item on its way."""

    def __init__(self, item: Item, home: Home, progress: Callback, policy: Policy) -> None:
        self._item, self._home, self._progress, self._policy = item, home, progress, policy
        self._records = Records(item.name, home)

    def ready(self) -> Path | None:
        """Where the item lies if nothing at all is left to do; None where something is."""
        there = place(self._item, self._home)
        if there is None or damage(self._item, self._home):
            return None
        if self._item.kind is Kind.CHECKPOINT:
            known, published = self._records.sha256(there), self._item.files[0].sha256
            if known is None or published not in (None, known):
                return None
        elif self._records.read(there).get(BY_NAME) or any(map(self._is_ours, self._item.paths(self._home))):
            return None
        self._say(Stage.READY)
        return there

    def checkpoint(self) -> Path:
        """The file itself is the thing."""
        destination = self._item.destination(self._home)
        # Verified where it is found, so that a file which somebody put there has its hash recorded.
        self._provide(self._item.files[0])
        if found := damage(self._item, self._home):
            raise Damaged(f"{found} Move it away or delete it, then fetch again.")
        self._say(Stage.READY)
        return destination

    def folder(self) -> Path:
        """Archives that make one folder."""
        if found := damage(self._item, self._home):
            raise Damaged(f"{found} Move it away or delete it, then fetch again.")
        there = place(self._item, self._home)
        note = ""
        if there is None:
            for file in self._item.files:
                self._provide(file)
            note = join(self._item, self._home, self._progress, self._order())
            there = self._item.destination(self._home)
        elif self._records.read(there).get(BY_NAME):
            note = self._ordered(there)
        self._tidy()
        self._say(Stage.READY, note)
        return there

    def _tidy(self) -> None:
        """Archives that we brought have done their part; what a person put there stays."""
        for path in self._item.paths(self._home):
            if not self._is_ours(path):
                continue
            try:
                path.unlink()
                record_of(path).unlink(missing_ok=True)
            except OSError as error:
                if error.errno not in UNWRITABLE:
                    raise

    def _is_ours(self, path: Path) -> bool:
        return bool(self._records.read(path).get("source", FOUND) != FOUND)

    def _ordered(self, folder: Path) -> str:
        """Try again for the order of a list that is by name; returns what to say where it stays so."""
        try:
            return self._order() or order_again(self._item, folder, self._home)
        except OSError as error:
            if error.errno not in UNWRITABLE:
                raise
            return f"The list stays by name, as {folder} cannot be written ({error.strerror})."

    def _order(self) -> str:
        """The file that names the videos in their order; returns what to say where it cannot be had."""
        order = self._item.order
        if order is None:
            return ""
        try:
            # No reason to wait long for what one can do without.
            self._provide(order, replace(self._policy, failures=min(2, self._policy.failures)))
        except (DownloadError, InputError) as error:
            return f"The list is by name, as {order.name} could not be had: {error}"
        return ""

    def _provide(self, file: File, policy: Policy | None = None) -> None:
        """The file, whole and verified under its own name: found there, or brought."""
        path = self._item.path(file, self._home)
        if path.exists():
            self._verify_found(file, path)
            return
        _require_writable(path.parent)
        part = path.with_name(path.name + ".part")
        unpacks = file in self._item.files and self._item.kind is not Kind.CHECKPOINT
        try:
            got = download(
                sources_today(self._item.name, file.name, file.sources),
                part,
                size=file.size,
                sha256=file.sha256,
                unpacks=unpacks,
                besides=self._besides(file) if unpacks else 0,
                policy=policy or self._policy,
                notify=lambda what, done, total: self._notify(file, what, done, total),
            )
        except DownloadError as error:
            raise DownloadError(f"{error} {self._item.by_hand(self._home, file)}") from error
        part.replace(path)
        discard(part)
        self._records.note_file(path, got.sha256, got.source, got.compared)

    def _besides(self, file: File) -> int:
        """Bytes that the item's other archives will take on the disk, as far as that is known."""
        others = [one for one in self._item.files if one is not file]
        known = [(one.size or one.rounded or 0, self._item.path(one, self._home).exists()) for one in others]
        return sum(size if there else 2 * size for size, there in known)

    def _verify_found(self, file: File, path: Path) -> None:
        """Check a file that is already there, as a person or a fetch of ours left it."""
        if not path.is_file():
            raise InputError(f"{path} is no file: move it away, then fetch again.")
        size, known = path.stat().st_size, self._records.sha256(path)
        if file.size is not None and size != file.size:
            raise Damaged(
                f"{path} has {size} bytes where the published file has {file.size}: rename it if it is yours, else "
                "delete it, then fetch again."
            )
        sha256 = known or sha256_of(path, lambda what, done, total: self._notify(file, what, done, total))
        differs = file.sha256 is not None and sha256 != file.sha256
        if known is None:
            self._records.note_file(path, sha256, FOUND, compared=file.sha256 is not None and not differs)
        if differs and file.sha256 is not None:
            said = f"{path} has SHA-256 {sha256[:12]}… where the published file has {file.sha256[:12]}…"
            self._records.note_damage(path, f"{said}.")
            raise Damaged(f"{said}: rename it if it is yours, else delete it, then fetch again.")

    def _notify(self, file: File, what: str, done: int, total: int | None) -> None:
        stage = {"download": Stage.DOWNLOADING, "verify": Stage.VERIFYING}.get(what, Stage.WAITING)
        words = [file.name] if len(self._item.files) > 1 or file is self._item.order else []
        if stage is Stage.WAITING:
            words.append(what)
        self._progress(Progress(self._item.name, stage, done, total, ": ".join(words)))

    def _say(self, stage: Stage, note: str = "") -> None:
        self._progress(Progress(self._item.name, stage, note=note))
