"""Archives: honest ones come out byte for byte, hostile and damaged ones not at all."""

from __future__ import annotations

import stat
import tarfile
import warnings
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.downloads.archives import dataset_members, tar_of, zip_of
from vos_core.downloads import DownloadError
from vos_core.downloads import unpack as unpack_module
from vos_core.downloads.unpack import Limits, safe_path, unpack

FILE = [("a/b.txt", b"hello")]


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    "packed",
    [
        zip_of(dataset_members()),
        zip_of(dataset_members(), method=zipfile.ZIP_STORED),
        tar_of(dataset_members()),
        tar_of(dataset_members(), compression="xz"),
        tar_of(dataset_members(), compression="bz2"),
        tar_of(dataset_members(), compression=""),
    ],
    ids=["zip", "stored zip", "tar.gz", "tar.xz", "tar.bz2", "tar"],
)
def test_an_honest_archive_comes_out_whole(tmp_path: Path, packed: bytes) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(packed)
    reports: list[tuple[int, int]] = []
    members = dict(dataset_members())
    written = unpack(archive, tmp_path / "out", progress=lambda done, total: reports.append((done, total)))
    assert written == len(members)
    assert contents(tmp_path / "out") == members
    assert all(0 <= done <= total for done, total in reports) and reports


ESCAPES = ["../evil", "a/../../evil", "/etc/evil", "a\\..\\..\\evil", "C:/evil", "..", "a/.."]


@pytest.mark.parametrize("name", ESCAPES)
@pytest.mark.parametrize("pack", [zip_of, tar_of], ids=["zip", "tar"])
def test_nothing_leaves_the_folder(tmp_path: Path, pack, name: str) -> None:  # type: ignore[no-untyped-def]
    archive = tmp_path / "in" / "archive"
    archive.parent.mkdir()
    archive.write_bytes(pack([*FILE, (name, b"evil")]))
    with pytest.raises(DownloadError, match=r"leaves the folder|absolute path"):
        unpack(archive, tmp_path / "in" / "out")
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_zip_links_and_devices_are_refused(tmp_path: Path, mode: int) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(zip_of([("a", b"/etc/passwd")], mode=mode | 0o777))
    with pytest.raises(DownloadError, match="'a' is a link or a device"):
        unpack(archive, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
@pytest.mark.parametrize("link", ["/etc/passwd", "../../x", "b.txt"])
def test_tar_links_and_devices_are_refused(tmp_path: Path, kind: bytes, link: str) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(tar_of([("a", b"")], kind=kind, link=link))
    with pytest.raises(DownloadError, match="'a' is a link or a device"):
        unpack(archive, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("pack", [zip_of, tar_of], ids=["zip", "tar"])
def test_a_bomb_is_stopped_at_the_limit(tmp_path: Path, pack) -> None:  # type: ignore[no-untyped-def]
    archive = tmp_path / "archive"
    archive.write_bytes(pack([(f"{n}.png", bytes(3_000_000)) for n in range(4)]))
    assert archive.stat().st_size < 100_000
    limits = Limits(ratio=20, least=5_000_000, members=10)
    with pytest.raises(DownloadError, match="more than"):
        unpack(archive, tmp_path / "out", limits)
    assert sum(len(data) for data in contents(tmp_path / "out").values()) <= limits.least


def test_a_zip_that_lies_about_sizes_gains_nothing(tmp_path: Path) -> None:
    packed = bytearray(zip_of([("a.png", bytes(9_000_000))]))
    real, small = (9_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")
    assert packed.count(real) == 2
    archive = tmp_path / "archive"
    archive.write_bytes(bytes(packed).replace(real, small))
    with pytest.raises(DownloadError):
        unpack(archive, tmp_path / "out", Limits(least=1_000_000))
    assert sum(len(data) for data in contents(tmp_path / "out").values()) <= 1_000_000


def test_a_tar_header_may_not_be_a_bomb(tmp_path: Path) -> None:
    stream = tmp_path / "archive"
    with tarfile.open(stream, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("a")
        info.pax_headers = {"comment": "x" * 30_000_000}
        archive.addfile(info)
    with pytest.raises(DownloadError, match="far more than an honest archive"):
        unpack(stream, tmp_path / "out", Limits(least=1_000_000, members=1000))


@pytest.mark.parametrize("pack", [zip_of, tar_of], ids=["zip", "tar"])
def test_too_many_members_are_refused(tmp_path: Path, pack) -> None:  # type: ignore[no-untyped-def]
    archive = tmp_path / "archive"
    archive.write_bytes(pack([(f"{n}", b"") for n in range(12)]))
    with pytest.raises(DownloadError, match="one of more than 10"):
        unpack(archive, tmp_path / "out", Limits(members=10))


@pytest.mark.parametrize("pack", [zip_of, tar_of], ids=["zip", "tar"])
def test_a_name_given_twice_is_refused(tmp_path: Path, pack) -> None:  # type: ignore[no-untyped-def]
    archive = tmp_path / "archive"
    with warnings.catch_warnings(action="ignore"):
        archive.write_bytes(pack([("a", b"1"), ("a", b"2")]))
    with pytest.raises(DownloadError, match="'a' is there twice"):
        unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("pack", [zip_of, tar_of], ids=["zip", "tar"])
@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_archive_is_told(tmp_path: Path, pack, keep: float) -> None:  # type: ignore[no-untyped-def]
    archive = tmp_path / "archive"
    packed = pack(dataset_members())
    archive.write_bytes(packed[: int(len(packed) * keep)])
    with pytest.raises(DownloadError, match="damaged"):
        unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("pack", [zip_of, tar_of], ids=["zip", "tar"])
def test_a_flipped_byte_is_told(tmp_path: Path, pack) -> None:  # type: ignore[no-untyped-def]
    packed = bytearray(pack([("a", bytes(range(256)) * 40)]))
    packed[len(packed) // 4] ^= 0xFF
    archive = tmp_path / "archive"
    archive.write_bytes(packed)
    with pytest.raises(DownloadError, match="damaged"):
        unpack(archive, tmp_path / "out")


def test_a_damaged_lzma_zip_is_told(tmp_path: Path) -> None:
    data = bytes(number * 7 % 251 for number in range(50_000))
    packed = bytearray(zip_of([("a", data)], method=zipfile.ZIP_LZMA))
    for position in range(60, 120):  # within the member's data
        packed[position] ^= 0xFF
    archive = tmp_path / "archive"
    archive.write_bytes(packed)
    with pytest.raises(DownloadError, match=r"archive is damaged or no archive \(.*\): delete it and fetch it again"):
        unpack(archive, tmp_path / "out")


def test_a_name_that_is_no_utf_8_is_told(tmp_path: Path) -> None:
    packed = zip_of([("ab\u00e9.png", b"x")])
    assert packed.count("\u00e9".encode()) == 2
    archive = tmp_path / "archive"
    archive.write_bytes(packed.replace("\u00e9".encode(), b"\xff\xfe"))
    with pytest.raises(DownloadError, match="a member's name is no UTF-8"):
        unpack(archive, tmp_path / "out")


def test_no_archive_at_all_is_told(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(b"<html>quota exceeded</html>" * 100)
    with pytest.raises(DownloadError, match="damaged or no archive"):
        unpack(archive, tmp_path / "out")


def test_an_encrypted_zip_is_told(tmp_path: Path) -> None:
    packed = bytearray(zip_of(FILE))
    packed[6] |= 1
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    archive = tmp_path / "archive"
    archive.write_bytes(packed)
    with pytest.raises(DownloadError, match="is encrypted"):
        unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("pack", [zip_of, tar_of], ids=["zip", "tar"])
def test_what_macos_adds_is_left_out(tmp_path: Path, pack) -> None:  # type: ignore[no-untyped-def]
    archive = tmp_path / "archive"
    archive.write_bytes(pack([*FILE, ("__MACOSX/a/._b.txt", b"x"), ("a/._b.txt", b"x")]))
    assert unpack(archive, tmp_path / "out") == 1
    assert contents(tmp_path / "out") == dict(FILE)


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(unpack_module.shutil, "disk_usage", lambda path: usage(0, 0, 1 << 20))
    monkeypatch.setattr(unpack_module, "CHECK_DISK_EVERY", 0)
    archive = tmp_path / "archive"
    archive.write_bytes(zip_of(FILE))
    with pytest.raises(DownloadError, match="is full"):
        unpack(archive, tmp_path / "out")


@settings(deadline=None)
@given(st.text(alphabet="ab./\\:\0C _", max_size=12))
def test_no_name_gets_out(name: str) -> None:
    try:
        path = safe_path(name)
    except ValueError:
        return
    assert path is None or (Path("/root/folder") / path).resolve().is_relative_to("/root/folder")
