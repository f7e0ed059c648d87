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
from dataclasses import replace
from pathlib import Path

import pytest

from tests.downloads.archives import dataset_members, tar_of, zip_of
from tests.downloads.faulty_server import Fault, FaultyServer
from vos_core.datasets import find_dataset
from vos_core.downloads import (
    DownloadError,
    Item,
    Kind,
    Policy,
    Progress,
    Source,
    Stage,
    State,
    catalogue,
    fetch,
    recorded_sha256,
    state,
)
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
        sources=(Source(url),),
        file="tiny.pt",
        size=len(data) if known else None,
        sha256=hashlib.sha256(data).hexdigest() if known else None,
    )


def dataset(url: str, data: bytes, member: str | None = None, known: bool = True) -> Item:
    return Item(
        name="mose",
        kind=Kind.DATASET,
        title="a dataset",
        licence="CC BY-NC-SA 4.0",
        page="https://example.org/mose",
        sources=(Source(url, member),),
        file="MOSE/valid.tar.gz",
        size=len(data) if known else None,
        sha256=hashlib.sha256(data).hexdigest() if known else None,
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
    assert recorded_sha256(path) == hashlib.sha256(WEIGHTS).hexdigest()
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
    path = fetch(checkpoint(server.put("/tiny.pt", WEIGHTS)), home, policy=hasty)
    path.write_bytes(WEIGHTS[::-1])
    assert recorded_sha256(path) is None


@pytest.mark.parametrize(
    ("top", "resolution", "lists"), [("DAVIS/", "480p/", True), ("", "", True), ("x/y/", "480p/", True)]
)
@pytest.mark.parametrize("pack", [zip_of, tar_of], ids=["zip", "tar.gz"])
def test_a_dataset_is_unpacked_to_where_launch_looks(  # type: ignore[no-untyped-def]
    server: FaultyServer, home: Home, hasty: Policy, pack, top: str, resolution: str, lists: bool
) -> None:
    packed = pack(dataset_members(top, resolution, lists))
    item = replace(dataset(server.put("/d", packed), packed), file="DAVIS-2017.zip", folder="DAVIS", split=None)
    path = fetch(item, home, policy=hasty)
    assert path == home.data / "DAVIS"
    assert {"JPEGImages", "Annotations", "ImageSets"} <= names(path)
    assert names(home.data) == {"DAVIS"}, "the archive and every temporary name are gone"
    assert find_dataset(home, "davis").video_names("val") == ("bear", "camel")
    assert state(item, home) is State.READY
    assert fetch(item, home, policy=hasty) == path and len(server.requests) == 1


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        (None, ("bear", "camel")),
        ({"videos": {"camel": {}, "bear": {}}}, ("camel", "bear")),
        ({"videos": {"camel": {}}}, ("bear", "camel")),
        ([], ("bear", "camel")),
    ],
    ids=["no meta file", "its order", "other videos", "nonsense"],
)
def test_mose_gets_its_list(
    server: FaultyServer, home: Home, hasty: Policy, meta: object, expected: tuple[str, ...]
) -> None:
    packed = tar_of(dataset_members(top="valid/", resolution="", lists=False))
    if meta is not None:
        (home.data / "MOSE").mkdir(parents=True)
        (home.data / "MOSE" / "meta_valid.json").write_text(json.dumps(meta))
    assert fetch(dataset(server.put("/v", packed), packed), home, policy=hasty) == home.data / "MOSE" / "valid"
    mose = find_dataset(home, "mose")
    assert mose.splits == ("val",)
    assert mose.video_names("val") == expected
    assert mose.video("bear").length == 2


def test_an_archive_put_there_by_hand_is_used_and_kept(home: Home, hasty: Policy) -> None:
    packed = tar_of(dataset_members(top="valid/", resolution="", lists=False))
    item = dataset("http://127.0.0.1:9/none", packed)
    item.file_path(home).parent.mkdir(parents=True)
    item.file_path(home).write_bytes(packed)
    assert state(item, home) is State.PARTIAL
    fetch(item, home, policy=hasty)
    assert state(item, home) is State.READY
    assert item.file_path(home).read_bytes() == packed


def test_a_checkpoint_put_there_by_hand_is_verified_and_used(home: Home, hasty: Policy) -> None:
    item = checkpoint("http://127.0.0.1:9/none")
    home.checkpoints.mkdir(parents=True)
    item.file_path(home).write_bytes(WEIGHTS)
    assert state(item, home) is State.READY
    assert recorded_sha256(fetch(item, home, policy=hasty)) == item.sha256


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
    item.file_path(home).write_bytes(data)
    assert state(item, home) is before
    with pytest.raises(InputError, match=said):
        fetch(item, home, policy=hasty)
    assert item.file_path(home).read_bytes() == data


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
    assert "answered 404" in said and item.page in said and str(item.file_path(home)) in said
    assert not item.file_path(home).exists()


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
from vos_core.downloads import Item, Kind, Source, fetch
from vos_core.home import Home
url, size, sha256 = sys.argv[1:]
item = Item(name="tiny", kind=Kind.CHECKPOINT, title="", licence="", page="", sources=(Source(url),),
            file="tiny.pt", size=int(size), sha256=sha256)
fetch(item, Home.from_environment())
"""


def start_child(item: Item, home: Home) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, item.sources[0].url, str(item.size), str(item.sha256)],
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
        with pytest.raises(DownloadError, match="another process"):
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


@pytest.mark.parametrize("name", ["davis", "mose", "sam2_hiera_base_plus"])
def test_a_mirror_that_has_something_else_is_refused(
    server: FaultyServer, home: Home, hasty: Policy, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("VOSLAB_MIRROR", server.url)
    item = catalogue()[name]
    for source in item.sources:
        server.put("/" + source.url.split("/", 3)[3], b"not the published bytes")
    with pytest.raises(DownloadError, match=r"offers 23 bytes where the published file has|no readable zip"):
        fetch(item, home, policy=hasty)
    assert server.requests and not item.file_path(home).exists()
