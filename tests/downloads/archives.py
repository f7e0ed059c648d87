"""Small archives, honest and hostile."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterable

VIDEOS = ("bear", "camel")


def dataset_members(top: str = "DAVIS/", resolution: str = "480p/", lists: bool = True) -> list[tuple[str, bytes]]:
    """Members of a DAVIS-layout archive of two videos with two frames each."""
    members = [
        (f"{top}{folder}/{resolution}{video}/{frame:05d}{suffix}", f"{folder} {video} {frame}".encode() * 50)
        for folder, suffix in (("JPEGImages", ".jpg"), ("Annotations", ".png"))
        for video in VIDEOS
        for frame in range(2)
    ]
    if lists:
        members.append((f"{top}ImageSets/2017/val.txt", b"bear\ncamel\n"))
    return members


def zip_of(members: Iterable[tuple[str, bytes]], mode: int = 0, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip; `mode` is the Unix mode that every member claims to have."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            info.external_attr = mode << 16
            archive.writestr(info, data)
    return stream.getvalue()


def tar_of(
    members: Iterable[tuple[str, bytes]], kind: bytes = tarfile.REGTYPE, link: str = "", compression: str = "gz"
) -> bytes:
    """A tar of members of one kind (regular, link, device)."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=f"w:{compression}") as archive:  # type: ignore[call-overload]
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, link
            info.size = len(data) if kind == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()
