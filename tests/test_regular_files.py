"""Only files are read, and only up to a size; whatever else is told at once."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from vos_core.regular_files import open_regular, read_regular, read_start

READERS: tuple[Callable[[Path], object], ...] = (
    lambda path: read_regular(path, 1000),
    lambda path: read_start(path, 10, 1000),
    lambda path: open_regular(path, 1000),
)


def listened_to(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("make", "told"),
    [
        (os.mkfifo, "it is a pipe, not a file"),
        (lambda path: path.symlink_to("/dev/zero"), "it is a device, not a file"),
        (Path.mkdir, "it is a folder, not a file"),
        (listened_to, "No such device or address"),
        (lambda path: path.write_bytes(bytes(1001)), "it has 1,001 bytes, and more than 1,000 are not read"),
        (lambda path: path.symlink_to(path.name), "Too many levels of symbolic links"),
        (lambda path: None, "No such file or directory"),
    ],
)
def test_what_is_refused(
    tmp_path: Path,
    make: Callable[[Path], object],
    told: str,
    read: Callable[[Path], object],
    no_waiting: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    make(Path("one"))
    held = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(OSError) as caught:
        read(Path("one"))
    assert (caught.value.strerror, str(caught.value.filename)) == (told, "one")
    assert len(list(Path("/proc/self/fd").iterdir())) == held, "nothing is left open"


def test_files_and_links_to_them_are_read(tmp_path: Path) -> None:
    data = bytes(range(250)) * 4
    (tmp_path / "one").write_bytes(data)
    (tmp_path / "link").symlink_to("one")
    (tmp_path / "empty").touch()
    for path in (tmp_path / "one", tmp_path / "link"):
        assert read_regular(path, len(data)) == data
        assert read_start(path, 7, len(data)) == data[:7]
        with open_regular(path, len(data)) as file:
            assert file.read() == data
    assert (read_regular(tmp_path / "empty", 0), read_start(tmp_path / "empty", 7, 0)) == (b"", b"")
