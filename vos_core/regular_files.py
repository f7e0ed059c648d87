"""Files that somebody else put there, opened without waiting and read up to a size: no pipe, no device, no disk image.

A link to a file is a file. Whatever is refused is an OSError like any other, whose `strerror` is part of a sentence:
who reads a file need not know that there are such.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

LIST_BYTES = 32 << 20  # of a list or a meta file: several times what the largest published datasets have
PICTURE_BYTES = 256 << 20  # of a frame or a mask

# O_NONBLOCK: a pipe that nobody writes to is opened at once, and refused. O_NOCTTY: a terminal does not become ours.
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def read_regular(path: Path | str, most: int) -> bytes:
    """All of a file of at most `most` bytes. Raises OSError where it cannot be read, is larger, or is no file."""
    descriptor, size = _open(path, most)
    try:
        data = os.read(descriptor, size + 1)
        while len(data) < size:  # a network file system may give less than asked
            more = os.read(descriptor, size - len(data))
            if not more:
                break
            data += more
    finally:
        os.close(descriptor)
    return data


def read_start(path: Path | str, count: int, most: int) -> bytes:
    """The first `count` bytes, or what there is of them. Raises OSError as `read_regular`."""
    descriptor, _ = _open(path, most)
    try:
        return os.read(descriptor, count)
    finally:
        os.close(descriptor)


def open_regular(path: Path | str, most: int) -> BinaryIO:
    """A file of at most `most` bytes, open for reading. Raises OSError as `read_regular`."""
    return os.fdopen(_open(path, most)[0], "rb")


def _open(path: Path | str, most: int) -> tuple[int, int]:
    """(descriptor, size in bytes)."""
    descriptor = os.open(path, _FLAGS)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            kind = next((words for is_one, words in _KINDS if is_one(found.st_mode)), "something else")
            raise OSError(errno.EINVAL, f"it is {kind}, not a file", str(path))
        if found.st_size > most:
            told = f"it has {found.st_size:,} bytes, and more than {most:,} are not read"
            raise OSError(errno.EFBIG, told, str(path))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, found.st_size
