"""Data and checkpoints in folders that cannot be written, as shared ones are: used, verified, never a hindrance."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.downloads.archives import dataset_members
from vos_core.downloads import Damaged, DownloadError, File, Item, Kind, Records, State, Web, fetch, state, verify
from vos_core.downloads.background import recorded
from vos_core.downloads.installation import alone, locks_of
from vos_core.downloads.joining import BY_NAME
from vos_core.downloads.records import RECORD, write_json
from vos_core.home import Home

NOBODY = 65534
WEIGHTS = b"weights" * 300_000
NOWHERE = Web("http://127.0.0.1:9/none")
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()
CHECKPOINT = Item("w", Kind.CHECKPOINT, "", "", "https://e.org", (File("w.pt", (NOWHERE,), len(WEIGHTS), SHA256),))
UNKNOWN = Item("w", Kind.CHECKPOINT, "", "", "https://e.org", (File("w.pt", (NOWHERE,)),))
DAVIS = Item("davis", Kind.DATASET, "", "", "https://e.org", (File("DAVIS.zip", (NOWHERE,)),), folder="DAVIS")
PICTURE = "JPEGImages/480p/bear/00000.jpg"

ReadOnly = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def home() -> Iterator[Home]:
    """Where a user without rights may go: not beneath pytest's own folder, which is its owner's alone."""
    root = Path(tempfile.mkdtemp(prefix="vos-lab-read-only-"))
    root.chmod(0o755)
    home = Home.from_environment({}, cwd=root)
    home.state.mkdir()
    home.checkpoints.mkdir()
    (home.checkpoints / "w.pt").write_bytes(WEIGHTS)
    for name, data in dataset_members(top=""):
        (home.data / "DAVIS" / name).parent.mkdir(parents=True, exist_ok=True)
        (home.data / "DAVIS" / name).write_bytes(data)
    yield home
    shutil.rmtree(root)


@pytest.fixture
def read_only(home: Home) -> ReadOnly:
    """Within it, nothing in the data and checkpoint folders can be written, by nobody: permissions bind no root."""

    @contextmanager
    def read_only() -> Iterator[None]:
        folders = [path for path in (home.data, home.checkpoints, *listing(home)) if path.is_dir()]
        for folder in folders:
            folder.chmod(0o555)
        for path in (home.state, *home.state.rglob("*")):
            path.chmod(0o777)
        me = os.geteuid()
        if me == 0:
            os.seteuid(NOBODY)
        try:
            with pytest.raises(PermissionError):
                (home.data / "x").touch()
            yield
        finally:
            os.seteuid(me)
            for folder in folders:
                folder.chmod(0o755)

    return read_only


def listing(home: Home) -> set[Path]:
    return {path for top in (home.data, home.checkpoints) for path in top.rglob("*")}


@pytest.mark.parametrize(
    ("item", "against"),
    [(CHECKPOINT, ("published", "published")), (UNKNOWN, ("", "recorded")), (DAVIS, ("", "recorded"))],
    ids=["published", "unknown", "dataset"],
)
def test_what_is_there_is_used_and_verified(
    home: Home, read_only: ReadOnly, item: Item, against: tuple[str, str]
) -> None:
    before = listing(home)
    with read_only():
        with recorded(item.name, home) as report:
            assert fetch(item, home, report) == item.destination(home)
        found = [verify(item, home).against for _ in range(2)]
        assert fetch(item, home) == item.destination(home) and state(item, home) is State.READY
    if item is UNKNOWN:
        assert found == ["recorded", "recorded"], "what a person put there is noted by the fetch"
    else:
        assert found == list(against)
    assert listing(home) == before


def test_a_checkpoint_is_read_through_once(home: Home, read_only: ReadOnly, monkeypatch: pytest.MonkeyPatch) -> None:
    with read_only():
        fetch(CHECKPOINT, home)
        assert Records("w", home).sha256(home.checkpoints / "w.pt") == SHA256
        monkeypatch.setattr("vos_core.downloads.installation.sha256_of", lambda *_: pytest.fail("read again"))
        fetch(CHECKPOINT, home)
    (home.checkpoints / "w.pt").write_bytes(WEIGHTS[::-1])
    assert Records("w", home).sha256(home.checkpoints / "w.pt") is None, "another file than the one that was noted"


@pytest.mark.parametrize(("item", "file"), [(CHECKPOINT, "checkpoints/w.pt"), (DAVIS, f"data/DAVIS/{PICTURE}")])
def test_damage_is_kept_and_cleared(home: Home, read_only: ReadOnly, item: Item, file: str) -> None:
    path = home.root / file
    good = path.read_bytes()
    verify(item, home)
    status = path.stat()
    path.write_bytes(good[::-1])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with read_only():
        with pytest.raises(Damaged):
            verify(item, home)
        assert state(item, home) is State.DAMAGED
        with pytest.raises(Damaged):
            fetch(item, home)
    path.write_bytes(good)
    # A file that is another now was not judged yet; of a folder, a look does not tell.
    assert state(item, home) is (State.READY if item is CHECKPOINT else State.DAMAGED)
    with read_only():
        verify(item, home)
        assert state(item, home) is State.READY


def test_damage_that_was_noted_beside_it_is_cleared_without_writing_there(home: Home, read_only: ReadOnly) -> None:
    folder = home.data / "DAVIS"
    write_json(folder / RECORD, {"item": "davis", "recorded": "2026", "damage": "A file differs."})
    assert state(DAVIS, home) is State.DAMAGED
    with read_only():
        verify(DAVIS, home)
        assert state(DAVIS, home) is State.READY
    write_json(folder / RECORD, {"item": "davis", "recorded": "2027", "damage": "Another one differs."})
    assert state(DAVIS, home) is State.DAMAGED, "the verdict was on another folder"


def test_a_list_by_name_stays_so(home: Home, read_only: ReadOnly) -> None:
    write_json(home.data / "DAVIS" / RECORD, {"item": "davis", "recorded": "2026", BY_NAME: True})
    notes: list[str] = []
    with read_only():
        assert fetch(DAVIS, home, lambda report: notes.append(report.note)) == home.data / "DAVIS"
    assert "The list stays by name" in notes[-1] and "cannot be written (Permission denied)" in notes[-1]


def test_what_is_missing_is_told_in_a_sentence(home: Home, read_only: ReadOnly) -> None:
    (home.checkpoints / "w.pt").unlink()
    with (
        read_only(),
        pytest.raises(DownloadError, match=r"w: /.*/checkpoints cannot be used \(Permission denied\): make"),
    ):
        fetch(CHECKPOINT, home)


def test_still_one_at_a_time(home: Home, read_only: ReadOnly) -> None:
    with (
        read_only(),
        alone("davis", *locks_of(DAVIS, home)),
        pytest.raises(DownloadError, match="Another process is at work on davis"),
    ):
        verify(DAVIS, home)


def test_what_is_ready_waits_for_nobody(home: Home) -> None:
    with alone("davis", *locks_of(DAVIS, home)):
        assert fetch(DAVIS, home) == home.data / "DAVIS"
