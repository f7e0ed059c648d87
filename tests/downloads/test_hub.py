"""Files of data sets on Hugging Face: a server that answers as the Hub does, and another where the bytes are."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

import pytest

from tests.downloads.archives import zip_of
from tests.downloads.faulty_server import Fault, FaultyServer
from vos_core.downloads import DownloadError, Hub, Policy, Web
from vos_core.downloads.transfer import Fetched, download

DATA = random.Random(6).randbytes(1_500_000)
SHA256 = hashlib.sha256(DATA).hexdigest()
COMMIT = "c0ffee" * 6 + "beef"
SOURCE = Hub("FudanCVL/MOSEv2", "valid.tar.gz")
PATH = "/datasets/FudanCVL/MOSEv2/resolve/{}/valid.tar.gz"
BYTES = "/signed/valid"


@pytest.fixture(autouse=True)
def hub(server: FaultyServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FaultyServer:
    """The Hub of these tests, and nobody's token."""
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "token"))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return server


def keep(
    hub: FaultyServer, elsewhere: str, data: bytes = DATA, etag: str | None = None, size: int | None = None
) -> None:
    """A file in LFS: the Hub redirects, and says whose bytes they are."""
    said = {
        "Location": elsewhere,
        "X-Repo-Commit": COMMIT,
        "X-Linked-ETag": f'"{etag or hashlib.sha256(data).hexdigest()}"',
        "X-Linked-Size": str(len(data) if size is None else size),
    }
    for revision in ("main", COMMIT):
        hub.put(PATH.format(revision), b"", Fault(status=302, headers=said), for_good=True)


def test_the_hub_says_commit_size_and_hash(
    hub: FaultyServer, other_server: FaultyServer, tmp_path: Path, hasty: Policy
) -> None:
    keep(hub, other_server.put(BYTES, DATA, Fault(after=500_000), Fault(status=503)))
    part = tmp_path / "v.part"
    got = download([SOURCE], part, policy=hasty)
    assert got == Fetched(hub.url + PATH.format(COMMIT), SHA256, compared=True)
    assert part.read_bytes() == DATA
    assert other_server.ranges(BYTES) == [None, "bytes=500000-", "bytes=500000-"]


@pytest.mark.parametrize(
    ("data", "etag", "size", "said"),
    [
        (DATA[::-1], SHA256, None, "sent a file with SHA-256"),
        (DATA[:-1], SHA256, len(DATA), "offers 1499999 bytes where the published file has 1500000"),
    ],
    ids=["another hash", "another size"],
)
def test_other_bytes_than_the_hub_said_are_refused(
    hub: FaultyServer,
    other_server: FaultyServer,
    tmp_path: Path,
    hasty: Policy,
    data: bytes,
    etag: str,
    size: int | None,
    said: str,
) -> None:
    keep(hub, other_server.put(BYTES, data), data, etag, size)
    with pytest.raises(DownloadError, match=f"Hugging Face {said}"):
        download([SOURCE], tmp_path / "v.part", policy=hasty)
    assert not (tmp_path / "v.part").exists()


def test_the_published_size_goes_before_the_hubs(
    hub: FaultyServer, other_server: FaultyServer, tmp_path: Path, hasty: Policy
) -> None:
    keep(hub, other_server.put(BYTES, DATA))
    with pytest.raises(DownloadError, match="offers 1500000 bytes where the published file has 1499999"):
        download([SOURCE], tmp_path / "v.part", size=len(DATA) - 1, policy=hasty)
    assert other_server.requests == []


def test_a_small_file_has_no_hash_to_hold_it_against(hub: FaultyServer, tmp_path: Path, hasty: Policy) -> None:
    data = json.dumps({"videos": {}}).encode()
    said = {"X-Repo-Commit": COMMIT, "ETag": '"0123456789abcdef0123456789abcdef01234567"'}
    for revision in ("main", COMMIT):
        hub.put(PATH.format(revision), data, headers=said, etag=None)
    got = download([SOURCE], tmp_path / "m.part", policy=hasty)
    assert (got.sha256, got.compared) == (hashlib.sha256(data).hexdigest(), False)


def test_the_token_goes_to_the_hub_and_nowhere_else(
    hub: FaultyServer, other_server: FaultyServer, tmp_path: Path, hasty: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    keep(hub, other_server.put(BYTES, DATA))
    download([SOURCE], tmp_path / "v.part", policy=hasty)
    assert {(method, token) for method, _, token in hub.asked} == {
        ("HEAD", "Bearer hf_mine"),
        ("GET", "Bearer hf_mine"),
    }
    assert {token for _, _, token in other_server.asked} == {None}


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        (
            403,
            {"X-Error-Code": "GatedRepo"},
            "wants its terms accepted first: log in at https://huggingface.co/datasets",
        ),
        (404, {"X-Error-Code": "EntryNotFound"}, "has no valid.tar.gz in FudanCVL/MOSEv2"),
        (404, {"X-Error-Code": "RepoNotFound"}, "has no data set FudanCVL/MOSEv2, or not for this HF_TOKEN"),
        (418, {}, "answered 418"),
        (503, {}, "gave up after 3 attempts: answered 503"),
        (429, {"Retry-After": "900"}, "asks to wait 900 s"),
    ],
)
def test_a_refusal_is_told_in_words(
    hub: FaultyServer, tmp_path: Path, hasty: Policy, status: int, headers: dict[str, str], said: str
) -> None:
    hub.put(PATH.format("main"), b"", Fault(status=status, headers=headers), for_good=True)
    with pytest.raises(DownloadError, match=f"Hugging Face {said}"):
        download([SOURCE], tmp_path / "v.part", policy=hasty)


def test_a_hub_that_is_busy_is_asked_again(
    hub: FaultyServer, other_server: FaultyServer, tmp_path: Path, hasty: Policy
) -> None:
    keep(hub, other_server.put(BYTES, DATA))
    served = hub.files[PATH.format("main")]
    served.faults[:0] = [Fault(status=500), Fault(status=429, headers={"Retry-After": "0"})]
    assert download([SOURCE], tmp_path / "v.part", policy=hasty).sha256 == SHA256


def test_nobody_there_is_told(tmp_path: Path, hasty: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(DownloadError, match="Hugging Face gave up after 3 attempts: the connection failed"):
        download([SOURCE], tmp_path / "v.part", policy=hasty)


def test_one_member_of_a_zip_by_range(
    hub: FaultyServer, other_server: FaultyServer, tmp_path: Path, hasty: Policy
) -> None:
    rest = random.Random(7).randbytes(3_000_000)
    release = zip_of([("rest", rest), ("MOSE_release/valid.tar.gz", DATA)])
    keep(hub, other_server.put(BYTES, release), release)
    source = Hub(SOURCE.repository, SOURCE.path, "MOSE_release/valid.tar.gz")
    part = tmp_path / "v.part"
    got = download([source], part, size=len(DATA), sha256=SHA256, policy=hasty)
    assert got.compared and part.read_bytes() == DATA
    assert other_server.sent < len(DATA) + 200_000, "not the whole zip"


def test_another_source_takes_over(
    hub: FaultyServer, other_server: FaultyServer, tmp_path: Path, hasty: Policy
) -> None:
    part = tmp_path / "v.part"
    download([SOURCE, Web(other_server.put("/v", DATA))], part, sha256=SHA256, policy=hasty)
    assert part.read_bytes() == DATA
