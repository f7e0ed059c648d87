"""One member of a zip on a web server, without the rest of it: where its bytes lie, and turning them into the file."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vos_core.downloads.failures import SourceFailed

if TYPE_CHECKING:
    import httpx

BLOCK = 1 << 16


@dataclass(frozen=True)
class Window:
    """The bytes `[offset, offset + length)` of a remote file that hold one member of `size` bytes."""

    offset: int
    length: int
    size: int
    deflated: bool
    crc: int
    validator: str | None


def locate_member(
    client: httpx.Client,
    url: str,
    member: str,
    refuse: Callable[[httpx.Response], None],
    headers: Mapping[str, str] | None = None,
) -> Window:
    """Find `member` through the zip's directory at its end (a few range requests). `refuse` judges each answer.

    Raises SourceFailed when the server serves no ranges or there is no such zip or member.
    """
    remote = _RemoteFile(client, url, refuse, headers or {})
    try:
        with zipfile.ZipFile(io.BufferedReader(remote, BLOCK)) as archive:
            info = archive.getinfo(member)
        # The local header repeats the name and may have another extra field than the directory's entry.
        header = remote.at(info.header_offset, 30)
    except KeyError as error:
        raise SourceFailed(f"has no {member} in its zip") from error
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:  # names that are no text, odd offsets
        raise SourceFailed(f"has no readable zip there ({error})") from error
    if header[:4] != b"PK\x03\x04" or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise SourceFailed(f"has {member} in a form that is not known here")
    skipped = 30 + int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    return Window(
        offset=info.header_offset + skipped,
        length=info.compress_size,
        size=info.file_size,
        deflated=info.compress_type == zipfile.ZIP_DEFLATED,
        crc=info.CRC,
        validator=remote.validator,
    )


def inflate(source: Path, target: Path, window: Window) -> None:
    """Inflate the gathered member. Raises SourceFailed when it is damaged or larger than its directory entry says."""
    stream, crc, size, wrong = zlib.decompressobj(-15), 0, 0, ""
    with source.open("rb") as squeezed, target.open("wb") as file:
        try:
            while not wrong and (block := squeezed.read(BLOCK)):
                while block and not wrong:
                    data = stream.decompress(block, 1 << 20)
                    block = stream.unconsumed_tail
                    crc, size = zlib.crc32(data, crc), size + len(data)
                    if size > window.size:
                        wrong = "larger than its directory says"
                    else:
                        file.write(data)
        except zlib.error as error:
            wrong = str(error)
    if not wrong and (size != window.size or not stream.eof):
        wrong = "it ends early"
    if not wrong and crc != window.crc:
        wrong = "checksum differs"
    source.unlink()
    if wrong:
        target.unlink()
        raise SourceFailed(f"sent a damaged zip member ({wrong})")


def crc_of(path: Path) -> int:
    """The CRC-32 of a file, which is what a zip keeps of its members."""
    crc = 0
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            crc = zlib.crc32(block, crc)
    return crc


class _RemoteFile(io.RawIOBase):
    """Random access to a file on a web server, by range requests."""

    def __init__(
        self,
        client: httpx.Client,
        url: str,
        refuse: Callable[[httpx.Response], None],
        headers: Mapping[str, str],
    ) -> None:
        self._client, self._url, self._refuse, self._headers = client, url, refuse, headers
        self._position = 0
        self.validator: str | None = None
        self._size = self._measure()

    def _measure(self) -> int:
        response = self._get("bytes=0-0")
        match = re.fullmatch(r"bytes 0-0/(\d+)", response.headers.get("content-range", ""))
        if match is None:
            raise SourceFailed("does not say how large its zip is")
        etag = response.headers.get("etag", "")
        self.validator = etag if etag and not etag.startswith("W/") else response.headers.get("last-modified")
        return int(match[1])

    def _get(self, span: str) -> httpx.Response:
        headers = {**self._headers, "Range": span, "Accept-Encoding": "identity"}
        with self._client.stream("GET", self._url, headers=headers) as response:
            self._refuse(response)
            if response.status_code != 206:  # the whole file would follow: 26 GB of it
                raise SourceFailed("does not serve parts of a file")
            response.read()
        return response

    def at(self, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`."""
        return self._get(f"bytes={offset}-{offset + length - 1}").content

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        return self._position

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        length = min(len(buffer), self._size - self._position)
        if length <= 0:
            return 0
        data = self.at(self._position, length)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
