"""Transfers from a real server that stalls, drops, truncates, lies, ignores ranges and refuses."""

from __future__ import annotations

import hashlib
import random
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest

from tests.downloads.faulty_server import Fault, FaultyServer
from vos_core.downloads import DownloadError, Policy, Web
from vos_core.downloads import transfer as transfer_module
from vos_core.downloads.sources import mirrored
from vos_core.downloads.transfer import Fetched, download
from vos_core.errors import InputError

DATA = random.Random(1).randbytes(3_000_000)
SHA256 = hashlib.sha256(DATA).hexdigest()
OTHER = random.Random(2).randbytes(len(DATA))
HALF = 1_500_000
STALL = 5.0  # seconds; a client that takes an answer for stalled waits less, see `tempered`


def tempered(policy: Policy, faults: list[Fault]) -> Policy:
    """A policy that has less patience than these faults take."""
    return replace(policy, stall_timeout=1.0) if any(fault.stall for fault in faults) else policy


@pytest.mark.parametrize("known", [True, False], ids=["size and hash known", "nothing known"])
@pytest.mark.parametrize(
    ("faults", "requests"),
    [
        ([], 1),
        ([Fault(after=HALF)], 2),
        ([Fault(after=HALF), Fault(after=HALF // 2)], 3),
        ([Fault(after=HALF, stall=STALL)], 2),
        ([Fault(after=HALF), Fault(ignore_range=True)], 2),
        ([Fault(length=len(DATA) + 500)], 2),
        ([Fault(after=HALF), Fault(after=1000, length=1000)], 3),
        ([Fault(status=500)], 2),
        ([Fault(status=503, headers={"Retry-After": "0"})], 2),
        ([Fault(status=429, headers={"Retry-After": "1"})], 2),
        ([Fault(after=HALF), Fault(status=500), Fault(status=502), Fault(after=HALF // 2)], 5),
    ],
    ids=[
        "in one go",
        "dropped",
        "dropped twice",
        "stalled",
        "range ignored",
        "longer length announced",
        "shorter length announced for a range",
        "500",
        "503",
        "429",
        "many kinds",
    ],
)
def test_a_file_arrives_whole(
    server: FaultyServer, tmp_path: Path, hasty: Policy, faults: list[Fault], requests: int, known: bool
) -> None:
    if known and faults and faults[0].length:
        pytest.skip("refused: see test_a_source_is_refused")
    url = server.put("/a.pt", DATA, *faults)
    part = tmp_path / "a.pt.part"
    size, sha256 = (len(DATA), SHA256) if known else (None, None)
    policy = tempered(hasty, faults)
    assert download([Web(url)], part, size=size, sha256=sha256, policy=policy) == Fetched(url, SHA256, compared=known)
    assert part.read_bytes() == DATA
    assert len(server.requests) == requests


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ([Fault(status=404)], "answered 404 Not Found"),
        ([Fault(status=403)], "answered 403 Forbidden"),
        ([Fault(status=500)], "gave up after 3 attempts: answered 500"),
        ([Fault(status=429, headers={"Retry-After": "3600"})], "asks to wait 3600 s"),
        ([Fault(after=0, stall=STALL)], "gave up after 3 attempts: it stalled"),
        ([Fault(after=0)], "gave up after 3 attempts: the connection failed"),
        ([Fault(headers={"Content-Type": "text/html; charset=utf-8"})], "web page instead of the file"),
        ([Fault(body=OTHER)], "sent a file with SHA-256"),
        ([Fault(body=DATA[:HALF])], f"offers {HALF} bytes where the published file has {len(DATA)}"),
        ([Fault(body=DATA + b"more")], f"offers {len(DATA) + 4} bytes"),
        ([Fault(after=HALF), Fault(shift=7)], "another range than the one asked for"),
    ],
)
def test_a_source_is_refused(
    server: FaultyServer, tmp_path: Path, hasty: Policy, faults: list[Fault], said: str
) -> None:
    url = server.put("/a.pt", DATA, *faults, for_good=True)
    with pytest.raises(DownloadError, match=said):
        download([Web(url)], tmp_path / "a.pt.part", size=len(DATA), sha256=SHA256, policy=tempered(hasty, faults))


def test_unannounced_surplus_is_refused(server: FaultyServer, tmp_path: Path, hasty: Policy) -> None:
    url = server.put("/a.pt", DATA + b"surplus", announce=False)
    with pytest.raises(DownloadError, match="sends more than the 3000000 bytes"):
        download([Web(url)], tmp_path / "a.pt.part", size=len(DATA), policy=hasty)


def test_an_end_without_an_announced_length_is_no_whole_file(
    server: FaultyServer, tmp_path: Path, hasty: Policy
) -> None:
    url = server.put("/a.pt", DATA, Fault(after=HALF), announce=False)
    part = tmp_path / "a.pt.part"
    download([Web(url)], part, size=len(DATA), policy=hasty)
    assert part.read_bytes() == DATA
    assert server.ranges("/a.pt") == [None, f"bytes={HALF}-"]


def test_the_next_source_is_taken(server: FaultyServer, tmp_path: Path, hasty: Policy) -> None:
    sources = [Web(server.url + "/gone.pt"), Web(server.put("/b.pt", DATA))]
    url = download(sources, tmp_path / "a.pt.part", size=len(DATA), sha256=SHA256, policy=hasty).source
    assert url.endswith("/b.pt")


def test_a_second_source_continues_what_the_first_began(server: FaultyServer, tmp_path: Path, hasty: Policy) -> None:
    first = server.put("/a.pt", DATA, Fault(after=HALF), Fault(status=404), for_good=True)
    second = server.put("/b.pt", DATA)
    part = tmp_path / "a.pt.part"
    download([Web(first), Web(second)], part, size=len(DATA), sha256=SHA256, policy=hasty)
    assert part.read_bytes() == DATA
    assert server.ranges("/b.pt") == [f"bytes={HALF}-"]


@pytest.mark.parametrize("etag", ['"1"', None], ids=["with a validator", "without"])
@pytest.mark.parametrize("sha256", [SHA256, None], ids=["hash known", "hash unknown"])
def test_two_versions_are_never_joined(
    server: FaultyServer, tmp_path: Path, hasty: Policy, etag: str | None, sha256: str | None
) -> None:
    part = tmp_path / "a.pt.part"
    url = server.put("/a.pt", OTHER, Fault(after=HALF), Fault(status=404), for_good=True, etag=etag)
    with pytest.raises(DownloadError):
        download([Web(url)], part, policy=hasty)
    assert part.stat().st_size == HALF
    server.put("/a.pt", DATA, etag=etag and '"2"')
    download([Web(url)], part, sha256=sha256, policy=hasty)
    assert part.read_bytes() == DATA


def test_what_is_whole_is_not_asked_for_again(server: FaultyServer, tmp_path: Path, hasty: Policy) -> None:
    part = tmp_path / "a.pt.part"
    part.write_bytes(DATA)
    download([Web(server.put("/a.pt", DATA))], part, size=len(DATA), sha256=SHA256, policy=hasty)
    assert server.requests == []


def test_a_spoiled_part_is_fetched_afresh(server: FaultyServer, tmp_path: Path, hasty: Policy) -> None:
    part = tmp_path / "a.pt.part"
    part.write_bytes(b"x" + DATA[1:HALF])
    download([Web(server.put("/a.pt", DATA))], part, size=len(DATA), sha256=SHA256, policy=hasty)
    assert part.read_bytes() == DATA
    assert server.ranges("/a.pt") == [f"bytes={HALF}-", None]


def test_a_small_disk_is_told_before_anything_is_written(
    server: FaultyServer, tmp_path: Path, hasty: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(transfer_module.shutil, "disk_usage", lambda path: usage(0, 0, 70 << 20))
    url = server.put("/a.pt", DATA)
    part = tmp_path / "a.pt.part"
    download([Web(url)], part, size=len(DATA), policy=hasty)
    part.unlink()
    with pytest.raises(InputError, match=r"0\.07 GB free and a\.pt\.part needs 0\.01 GB"):
        download([Web(url)], part, size=len(DATA), besides=10_000_000, policy=hasty)
    assert not part.exists()


def test_waits_double_and_obey_the_server() -> None:
    policy = Policy(first_wait=1.0, longest_wait=5.0)
    assert [policy.wait(failure, None) for failure in (1, 2, 3, 4)] == [1.0, 2.0, 4.0, 5.0]
    assert policy.wait(1, 90.0) == 90.0


def test_the_server_is_asked_no_sooner_than_it_said(server: FaultyServer, tmp_path: Path, hasty: Policy) -> None:
    waits: list[float] = []
    url = server.put("/a.pt", DATA, Fault(status=429, headers={"Retry-After": "4"}))
    download([Web(url)], tmp_path / "a.part", policy=replace(hasty, sleep=waits.append))
    assert waits == [4.0]


@pytest.mark.parametrize(
    ("url", "mirror", "expected"),
    [
        ("https://a.example/x/b.pt", None, "https://a.example/x/b.pt"),
        ("https://a.example/x/b.pt", "http://m:8000", "http://m:8000/x/b.pt"),
        ("https://a.example/x/b.pt", "https://m/vos/", "https://m/vos/x/b.pt"),
        ("https://a.example/x?id=1&b=2", "https://m/vos", "https://m/vos/x?id=1&b=2"),
    ],
)
def test_mirrors(url: str, mirror: str | None, expected: str) -> None:
    assert mirrored(url, mirror) == expected


@pytest.mark.parametrize("mirror", ["mirror.example", "ftp://mirror.example", "/srv/mirror"])
def test_a_mirror_must_be_a_url(mirror: str) -> None:
    with pytest.raises(InputError, match="VOSLAB_MIRROR"):
        mirrored("https://a.example/b.pt", mirror)
