"""One member of a zip on a server: only its bytes are asked for, whole and resumed."""

from __future__ import annotations

import hashlib
import io
import random
import zipfile
import zlib
from pathlib import Path

import pytest

from tests.downloads.archives import zip_of
from tests.downloads.faulty_server import Fault, FaultyServer
from vos_core.downloads import DownloadError, Policy, Web
from vos_core.downloads.transfer import Fetched, download

WANTED = random.Random(4).randbytes(400_000) + bytes(100_000)
SHA256 = hashlib.sha256(WANTED).hexdigest()
REST = random.Random(5).randbytes(5_000_000)
MEMBER = "MOSE_release/valid.tar.gz"
METHODS = pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])


def release(method: int, force_zip64: bool = False) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("MOSE_release/train.tar.gz", REST)
        with archive.open(MEMBER, "w", force_zip64=force_zip64) as member:
            member.write(WANTED)
        archive.writestr("MOSE_release/SHA256SUMS", b"sums")
    return stream.getvalue()


@METHODS
@pytest.mark.parametrize("zip64", [False, True], ids=["zip", "zip64"])
@pytest.mark.parametrize("known", [True, False], ids=["hash known", "hash unknown"])
def test_only_the_member_is_transferred(
    server: FaultyServer, tmp_path: Path, hasty: Policy, method: int, zip64: bool, known: bool
) -> None:
    url = server.put("/MOSE_release.zip", release(method, zip64))
    part = tmp_path / "valid.tar.gz.part"
    size, sha256 = (len(WANTED), SHA256) if known else (None, None)
    got = download([Web(url, MEMBER)], part, size=size, sha256=sha256, policy=hasty)
    assert got == Fetched(url, SHA256, compared=known)
    assert part.read_bytes() == WANTED
    assert server.sent < len(WANTED) + 200_000
    assert {path.name for path in tmp_path.iterdir()} == {"valid.tar.gz.part", "valid.tar.gz.part.json"}


@METHODS
def test_a_drop_is_resumed_inside_the_member(server: FaultyServer, tmp_path: Path, hasty: Policy, method: int) -> None:
    url = server.put("/r.zip", release(method))
    part = tmp_path / "v.part"
    download([Web(url, MEMBER)], part, size=len(WANTED), sha256=SHA256, policy=hasty)
    whole = server.requests[-1][1]
    assert whole is not None
    start, end = (int(n) for n in whole.removeprefix("bytes=").split("-"))
    part.unlink()

    lookups = [Fault()] * (len(server.requests) - 1)
    server.requests.clear()
    server.put("/r.zip", release(method), *lookups, Fault(after=250_000), Fault(status=503), Fault(after=50_000))
    download([Web(url, MEMBER)], part, size=len(WANTED), sha256=SHA256, policy=hasty)
    assert part.read_bytes() == WANTED
    asked = server.ranges("/r.zip")[len(lookups) :]
    assert asked == [f"bytes={start + have}-{end}" for have in (0, 250_000, 250_000, 300_000)]


@METHODS
def test_a_damaged_member_is_refused(server: FaultyServer, tmp_path: Path, hasty: Policy, method: int) -> None:
    packed = bytearray(release(method))
    packed[len(REST) + 200_000] ^= 0xFF
    url = server.put("/r.zip", bytes(packed))
    with pytest.raises(DownloadError, match=r"SHA-256|damaged zip member"):
        download([Web(url, MEMBER)], tmp_path / "v.part", size=len(WANTED), sha256=SHA256, policy=hasty)
    assert not (tmp_path / "v.part").exists()


@METHODS
def test_a_damaged_member_is_refused_by_its_checksum_where_no_hash_is_known(
    server: FaultyServer, tmp_path: Path, hasty: Policy, method: int
) -> None:
    packed = bytearray(release(method))
    packed[len(REST) + 200_000] ^= 0xFF
    url = server.put("/r.zip", bytes(packed))
    with pytest.raises(DownloadError, match="damaged zip member"):
        download([Web(url, MEMBER)], tmp_path / "v.part", policy=hasty)


@pytest.mark.parametrize(
    ("true", "false", "said"),
    [
        (zlib.crc32(WANTED), 1, "checksum differs"),
        (len(WANTED), 1000, "larger than its directory says"),
        (len(WANTED), len(WANTED) + 1, "it ends early"),
    ],
    ids=["checksum", "smaller", "larger"],
)
def test_a_directory_that_lies_is_found_out(
    server: FaultyServer, tmp_path: Path, hasty: Policy, true: int, false: int, said: str
) -> None:
    packed = release(zipfile.ZIP_DEFLATED)
    lie = packed.replace(true.to_bytes(4, "little"), false.to_bytes(4, "little"))
    assert lie != packed
    with pytest.raises(DownloadError, match=said):
        download([Web(server.put("/r.zip", lie), MEMBER)], tmp_path / "v.part", policy=hasty)
    assert not (tmp_path / "v.part").exists()


def test_a_directory_whose_names_are_no_text(server: FaultyServer, tmp_path: Path, hasty: Policy) -> None:
    name = "MOSE_release/tr\u00e4in.tar.gz"  # which a zip marks as UTF-8
    packed = zip_of([(name, b"x"), (MEMBER, WANTED)]).replace("\u00e4".encode(), b"\xc3\x28")
    with pytest.raises(DownloadError, match="no readable zip"):
        download([Web(server.put("/r.zip", packed), MEMBER)], tmp_path / "v.part", size=len(WANTED), policy=hasty)


@pytest.mark.parametrize(
    ("packed", "fault", "said"),
    [
        (zip_of([("other", b"x")]), None, "has no MOSE_release/valid.tar.gz"),
        (zip_of([(MEMBER, b"x")]), None, "with 1 bytes where the published file has 500000"),
        (b"no zip at all" * 100, None, "no readable zip"),
        (zip_of([(MEMBER, WANTED)]), Fault(ignore_range=True), "does not serve parts"),
        (zip_of([(MEMBER, WANTED)]), Fault(status=401), "answered 401"),
    ],
)
def test_a_release_that_will_not_do(
    server: FaultyServer, tmp_path: Path, hasty: Policy, packed: bytes, fault: Fault | None, said: str
) -> None:
    url = server.put("/r.zip", packed, *([fault] if fault else []), for_good=True)
    with pytest.raises(DownloadError, match=said):
        download([Web(url, MEMBER)], tmp_path / "v.part", size=len(WANTED), sha256=SHA256, policy=hasty)


def test_a_direct_source_takes_over(server: FaultyServer, tmp_path: Path, hasty: Policy) -> None:
    sources = [Web(server.url + "/gone.zip", MEMBER), Web(server.put("/v", WANTED))]
    part = tmp_path / "v.part"
    download(sources, part, size=len(WANTED), sha256=SHA256, policy=hasty)
    assert part.read_bytes() == WANTED
