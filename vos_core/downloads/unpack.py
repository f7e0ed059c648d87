"""A zip or tar archive into a folder: regular files only, inside the folder only, and no more than it may hold.

Nothing in an archive is trusted: not its names, not its sizes, not its file types.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from vos_core.downloads.failures import DownloadError
from vos_core.downloads.transfer import KEPT_FREE

try:
    from lzma import LZMAError
except ImportError:  # a Python that was built without
    LZMAError = zlib.error  # type: ignore[misc,assignment]

BLOCK = 1 << 20
CHECK_DISK_EVERY = 64 << 20


@dataclass(frozen=True)
class Limits:
    """What an archive may grow to. JPEG and PNG hardly shrink, so an honest one stays far below."""

    ratio: float = 20.0
    least: int = 256 << 20
    members: int = 1_000_000

    def size(self, archive: int) -> int:
        """Bytes that an archive of `archive` bytes may unpack to."""
        return max(self.least, int(archive * self.ratio))


def unpack(
    archive: Path,
    folder: Path,
    limits: Limits | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    digests: dict[str, str] | None = None,
) -> int:
    """Unpack `archive` (zip, tar, tar.gz, tar.xz, tar.bz2) into the new folder `folder`; returns the files written.

    `progress` is called with bytes done and bytes in all; `digests` is filled with the SHA-256 (hex) of each file by
    its path in `folder`. Members keep neither owner nor mode; the `._*` and `__MACOSX` files that macOS adds are left
    out. Raises DownloadError for a damaged archive, a path that leaves the
    folder, a link or device, a name given twice, an encrypted member, or a bomb; what was written stays for the
    caller to remove.
    """
    limits = limits or Limits()
    folder.mkdir(parents=True)
    try:
        with archive.open("rb") as stream:
            is_zip = stream.read(2) == b"PK"
        if is_zip:
            return _unpack_zip(archive, _Writer(archive, folder, limits, digests), progress)
        return _unpack_tar(archive, _Writer(archive, folder, limits, digests), limits, progress)
    except UnicodeDecodeError as error:
        said = f"{archive} is damaged or no archive (a member's name is no UTF-8)"
        raise DownloadError(f"{said}: delete it and fetch it again.") from error
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, LZMAError, EOFError, NotImplementedError) as error:
        raise DownloadError(f"{archive} is damaged or no archive ({error}): delete it and fetch it again.") from error
    except OSError as error:
        # gzip and lzma report damage as OSError without a number; the file system's errors have one.
        if error.errno is None:
            raise DownloadError(f"{archive} is damaged ({error}): delete it and fetch it again.") from error
        raise DownloadError(f"{archive} cannot be unpacked into {folder}: {error.strerror}.") from error


def safe_path(name: str) -> PurePosixPath | None:
    """The relative path of a member, None for one to leave out. Raises ValueError with what is wrong with it."""
    if not name or "\0" in name:
        raise ValueError("has an empty name")
    if "\n" in name or "\r" in name:
        raise ValueError("has a line break in its name")
    if name.startswith("/") or "\\" in name or (len(name) > 1 and name[1] == ":"):
        raise ValueError("is an absolute path or another system's")
    path = PurePosixPath(name)
    if ".." in path.parts:
        raise ValueError("leaves the folder")
    if "__MACOSX" in path.parts or path.name.startswith("._"):
        return None
    return path


class _Writer:
    """Writes members beneath one folder and counts them."""

    def __init__(self, archive: Path, folder: Path, limits: Limits, digests: dict[str, str] | None) -> None:
        self._archive, self._folder, self._limits, self._digests = archive, folder, limits, digests
        self._allowed = limits.size(archive.stat().st_size)
        self._since_check = CHECK_DISK_EVERY
        self.files = self.members = self.size = 0

    def refuse(self, name: str, problem: str) -> DownloadError:
        return DownloadError(
            f"{self._archive} was not unpacked: its member {name!r} {problem}. Get it from its publisher."
        )

    def path(self, name: str) -> Path | None:
        """Where member `name` goes, None for one to leave out."""
        self.members += 1
        if self.members > self._limits.members:
            raise self.refuse(name, f"is one of more than {self._limits.members}")
        try:
            relative = safe_path(name)
        except ValueError as error:
            raise self.refuse(name, str(error)) from error
        return None if relative is None else self._folder / relative

    def folder(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)

    def file(self, name: str, path: Path, stream: IO[bytes]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            target = path.open("xb")
        except FileExistsError as error:
            raise self.refuse(name, "is there twice") from error
        digest = hashlib.sha256()
        with target:
            while block := stream.read(BLOCK):
                self.count(name, len(block))
                target.write(block)
                digest.update(block)
        if self._digests is not None:
            self._digests[path.relative_to(self._folder).as_posix()] = digest.hexdigest()
        self.files += 1

    def count(self, name: str, size: int) -> None:
        self.size += size
        self._since_check += size
        if self.size > self._allowed:
            raise self.refuse(name, f"makes it unpack to more than {self._allowed / 1e9:.2f} GB")
        if self._since_check > CHECK_DISK_EVERY:
            self._since_check = 0
            if shutil.disk_usage(self._folder).free < KEPT_FREE + CHECK_DISK_EVERY:
                raise DownloadError(f"{self._archive} was not unpacked: the disk of {self._folder} is full.")


def _unpack_zip(archive: Path, writer: _Writer, progress: Callable[[int, int], None]) -> int:
    with zipfile.ZipFile(archive) as source:
        members = source.infolist()
        total = sum(info.compress_size for info in members)
        done = 0
        for info in members:
            path = writer.path(info.filename)
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise writer.refuse(info.filename, "is a link or a device")
            if info.flag_bits & 1:
                raise writer.refuse(info.filename, "is encrypted")
            done += info.compress_size
            if path is None:
                continue
            if info.is_dir():
                writer.folder(path)
            else:
                with source.open(info) as stream:
                    writer.file(info.filename, path, stream)
            progress(done, total)
    return writer.files


def _unpack_tar(archive: Path, writer: _Writer, limits: Limits, progress: Callable[[int, int], None]) -> int:
    total = archive.stat().st_size
    with archive.open("rb") as raw, _inflated(raw) as inflated:
        # Counted before tarfile sees it: a header may be a bomb too.
        metered = _Metered(inflated, limits.size(total) + limits.members * 1024)
        with tarfile.open(fileobj=metered, mode="r|") as source:
            for info in source:
                path = writer.path(info.name)
                if not (info.isreg() or info.isdir()):
                    raise writer.refuse(info.name, "is a link or a device")
                if path is None:
                    continue
                if info.isdir():
                    writer.folder(path)
                else:
                    stream = source.extractfile(info)
                    assert stream is not None
                    writer.file(info.name, path, stream)
                progress(raw.tell(), total)
        while metered.read(BLOCK):  # to the end: a damaged tail must not pass
            pass
    return writer.files


@contextmanager
def _inflated(raw: IO[bytes]) -> Iterator[IO[bytes]]:
    import bz2
    import gzip
    import lzma

    magic = raw.read(6)
    raw.seek(0)
    if magic[:2] == b"\x1f\x8b":
        with gzip.GzipFile(fileobj=raw) as stream:
            yield stream  # type: ignore[misc]
    elif magic == b"\xfd7zXZ\0":
        with lzma.LZMAFile(raw) as stream_xz:
            yield stream_xz
    elif magic[:3] == b"BZh":
        with bz2.BZ2File(raw) as stream_bz2:
            yield stream_bz2
    else:
        yield raw


class _Metered(io.RawIOBase):
    """A stream that ends in an error after so many bytes."""

    def __init__(self, stream: IO[bytes], allowed: int) -> None:
        self._stream, self._left = stream, allowed

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(min(size, BLOCK) if size >= 0 else BLOCK)
        self._left -= len(data)
        if self._left < 0:
            raise tarfile.ReadError("it unpacks to far more than an honest archive of its size")
        return data
