"""Several archives into one folder, predictions, lists in the publisher's order: whole, or not there at all."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.downloads.archives import tar_of, zip_of
from tests.downloads.faulty_server import Fault, FaultyServer
from vos_core.datasets import find_dataset, find_datasets
from vos_core.downloads import (
    DownloadError,
    File,
    Item,
    Kind,
    Policy,
    Progress,
    Stage,
    State,
    Web,
    catalogue,
    fetch,
    state,
)
from vos_core.downloads.records import DIGESTS
from vos_core.errors import Cancelled
from vos_core.home import Home

Members = list[tuple[str, bytes]]
VIDEOS = ("v1", "v2")


def masks(top: str = "Annotations/") -> Members:
    return [
        (f"{top}{video}/{obj}/{frame:05d}.png", b"m" * 40) for video in VIDEOS for obj in (1, 2) for frame in (0, 1)
    ]


def frames(top: str = "JPEGImages/") -> Members:
    return [(f"{top}{video}/{frame:05d}.jpg", b"f" * 90) for video in VIDEOS for frame in (0, 1)]


def secvos(server: FaultyServer, of_masks: bytes, of_frames: bytes, order: bytes | None = b"v2\nv1\n") -> Item:
    """The catalogue's item with small archives."""
    server.put("/Annotations.zip", of_masks)
    server.put("/JPEGImages.zip", of_frames)
    if order is not None:
        server.put("/video_id.txt", order)
    item = catalogue()["secvos"]
    assert item.order is not None
    files = tuple(replace(file, sources=(Web(f"{server.url}/{file.name}"),), rounded=None) for file in item.files)
    return replace(item, files=files, order=replace(item.order, sources=(Web(server.url + "/video_id.txt"),)))


def left(home: Home) -> set[str]:
    """What lies in the item's folder, without locks and records."""
    names = {path.name for path in (home.data / "SeCVOS").iterdir()}
    return {name for name in names if not name.endswith((".lock", ".json"))}


@pytest.mark.parametrize(
    ("of_masks", "of_frames"),
    [
        (zip_of(masks()), zip_of(frames())),
        (zip_of(masks("SeCVOS/Annotations/")), tar_of(frames("x/y/JPEGImages/"))),
        (zip_of(masks("")), zip_of(frames(""))),
        (zip_of([*masks(), ("README", b"x")]), zip_of([*frames(), ("__MACOSX/JPEGImages/v1/._0.jpg", b"x")])),
    ],
    ids=["as published", "deeper", "videos at the top", "with litter"],
)
def test_two_archives_make_one_dataset(
    server: FaultyServer, home: Home, hasty: Policy, of_masks: bytes, of_frames: bytes
) -> None:
    item = secvos(server, of_masks, of_frames)
    reports: list[Progress] = []
    folder = fetch(item, home, reports.append, hasty)
    assert folder == home.data / "SeCVOS" / "valid"
    assert state(item, home) is State.READY and left(home) == {"valid", "video_id.txt"}
    dataset = find_dataset(home, "SeCVOS")
    assert dataset.video_names("val") == ("v2", "v1"), "in the order of the publisher's list"
    assert dataset.video("v1").length == 2 and dataset.video("v1").per_object is not None
    named = [report.note for report in reports if report.stage is Stage.DOWNLOADING]
    assert list(dict.fromkeys(named)) == ["Annotations.zip", "JPEGImages.zip", "video_id.txt"]
    checked = subprocess.run(["sha256sum", "-c", "--quiet", DIGESTS], cwd=folder, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    assert (folder / DIGESTS).read_text().count("\n") == 12


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize(
    ("packed", "said"),
    [
        (zip_of([("../../evil", b"x")]), "leaves the folder"),
        (zip_of([("v1/00000.png", b"/etc/passwd")], mode=0o120777), "is a link or a device"),
        (tar_of([("v1", b"")], kind=b"2", link="/etc"), "is a link or a device"),
        (zip_of([("v1/0\n.png", b"x")]), "has a line break in its name"),
        (zip_of(masks())[:-30], "is damaged or no archive"),
        (zip_of([("README", b"x")]), "holds no folder (Annotations|JPEGImages) with videos"),
    ],
    ids=["escape", "zip link", "tar link", "line break", "cut short", "something else"],
)
def test_one_bad_archive_spoils_nothing(
    server: FaultyServer, home: Home, hasty: Policy, which: int, packed: bytes, said: str
) -> None:
    good = [zip_of(masks()), zip_of(frames())]
    item = secvos(server, *(packed if number == which else good[number] for number in (0, 1)))
    with pytest.raises(DownloadError, match=said):
        fetch(item, home, policy=hasty)
    assert left(home) == {"Annotations.zip", "JPEGImages.zip", "video_id.txt"}
    assert not find_datasets(home) and not list(home.root.rglob("*evil*"))
    bad = item.paths(home)[which]
    server.put(f"/{bad.name}", good[which])
    bad.unlink()
    server.requests.clear()
    fetch(item, home, policy=hasty)
    assert [path for path, _ in server.requests] == [f"/{bad.name}"], "the good one was kept"
    assert state(item, home) is State.READY


def test_archives_that_are_the_same_half_are_refused(server: FaultyServer, home: Home, hasty: Policy) -> None:
    item = secvos(server, zip_of(masks()), zip_of(masks()))
    with pytest.raises(DownloadError, match="holds no folder JPEGImages with videos"):
        fetch(item, home, policy=hasty)
    assert "valid" not in left(home)


def test_a_stop_between_two_files_goes_on_with_the_second(server: FaultyServer, home: Home, hasty: Policy) -> None:
    item = secvos(server, zip_of(masks()), zip_of(frames()))

    def stop(report: Progress) -> None:
        if report.note == "JPEGImages.zip":
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        fetch(item, home, stop, hasty)
    assert state(item, home) is State.PARTIAL and not find_datasets(home)
    fetch(item, home, policy=hasty)
    assert [path for path, _ in server.requests].count("/Annotations.zip") == 1
    assert state(item, home) is State.READY


def test_a_stop_while_unpacking_leaves_nothing_half(server: FaultyServer, home: Home, hasty: Policy) -> None:
    item = secvos(server, zip_of(masks()), zip_of(frames()))

    def stop(report: Progress) -> None:
        if report.stage is Stage.UNPACKING and report.note == "JPEGImages.zip":
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        fetch(item, home, stop, hasty)
    assert left(home) == {"Annotations.zip", "JPEGImages.zip", "video_id.txt"} and not find_datasets(home)


def test_what_was_put_there_by_hand_is_used_and_kept(server: FaultyServer, home: Home, hasty: Policy) -> None:
    item = secvos(server, b"", b"", order=None)
    folder = home.data / "SeCVOS"
    folder.mkdir(parents=True)
    for path, members in zip(item.paths(home), (masks(), frames())):
        path.write_bytes(zip_of(members))
    (folder / "video_id.txt").write_text("v2\nv1")
    assert state(item, home) is State.PARTIAL
    fetch(item, home, policy=hasty)
    assert server.requests == [] and left(home) == {"valid", "Annotations.zip", "JPEGImages.zip", "video_id.txt"}
    assert find_dataset(home, "secvos").video_names("val") == ("v2", "v1")


def test_what_somebody_unpacked_above_is_the_dataset(server: FaultyServer, home: Home, hasty: Policy) -> None:
    item = secvos(server, b"", b"")
    for name, _ in [*masks(), *frames()]:
        path = home.data / "SeCVOS" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    assert state(item, home) is State.READY
    assert fetch(item, home, policy=hasty) == home.data / "SeCVOS"
    assert server.requests == []


@pytest.mark.parametrize(
    ("order", "expected", "said"),
    [
        (None, ("v1", "v2"), "The list is by name, as video_id.txt could not be had: "),
        (b"v1\nv9\n", ("v1", "v2"), "names other videos than there are"),
        (b"\xff\xfe", ("v1", "v2"), "cannot be read"),
        (b"v2\n\nv1\n", ("v2", "v1"), ""),
    ],
)
def test_the_list_is_nothing_to_fail_for(
    server: FaultyServer, home: Home, hasty: Policy, order: bytes | None, expected: tuple[str, ...], said: str
) -> None:
    item = secvos(server, zip_of(masks()), zip_of(frames()), order)
    reports: list[Progress] = []
    fetch(item, home, reports.append, hasty)
    assert find_dataset(home, "secvos").video_names("val") == expected
    assert said in reports[-1].note if said else reports[-1].note == ""


def test_a_list_by_name_is_put_in_order_once_that_can_be_had(server: FaultyServer, home: Home, hasty: Policy) -> None:
    item = secvos(server, zip_of(masks()), zip_of(frames()), order=None)
    fetch(item, home, policy=hasty)
    reports: list[Progress] = []
    fetch(item, home, reports.append, hasty)
    assert "could not be had" in reports[-1].note and "By hand: get video_id.txt" in reports[-1].note
    assert item.order is not None
    item.path(item.order, home).write_text("v2\nv1\n")
    fetch(item, home, reports.append, hasty)
    assert reports[-1].note == "" and find_dataset(home, "secvos").video_names("val") == ("v2", "v1")
    server.requests.clear()
    fetch(item, home, policy=hasty)
    assert server.requests == []


def test_a_list_that_somebody_changed_is_left_alone(server: FaultyServer, home: Home, hasty: Policy) -> None:
    item = secvos(server, zip_of(masks()), zip_of(frames()), order=None)
    mine = fetch(item, home, policy=hasty) / "ImageSets" / "val.txt"
    mine.write_text("v2\n")
    server.put("/video_id.txt", b"v2\nv1\n")
    fetch(item, home, policy=hasty)
    assert mine.read_text() == "v2\n"


@pytest.mark.parametrize("top", ["", "sample_submission_valid_all/"])
def test_predictions_lie_where_agreement_takes_them(server: FaultyServer, home: Home, hasty: Policy, top: str) -> None:
    members = [(f"{top}{video}/{frame:05d}.png", b"p") for video in VIDEOS for frame in (0, 1)]
    item = catalogue()["mose-sample-submission"]
    file = replace(item.files[0], sources=(Web(server.put("/s.zip", zip_of(members))),))
    item = replace(item, files=(file,))
    folder = fetch(item, home, policy=hasty)
    assert folder == home.data / "MOSE" / "sample_submission_valid_all"
    assert {path.relative_to(folder).as_posix() for path in folder.glob("*/*.png")} == {
        f"{video}/{frame:05d}.png" for video in VIDEOS for frame in (0, 1)
    }
    assert state(item, home) is State.READY
    assert not find_datasets(home), "predictions are no dataset"


def test_an_archive_without_predictions_is_told(server: FaultyServer, home: Home, hasty: Policy) -> None:
    url = server.put("/s.zip", zip_of([("a/readme.txt", b"x")]))
    item = Item("p", Kind.PREDICTIONS, "", "", "https://e.org", (File("P/s.zip", (Web(url),)),), folder="P/all")
    with pytest.raises(DownloadError, match="holds no predictions: no folder of it has folders of PNG masks"):
        fetch(item, home, policy=hasty)
    assert state(item, home) is State.PARTIAL


def test_a_disk_without_room_for_both_is_told_before_the_first(
    server: FaultyServer, home: Home, hasty: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = secvos(server, zip_of(masks()), zip_of(frames()))
    first, second = item.files
    item = replace(item, files=(first, replace(second, rounded=10**18)))
    with pytest.raises(Exception, match=r"needs 20000000\d\d\.\d\d GB: make room"):
        fetch(item, home, policy=hasty)
    assert left(home) == set()


def test_an_archive_that_stalls_is_named_while_it_waits(server: FaultyServer, home: Home, hasty: Policy) -> None:
    item = secvos(server, zip_of(masks()), zip_of(frames()))
    server.put("/JPEGImages.zip", zip_of(frames()), Fault(after=50))
    reports: list[Progress] = []
    fetch(item, home, reports.append, hasty)
    waits = [report.note for report in reports if report.stage is Stage.WAITING]
    assert waits and waits[0].startswith("JPEGImages.zip: ") and "next attempt in" in waits[0]


def test_no_folder_above_counts_for_a_dataset_at_the_data_root(home: Home) -> None:
    for name in ("JPEGImages", "Annotations"):
        (home.data / name / "v").mkdir(parents=True)
    assert state(catalogue()["davis"], home) is State.MISSING
    assert Path(home.data / "DAVIS") == catalogue()["davis"].destination(home)
