"""From nothing, from half, or from a file put there by hand, to a checkpoint or dataset in its place."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest

from tests.downloads.archives import dataset_members, tar_of, zip_of
from tests.downloads.faulty_server import Fault, FaultyServer
from vos_core.datasets import find_dataset
from vos_core.downloads import (
    DownloadError,
    File,
    Item,
    Kind,
    Policy,
    Progress,
    Records,
    Source,
    Stage,
    State,
    Web,
    catalogue,
    fetch,
    state,
)
from vos_core.downloads.sources import sources_today
from vos_core.errors import Cancelled, InputError
from vos_core.home import Home

WEIGHTS = random.Random(3).randbytes(2_000_000)


def checkpoint(url: str, data: bytes = WEIGHTS, known: bool = True) -> Item:
    return Item(
        name="tiny",
        kind=Kind.CHECKPOINT,
        title="a checkpoint",
        licence="Apache 2.0",
        page="https://example.org/weights",
        files=(file_of("tiny.pt", Web(url), data, known),),
    )


def file_of(path: str, source: Source, data: bytes, known: bool = True, holds: str | None = None) -> File:
    size, sha256 = (len(data), hashlib.sha256(data).hexdigest()) if known else (None, None)
    return File(path, (source,), size, sha256, holds=holds)


def dataset(url: str, data: bytes, member: str | None = None, known: bool = True) -> Item:
    return Item(
        name="mose",
        kind=Kind.DATASET,
        title="a dataset",
        licence="CC BY-NC-SA 4.0",
        page="https://example.org/mose",
        files=(file_of("MOSE/valid.tar.gz", Web(url, member), data, known),),
        folder="MOSE/valid",
        split="val",
    )


def names(folder: Path) -> set[str]:
    """What lies in a folder, without lock files."""
    return {path.name for path in folder.iterdir() if not path.name.endswith(".lock")}


@pytest.mark.parametrize("known", [True, False], ids=["hash known", "hash unknown"])
def test_a_checkpoint_is_fetched_once(server: FaultyServer, home: Home, hasty: Policy, known: bool) -> None:
    item = checkpoint(server.put("/tiny.pt", WEIGHTS), known=known)
    assert state(item, home) is State.MISSING
    path = fetch(item, home, policy=hasty)
    assert path == home.checkpoints / "tiny.pt"
    assert path.read_bytes() == WEIGHTS
    assert state(item, home) is State.READY
    assert Records(item.name, home).sha256(path) == hashlib.sha256(WEIGHTS).hexdigest()
    assert names(home.checkpoints) == {"tiny.pt", "tiny.pt.json"}
    assert fetch(item, home, policy=hasty) == path
    assert len(server.requests) == 1


def test_progress_grows_through_the_stages(server: FaultyServer, home: Home, hasty: Policy) -> None:
    packed = tar_of(dataset_members(top="valid/", resolution="", lists=False))
    reports: list[Progress] = []
    fetch(dataset(server.put("/v", packed, Fault(after=300)), packed), home, reports.append, hasty)
    stages = list(dict.fromkeys(report.stage for report in reports))
    assert stages == [
        Stage.DOWNLOADING,
        Stage.WAITING,
        Stage.VERIFYING,
        Stage.UNPACKING,
        Stage.READY,
    ]
    done = [report.done for report in reports if report.stage is Stage.DOWNLOADING]
    assert done == sorted(done) and done[-1] == len(packed)


def test_a_recorded_hash_is_that_of_the_file_as_it_was(server: FaultyServer, home: Home, hasty: Policy) -> None:
    item = checkpoint(server.put("/tiny.pt", WEIGHTS))
    path = fetch(item, home, policy=hasty)
    path.write_bytes(WEIGHTS[::-1])
    assert Records(item.name, home).sha256(path) is None


@pytest.mark.parametrize(
    ("top", "resolution", "lists"), [("DAVIS/", "480p/", True), ("", "", True), ("x/y/", "480p/", True)]
)
@pytest.mark.parametrize("pack", [zip_of, tar_of], ids=["zip", "tar.gz"])
def test_a_dataset_is_unpacked_to_where_launch_looks(  # type: ignore[no-untyped-def]
    server: FaultyServer, home: Home, hasty: Policy, pack, top: str, resolution: str, lists: bool
) -> None:
    packed = pack(dataset_members(top, resolution, lists))
    item = replace(
        dataset("", b""),
        files=(file_of("DAVIS.zip", Web(server.put("/d", packed)), packed),),
        folder="DAVIS",
        split=None,
    )
    path = fetch(item, home, policy=hasty)
    assert path == home.data / "DAVIS"
    assert {"JPEGImages", "Annotations", "ImageSets"} <= names(path)
    assert names(home.data) == {"DAVIS"}, "the archive and every temporary name are gone"
    assert find_dataset(home, "davis").video_names("val") == ("bear", "camel")
    assert state(item, home) is State.READY
    assert fetch(item, home, policy=hasty) == path and len(server.requests) == 1


@pytest.mark.parametrize(
    ("meta", "expected", "said"),
    [
        (
            None,
            ("bear", "camel"),
            "The list is by name, as meta_valid.json could not be had: meta_valid.json was not f",
        ),
        ({"videos": {"camel": {}, "bear": {}}}, ("camel", "bear"), ""),
        ({"videos": {"bear": {}}}, ("bear", "camel"), "names other videos than there are"),
        ([], ("bear", "camel"), "is no meta file of MOSE"),
    ],
    ids=["no meta file", "its order", "other videos", "nonsense"],
)
def test_mose_gets_its_list(
    server: FaultyServer, home: Home, hasty: Policy, meta: object, expected: tuple[str, ...], said: str
) -> None:
    packed = tar_of(dataset_members(top="valid/", resolution="", lists=False))
    meta_url = server.url + "/meta_valid.json"
    if meta is not None:
        server.put("/meta_valid.json", json.dumps(meta).encode())
    order = File("MOSE/meta_valid.json", (Web(meta_url),))
    item = replace(dataset(server.put("/v", packed), packed), order=order)
    reports: list[Progress] = []
    assert fetch(item, home, reports.append, policy=hasty) == home.data / "MOSE" / "valid"
    assert reports[-1].stage is Stage.READY and (said in reports[-1].note if said else not reports[-1].note)
    mose = find_dataset(home, "mose")
    assert mose.splits == ("val",)
    assert mose.video_names("val") == expected
    assert mose.video("bear").length == 2


def test_an_archive_put_there_by_hand_is_used_and_kept(home: Home, hasty: Policy) -> None:
    packed = tar_of(dataset_members(top="valid/", resolution="", lists=False))
    item = dataset("http://127.0.0.1:9/none", packed)
    item.paths(home)[0].parent.mkdir(parents=True)
    item.paths(home)[0].write_bytes(packed)
    assert state(item, home) is State.PARTIAL
    fetch(item, home, policy=hasty)
    assert state(item, home) is State.READY
    assert item.paths(home)[0].read_bytes() == packed


def test_a_checkpoint_put_there_by_hand_is_verified_and_used(home: Home, hasty: Policy) -> None:
    item = checkpoint("http://127.0.0.1:9/none")
    home.checkpoints.mkdir(parents=True)
    item.paths(home)[0].write_bytes(WEIGHTS)
    assert state(item, home) is State.READY
    assert Records(item.name, home).sha256(fetch(item, home, policy=hasty)) == item.files[0].sha256


@pytest.mark.parametrize(
    ("data", "said", "before"),
    [
        (WEIGHTS[:-1], "has 1999999 bytes where the published file has 2000000", State.DAMAGED),
        (WEIGHTS[::-1], "has SHA-256 .* where the published file has", State.READY),
    ],
    ids=["another size", "another hash"],
)
def test_another_file_in_its_place_is_told_and_kept(
    home: Home, hasty: Policy, data: bytes, said: str, before: State
) -> None:
    item = checkpoint("http://127.0.0.1:9/none")
    home.checkpoints.mkdir(parents=True)
    item.paths(home)[0].write_bytes(data)
    assert state(item, home) is before
    with pytest.raises(InputError, match=said):
        fetch(item, home, policy=hasty)
    assert item.paths(home)[0].read_bytes() == data
    assert state(item, home) is State.DAMAGED


def test_a_folder_that_is_no_dataset_is_told_and_kept(home: Home, hasty: Policy) -> None:
    item = dataset("http://127.0.0.1:9/none", b"")
    (item.destination(home) / "JPEGImages" / "bear").mkdir(parents=True)
    assert state(item, home) is State.DAMAGED
    with pytest.raises(InputError, match="is no whole dataset"):
        fetch(item, home, policy=hasty)
    assert (item.destination(home) / "JPEGImages" / "bear").is_dir()


def test_a_failure_says_how_to_do_it_by_hand(server: FaultyServer, home: Home, hasty: Policy) -> None:
    item = checkpoint(server.url + "/gone.pt")
    with pytest.raises(DownloadError) as caught:
        fetch(item, home, policy=hasty)
    said = str(caught.value)
    assert "answered 404" in said and item.page in said and str(item.paths(home)[0]) in said
    assert not item.paths(home)[0].exists()


def test_wrong_bytes_never_get_the_name(server: FaultyServer, home: Home, hasty: Policy) -> None:
    item = checkpoint(server.put("/tiny.pt", WEIGHTS[::-1]))
    with pytest.raises(DownloadError, match="SHA-256"):
        fetch(item, home, policy=hasty)
    assert names(home.checkpoints) == set()


@pytest.mark.parametrize(
    "members",
    [[("README", b"x")], [("../x", b"x")], [("JPEGImages/bear/0.jpg", b"x")]],
    ids=["no dataset", "hostile", "frames only"],
)
def test_an_archive_that_will_not_do_leaves_no_folder(
    server: FaultyServer, home: Home, hasty: Policy, members: list[tuple[str, bytes]]
) -> None:
    packed = tar_of(members)
    item = dataset(server.put("/v", packed), packed)
    with pytest.raises(DownloadError):
        fetch(item, home, policy=hasty)
    assert state(item, home) is State.PARTIAL
    assert names(home.data / "MOSE") == {"valid.tar.gz", "valid.tar.gz.json"}


def test_what_a_killed_unpacking_left_is_cleared(server: FaultyServer, home: Home, hasty: Policy) -> None:
    packed = tar_of(dataset_members(top="valid/", resolution="", lists=False))
    item = dataset(server.put("/v", packed), packed)
    left = home.data / "MOSE" / ".unpacking-valid" / "valid" / "JPEGImages" / "ghost"
    left.mkdir(parents=True)
    assert state(item, home) is State.PARTIAL
    fetch(item, home, policy=hasty)
    assert find_dataset(home, "mose").video_names() == ("bear", "camel")


def test_an_archive_that_a_killed_fetch_left_is_tidied_up(server: FaultyServer, home: Home, hasty: Policy) -> None:
    packed = tar_of(dataset_members(top="valid/", resolution="", lists=False))
    item = dataset(server.put("/v", packed), packed)
    fetch(item, home, policy=hasty)
    (archive,) = item.paths(home)
    archive.write_bytes(packed)
    fetch(item, home, policy=hasty)
    assert archive.exists(), "nobody knows that it is ours"
    Records(item.name, home).note_file(archive, "0", "https://example.org", compared=True)
    fetch(item, home, policy=hasty)
    assert not archive.exists() and len(server.requests) == 1


def test_cancelling_keeps_what_was_transferred(server: FaultyServer, home: Home, hasty: Policy) -> None:
    item = checkpoint(server.put("/tiny.pt", WEIGHTS))

    def stop_half_way(report: Progress) -> None:
        if report.done > len(WEIGHTS) // 2:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        fetch(item, home, stop_half_way, hasty)
    assert state(item, home) is State.PARTIAL
    kept = (home.checkpoints / "tiny.pt.part").stat().st_size
    assert kept > len(WEIGHTS) // 2
    fetch(item, home, policy=hasty)
    assert server.ranges("/tiny.pt") == [None, f"bytes={kept}-"]


CHILD = """
import sys
from vos_core.downloads import File, Item, Kind, Web, fetch
from vos_core.home import Home
url, size, sha256 = sys.argv[1:]
item = Item(name="tiny", kind=Kind.CHECKPOINT, title="", licence="", page="",
            files=(File("tiny.pt", (Web(url),), int(size), sha256),))
fetch(item, Home.from_environment())
"""


def start_child(item: Item, home: Home) -> subprocess.Popen[bytes]:
    (source,) = item.files[0].sources
    assert isinstance(source, Web)
    url = source.url
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, url, str(item.size), str(item.files[0].sha256)],
        env={**os.environ, **home.environment()},
        cwd=Path(__file__).resolve().parents[2],
        stderr=subprocess.PIPE,
    )


def test_a_killed_download_is_resumed(server: FaultyServer, home: Home, hasty: Policy) -> None:
    sent = 1_200_000
    item = checkpoint(server.put("/tiny.pt", WEIGHTS, Fault(after=sent, stall=20)))
    part = home.checkpoints / "tiny.pt.part"
    child = start_child(item, home)
    try:
        wait_until(lambda: part.exists() and part.stat().st_size >= sent - 200_000)
        with pytest.raises(DownloadError, match="Another process"):
            fetch(item, home, policy=hasty)
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()
    kept = part.stat().st_size
    assert state(item, home) is State.PARTIAL
    assert fetch(item, home, policy=hasty).read_bytes() == WEIGHTS
    assert server.ranges("/tiny.pt") == [None, f"bytes={kept}-"]


def wait_until(condition, seconds: float = 20.0) -> None:  # type: ignore[no-untyped-def]
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def with_user(url: str, password: str) -> str:
    return url.replace("http://", f"http://me:{password}@")


def test_a_mirrors_password_is_sent_to_it_and_neither_told_nor_noted(
    server: FaultyServer, other_server: FaultyServer, home: Home, hasty: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The mirror sends on to a signed URL elsewhere, as object stores have it.
    location = other_server.put("/bucket/tiny.pt?sig=hush", WEIGHTS, Fault(after=1_000_000), Fault(status=404))
    server.put("/a/tiny.pt", b"", Fault(status=302, headers={"Location": location}), for_good=True)
    item = checkpoint("https://publisher.example/a/tiny.pt", known=False)
    monkeypatch.setenv("VOSLAB_MIRROR", with_user(server.url, "hush"))
    reports: list[Progress] = []
    with pytest.raises(DownloadError, match=r"tiny.pt was not fetched: 127\.0\.0\.1:\d+ answered 404") as caught:
        fetch(item, home, reports.append, hasty)
    assert {asked for _, _, asked in server.asked} == {f"Basic {b64encode(b'me:hush').decode()}"}
    assert {asked for _, _, asked in other_server.asked} == {None}
    note = (home.checkpoints / "tiny.pt.part.json").read_text()
    told = [str(caught.value), note, *(report.note for report in reports)]
    assert json.loads(note)["source"] == f"{server.url}/a/tiny.pt"

    # Another password is no other mirror: what was begun goes on.
    monkeypatch.setenv("VOSLAB_MIRROR", with_user(server.url, "hush2"))
    fetch(item, home, reports.append, hasty)
    assert other_server.ranges("/bucket/tiny.pt?sig=hush")[-1] == "bytes=1000000-"
    told += [path.read_text() for path in home.checkpoints.glob("*.json")]
    assert len(told) > 4 and not [text for text in told if "hush" in text or "me:" in text]


@pytest.mark.parametrize("name", ["davis", "mose", "sam2_hiera_base_plus"])
def test_a_mirror_that_has_something_else_is_refused(
    server: FaultyServer, home: Home, hasty: Policy, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("VOSLAB_MIRROR", server.url)
    item = catalogue()[name]
    for source in sources_today(item.name, item.files[0].name, item.files[0].sources):
        assert isinstance(source, Web)
        server.put(source.url.removeprefix(server.url), b"not the published bytes")
    with pytest.raises(DownloadError, match=r"offers 23 bytes where the published file has|no readable zip"):
        fetch(item, home, policy=hasty)
    assert server.requests and not item.paths(home)[0].exists()
