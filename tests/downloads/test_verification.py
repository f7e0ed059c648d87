"""Reading through what is there: fine, damaged, or nothing known to hold it against."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.downloads.archives import dataset_members, zip_of
from tests.downloads.faulty_server import FaultyServer
from vos_core.downloads import Damaged, File, Item, Kind, Policy, Progress, Stage, State, Web, fetch, state, verify
from vos_core.downloads.failures import DownloadError
from vos_core.downloads.installation import alone, locks_of
from vos_core.errors import InputError
from vos_core.home import Home

WEIGHTS = b"weights" * 300_000
PACKED = zip_of(dataset_members())


def checkpoint(server: FaultyServer, published: bool = True) -> Item:
    size, sha256 = (len(WEIGHTS), hashlib.sha256(WEIGHTS).hexdigest()) if published else (None, None)
    file = File("w.pt", (Web(server.put("/w.pt", WEIGHTS)),), size, sha256)
    return Item("w", Kind.CHECKPOINT, "", "", "https://e.org", (file,))


def dataset(server: FaultyServer) -> Item:
    file = File("DAVIS.zip", (Web(server.put("/d.zip", PACKED)),))
    return Item("davis", Kind.DATASET, "", "", "https://e.org", (file,), folder="DAVIS")


def flip(path: Path, keep_time: bool = False) -> None:
    """One byte differs; with `keep_time`, as a disk that forgets does it."""
    data, status = bytearray(path.read_bytes()), path.stat()
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    if keep_time:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize(("published", "against"), [(True, "published"), (False, "recorded")])
def test_a_checkpoint_is_fine(server: FaultyServer, home: Home, hasty: Policy, published: bool, against: str) -> None:
    item = checkpoint(server, published)
    path = fetch(item, home, policy=hasty)
    reports: list[Progress] = []
    verdict = verify(item, home, reports.append)
    assert (verdict.path, verdict.files, verdict.size, verdict.against) == (path, 1, len(WEIGHTS), against)
    assert verdict.sentence == f"Fine: 1 file, 0.00 GB, all as {against}."
    assert {report.stage for report in reports} == {Stage.VERIFYING, Stage.READY}
    done = [report.done for report in reports if report.stage is Stage.VERIFYING]
    assert done == sorted(done) and done[-1] == len(WEIGHTS)


@pytest.mark.parametrize("published", [True, False], ids=["published", "recorded"])
def test_a_byte_that_turned_is_found_kept_in_mind_and_mended_by_fetching(
    server: FaultyServer, home: Home, hasty: Policy, published: bool
) -> None:
    item = checkpoint(server, published)
    path = fetch(item, home, policy=hasty)
    flip(path, keep_time=True)
    assert state(item, home) is State.READY, "a look does not see it"
    with pytest.raises(Damaged, match=r"w.pt has SHA-256 .* Move .*w.pt away or delete it, then: python -m vos_core f"):
        verify(item, home)
    assert state(item, home) is State.DAMAGED
    with pytest.raises(Damaged, match="has SHA-256"):
        fetch(item, home, policy=hasty)
    path.unlink()
    assert fetch(item, home, policy=hasty).read_bytes() == WEIGHTS
    assert state(item, home) is State.READY and verify(item, home)


def test_a_checkpoint_of_another_size_is_damaged(server: FaultyServer, home: Home, hasty: Policy) -> None:
    item = checkpoint(server)
    fetch(item, home, policy=hasty).write_bytes(WEIGHTS[:-7])
    with pytest.raises(Damaged, match="has 2099993 bytes where the published file has 2100000"):
        verify(item, home)


def test_a_mended_file_is_believed_once_it_is_read(server: FaultyServer, home: Home, hasty: Policy) -> None:
    item = checkpoint(server)
    path = fetch(item, home, policy=hasty)
    flip(path)
    with pytest.raises(Damaged):
        verify(item, home)
    flip(path)
    assert verify(item, home).against == "published"
    assert state(item, home) is State.READY


def test_a_mended_dataset_is_ready_again(server: FaultyServer, home: Home, hasty: Policy) -> None:
    item = dataset(server)
    picture = fetch(item, home, policy=hasty) / "JPEGImages/480p/bear/00000.jpg"
    good = picture.read_bytes()
    spoil(picture)
    with pytest.raises(Damaged):
        verify(item, home)
    picture.write_bytes(good)
    assert state(item, home) is State.DAMAGED, "until it is read through again"
    assert verify(item, home).against == "recorded" and state(item, home) is State.READY


def test_a_dataset_is_fine(server: FaultyServer, home: Home, hasty: Policy) -> None:
    item = dataset(server)
    path = fetch(item, home, policy=hasty)
    verdict = verify(item, home)
    assert (verdict.path, verdict.files, verdict.against) == (path, len(dataset_members()), "recorded")


def spoil(path: Path) -> None:
    path.write_bytes(b"x" * path.stat().st_size)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (flip, "1 of 9 files in .* differ: JPEGImages/480p/bear/00000.jpg has other contents"),
        (Path.unlink, "differ: JPEGImages/480p/bear/00000.jpg is missing"),
        (spoil, "00000.jpg has other contents"),
        (lambda path: path.write_bytes(b""), "00000.jpg has other contents"),
    ],
    ids=["a byte", "missing", "other bytes", "empty"],
)
def test_a_damaged_dataset_is_told_and_stays_told(
    server: FaultyServer, home: Home, hasty: Policy, harm: Callable[[Path], object], said: str
) -> None:
    item = dataset(server)
    folder = fetch(item, home, policy=hasty)
    harm(folder / "JPEGImages/480p/bear/00000.jpg")
    with pytest.raises(Damaged, match=said):
        verify(item, home)
    assert state(item, home) is State.DAMAGED
    with pytest.raises(Damaged, match="Move it away or delete it, then fetch again"):
        fetch(item, home, policy=hasty)
    folder.rename(home.data / "old")
    fetch(item, home, policy=hasty)
    assert state(item, home) is State.READY and verify(item, home)


def test_many_differences_are_counted(server: FaultyServer, home: Home, hasty: Policy) -> None:
    item = dataset(server)
    folder = fetch(item, home, policy=hasty)
    for path in folder.rglob("*.png"):
        spoil(path)
    with pytest.raises(Damaged, match=r"4 of 9 files .*: Annotations/.*, and 1 more\."):
        verify(item, home)


def test_what_one_adds_is_no_damage(server: FaultyServer, home: Home, hasty: Policy) -> None:
    item = dataset(server)
    (fetch(item, home, policy=hasty) / "ImageSets" / "2017" / "mine.txt").write_text("bear\n")
    assert verify(item, home).files == 9


def test_a_folder_of_somebody_elses_is_noted_first_and_only_read(server: FaultyServer, home: Home) -> None:
    item = dataset(server)
    folder = home.data / "DAVIS"
    for name, data in dataset_members(top=""):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    verdict = verify(item, home)
    assert (verdict.files, verdict.against) == (9, "") and "nothing was known to hold it against" in verdict.sentence
    assert verify(item, home).against == "recorded"
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    spoil(folder / "JPEGImages/480p/bear/00000.jpg")
    with pytest.raises(Damaged, match="1 of 9 files"):
        verify(item, home)


def test_nothing_there_is_no_damage(server: FaultyServer, home: Home) -> None:
    with pytest.raises(InputError, match="w is not there to be checked: python -m vos_core fetch w"):
        verify(checkpoint(server), home)
    item = replace(dataset(server), folder="D/valid")
    (home.data / "D" / "valid").mkdir(parents=True)
    with pytest.raises(Damaged, match="is no whole dataset"):
        verify(item, home)


def test_one_at_a_time(server: FaultyServer, home: Home, hasty: Policy) -> None:
    item = checkpoint(server)
    fetch(item, home, policy=hasty)
    with alone(item.name, *locks_of(item, home)), pytest.raises(DownloadError, match="Another process is at work on w"):
        verify(item, home)


def by_hand(home: Home) -> Path:
    folder = home.data / "DAVIS"
    for name, data in dataset_members(top=""):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def test_damage_in_a_folder_of_somebody_elses_stays_told_until_it_is_mended(
    server: FaultyServer, home: Home, hasty: Policy
) -> None:
    item = dataset(server)
    folder = by_hand(home)
    verify(item, home)
    picture = folder / "JPEGImages/480p/bear/00000.jpg"
    good = picture.read_bytes()
    spoil(picture)
    with pytest.raises(Damaged, match="1 of 9 files"):
        verify(item, home)
    assert not list(folder.glob(".fetched*")), "the folder is only read"
    assert state(item, home) is State.DAMAGED
    with pytest.raises(Damaged, match=r"00000.jpg has other contents\. Move it away or delete it, then fetch again"):
        fetch(item, home, policy=hasty)
    assert state(item, home) is State.DAMAGED and server.requests == [], "asking to fetch it mends nothing"
    picture.write_bytes(good)
    assert verify(item, home).against == "recorded"
    assert state(item, home) is State.READY and fetch(item, home, policy=hasty) == folder


def test_damage_in_a_folder_of_somebody_elses_goes_with_it(server: FaultyServer, home: Home, hasty: Policy) -> None:
    item = dataset(server)
    folder = by_hand(home)
    verify(item, home)
    spoil(folder / "JPEGImages/480p/bear/00000.jpg")
    with pytest.raises(Damaged):
        verify(item, home)
    folder.rename(home.data / "old")
    assert state(item, home) is State.MISSING
    fetch(item, home, policy=hasty)
    assert state(item, home) is State.READY and verify(item, home)


def test_a_verdict_is_on_one_folder(server: FaultyServer, home: Home, tmp_path: Path) -> None:
    item = dataset(server)
    by_hand(home)
    verify(item, home)
    spoil(home.data / "DAVIS" / "JPEGImages/480p/bear/00000.jpg")
    with pytest.raises(Damaged):
        verify(item, home)
    other = replace(home, data=tmp_path / "another disk")
    by_hand(other)
    assert state(item, other) is State.READY and state(item, home) is State.DAMAGED
