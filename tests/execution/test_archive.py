"""Backups: what is in one, that it comes back whole or not at all, and that nothing leads out of the home."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import stat
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from db import queries, schema
from db.models import Lease
from db.session import engine_for, writing
from tests.clips import write_dataset
from tests.ui.seed import launch
from vos_core.cli import main
from vos_core.errors import InputError
from vos_core.execution import lease
from vos_core.execution import restore as restoring
from vos_core.execution.archive import DATABASE, MANIFEST, write_archive
from vos_core.execution.restore import restore
from vos_core.execution.run_file import run_facts, write_run_file
from vos_core.execution.sidecar import VideoRecord, write_record
from vos_core.home import Home
from vos_core.runs import Grid, RunSettings

MASK = "outputs/DAVIS_pred_pngs/DAVIS_static/a/00000.png"
RECORD = "outputs/DAVIS_pred_pngs/DAVIS_static/a/.voslab.json"
SUBSET = "subsets/DAVIS/hard.txt"
RUN = "outputs/DAVIS_pred_pngs/DAVIS_static/run.json"


@pytest.fixture(autouse=True)
def forget() -> None:
    schema.ensure.cache_clear()


@pytest.fixture
def full(home: Home) -> Home:
    """A home with two runs; the folder of one has masks and a record. A dispatcher works there."""
    write_dataset(home.data / "DAVIS", {"a": 4})
    ids = launch(home, Grid((("DAVIS", home.store(home.data / "DAVIS"), "val"),), ("static", "flow")))
    run = queries.runs(home.database, ids[:1])[0]
    folder = home.locate(run.folder)
    settings = RunSettings.from_values(run.settings)
    write_run_file(folder, settings, run.name, run_facts(home.database, run.id))
    (folder / "a").mkdir()
    write_record(folder / "a", VideoRecord(settings.fingerprint, "a", 1, 4))
    (folder / "a" / "00000.png").write_bytes(b"mask")
    (folder / ".tmp-2-a").mkdir()
    (folder / ".tmp-2-a" / "00000.png").write_bytes(b"half")
    (home.state / "places.json").write_text('{"datasets": {}, "checkpoints": {}}')
    (home.state / SUBSET).parent.mkdir(parents=True)
    (home.state / SUBSET).write_text("a\n")
    (home.state / "gate.key").write_bytes(b"secret")
    home.checkpoints.mkdir()
    (home.checkpoints / "sam2_hiera_tiny.pt").write_bytes(b"weights")
    assert lease.take(home.database) is not None
    return home


@pytest.fixture
def backup(full: Home, tmp_path: Path) -> Path:
    write_archive(full, tmp_path / "b.zip")
    return tmp_path / "b.zip"


@pytest.fixture
def other(tmp_path: Path) -> Home:
    return Home.from_environment({}, cwd=tmp_path / "other")


def tree(folder: Path) -> dict[str, bytes]:
    """Every file under a folder but the database's own."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(("voslab.db", "migrate.lock"))
    }


@pytest.mark.parametrize("masks", [False, True])
def test_what_is_in_it(full: Home, tmp_path: Path, masks: bool) -> None:
    written = write_archive(full, tmp_path / "b.zip", masks=masks)
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        names = {MANIFEST, DATABASE, "state/places.json", f"state/{SUBSET}", RUN, RECORD} | ({MASK} if masks else set())
        assert set(archive.namelist()) == names
        assert archive.testzip() is None
    assert len(written.manifest.files) == len(names) - 1
    assert not list(full.state.glob(".backup*"))


def test_an_empty_home_gets_everything(full: Home, other: Home, tmp_path: Path) -> None:
    write_archive(full, tmp_path / "b.zip", masks=True)
    restored = restore(other, tmp_path / "b.zip")
    assert (restored.runs, restored.kept) == (2, ())
    assert [run.name for run in queries.runs(other.database)] == [run.name for run in queries.runs(full.database)]
    assert queries.lease(other.database) is None, "nobody dispatches there"
    for name in ("run.json", "a/.voslab.json", "a/00000.png"):
        here, there = (home.outputs / "DAVIS_pred_pngs/DAVIS_static" / name for home in (full, other))
        assert here.read_bytes() == there.read_bytes()
        assert there.stat().st_mtime == pytest.approx(here.stat().st_mtime, abs=0.01)
    assert (other.state / SUBSET).read_text() == "a\n"
    assert not [path for path in other.root.rglob("*") if path.name.startswith((".restore", "before", "restoring"))]


def test_a_video_whose_name_other_systems_take_for_a_path(full: Home, other: Home, tmp_path: Path) -> None:
    run = full.outputs / "DAVIS_pred_pngs" / "DAVIS_static"
    (run / "a").rename(run / "a\\b")
    restore(other, write_archive(full, tmp_path / "b.zip", masks=True).path)
    assert (other.outputs / "DAVIS_pred_pngs" / "DAVIS_static" / "a\\b" / "00000.png").read_bytes() == b"mask"


def test_a_home_with_runs_is_left_alone_without_replace(backup: Path, other: Home) -> None:
    write_dataset(other.data / "DAVIS", {"b": 4})
    launch(other, Grid((("DAVIS", "data:DAVIS", "val"),), ("static",)))
    before = tree(other.root)
    with pytest.raises(InputError, match=r"has 1 run already.*--replace"):
        restore(other, backup)
    assert tree(other.root) == before
    assert queries.has_work(other.database)


def test_replace_keeps_what_was_there(backup: Path, other: Home) -> None:
    write_dataset(other.data / "DAVIS", {"b": 4})
    (mine,) = launch(other, Grid((("DAVIS", "data:DAVIS", "val"),), ("propagation",), (2,)))
    run_file = other.root / RUN
    run_file.parent.mkdir(parents=True)
    run_file.write_text("mine")
    engine_for(other.database)  # an app that has the database open sees the new content
    assert len(queries.runs(other.database)) == 1
    restored = restore(other, backup, replace=True)
    assert restored.runs == len(queries.runs(other.database)) == 2
    assert json.loads(run_file.read_text())["name"] == "DAVIS_static"
    state, outputs = restored.kept
    with closing(sqlite3.connect(state / "voslab.db")) as connection:
        assert connection.execute("SELECT id FROM run").fetchall() == [(mine,)]
    assert (outputs / "DAVIS_pred_pngs/DAVIS_static/run.json").read_text() == "mine"


def test_not_while_a_dispatcher_works_there(full: Home, backup: Path) -> None:
    before = tree(full.root)
    with pytest.raises(InputError, match="A dispatcher works on"):
        restore(full, backup, replace=True)
    assert tree(full.root) == before


def test_whatever_fails_all_is_put_back(backup: Path, other: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    schema.ensure(other.database)
    run_file = other.root / RUN
    run_file.parent.mkdir(parents=True)
    run_file.write_text("mine")
    (other.state / "places.json").write_text("mine too")

    def fails(copy: Path, database: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(restoring, "write_back", fails)
    with pytest.raises(OSError, match="No space"):
        restore(other, backup, replace=True)
    assert (run_file.read_text(), (other.state / "places.json").read_text()) == ("mine", "mine too")
    assert not (other.root / RECORD).exists()
    assert not (other.state / schema.RESTORING).exists()
    assert queries.runs(other.database) == []


def test_one_that_was_killed_half_way_is_not_worked_on(backup: Path, other: Home) -> None:
    other.state.mkdir(parents=True)
    (other.state / schema.RESTORING).write_text("{}")
    with pytest.raises(InputError, match="was cut short: run it again"):
        schema.ensure(other.database)
    with pytest.raises(InputError, match="was cut short: run it again"):
        restore(other, backup)
    assert restore(other, backup, replace=True).runs == 2
    schema.ensure(other.database)


def again(path: Path, change: Callable[[dict[str, bytes], dict[str, Any]], object]) -> None:
    """Write the archive anew with its files and its manifest changed."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if name != MANIFEST}
        manifest = json.loads(archive.read(MANIFEST))
    change(files, manifest)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**files, MANIFEST: json.dumps(manifest).encode()}.items():
            archive.writestr(name, content)


def put(name: str) -> Callable[[Path], None]:
    """A file of that name, listed with its true checksum."""

    def change(files: dict[str, bytes], manifest: dict[str, Any]) -> None:
        files[name] = b"x"
        digest = hashlib.sha256(b"x").hexdigest()
        manifest["files"].append({"path": name, "bytes": 1, "sha256": digest, "mtime": 1.0})

    return lambda path: again(path, change)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def link(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        content = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16 if name == RUN else 0
            archive.writestr(info, data)


def not_a_database(path: Path) -> None:
    def change(files: dict[str, bytes], manifest: dict[str, Any]) -> None:
        files[DATABASE] = b"no database at all, but of some length" * 40
        entry = next(item for item in manifest["files"] if item["path"] == DATABASE)
        entry.update(bytes=len(files[DATABASE]), sha256=hashlib.sha256(files[DATABASE]).hexdigest())

    again(path, change)


def from_the_future(path: Path) -> None:
    def change(files: dict[str, bytes], manifest: dict[str, Any]) -> None:
        copy = path.with_suffix(".db")
        copy.write_bytes(files[DATABASE])
        with closing(sqlite3.connect(copy)) as connection, connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        files[DATABASE] = copy.read_bytes()
        entry = next(item for item in manifest["files"] if item["path"] == DATABASE)
        entry.update(bytes=len(files[DATABASE]), sha256=hashlib.sha256(files[DATABASE]).hexdigest())

    again(path, change)


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (flip, "damaged"),
        (cut, "damaged"),
        (lambda path: path.write_text("hello"), "no backup of VOS Lab"),
        (lambda path: path.unlink(), "There is no backup"),
        (lambda path: again(path, lambda files, _: files.pop(RECORD)), "does not hold the files"),
        (lambda path: again(path, lambda files, _: files.update({"more": b""})), "does not hold the files"),
        (
            lambda path: again(path, lambda files, _: files.update({RECORD: files[RECORD][::-1]})),
            "is not what was backed up",
        ),
        (lambda path: again(path, lambda _, manifest: manifest.update(format=2)), "a newer VOS Lab"),
        (lambda path: again(path, lambda _, manifest: manifest.update(files=[{"path": 3}])), "no backup of VOS Lab"),
        (from_the_future, "a newer VOS Lab .revision 9999"),
        (not_a_database, "database in the backup is damaged"),
        (link, "no ordinary file"),
        (put("outputs/../../evil"), "which no backup has"),
        (put("outputs/D_pred_pngs/r/../../../evil"), "which no backup has"),
        (put("/etc/evil"), "which no backup has"),
        (put("outputs/D_pred_pngs/r/a\\..\\evil"), "which no backup has"),
        (put("elsewhere/x_pred_pngs/r/f"), "which no backup has"),
        (put("state/voslab.db-wal"), "which no backup has"),
        (put("state/gate.key"), "which no backup has"),
        (put("state/restoring.json"), "which no backup has"),
        (put("outputs/DAVIS_pred_pngs/DAVIS_static/a"), "damaged"),
    ],
)
def test_what_is_damaged_or_forged_touches_nothing(
    backup: Path, other: Home, harm: Callable[[Path], None], sentence: str
) -> None:
    harm(backup)
    with pytest.raises(InputError, match=sentence):
        restore(other, backup)
    assert [path for path in other.root.rglob("*") if path.is_file()] == []
    assert not list(backup.parent.rglob("evil"))


def test_nothing_is_restored_through_a_link(backup: Path, other: Home, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (other.outputs / "DAVIS_pred_pngs").mkdir(parents=True)
    (other.outputs / "DAVIS_pred_pngs" / "DAVIS_static").symlink_to(outside)
    with pytest.raises(InputError, match="is a link out of"):
        restore(other, backup, replace=True)
    assert list(outside.iterdir()) == []


def test_an_older_backup_is_brought_up_to_now(home: Home, other: Home, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as older:
        older.setattr(schema, "HEAD", "0002")
        schema.ensure(home.database)
    write_archive(home, tmp_path / "b.zip")
    restore(other, tmp_path / "b.zip")
    assert schema.version(other.database) == schema.HEAD


def test_a_dead_lease_is_no_dispatcher(full: Home, backup: Path) -> None:
    with writing(full.database) as session:
        session.get_one(Lease, 1).pid = 2**22 + 1
    assert restore(full, backup, replace=True).runs == 2


def test_the_commands(full: Home, other: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "b.zip"
    assert main(["backup", "--home", str(full.root), "--out", str(target), "--masks"]) == 0
    assert capsys.readouterr().out.startswith(f"{target}: 6 files, 0.")
    assert main(["backup", "--home", str(full.root), "--out", str(target)]) == 2
    assert "is there already" in capsys.readouterr().err
    other.root.mkdir()
    assert main(["backup", "--home", str(other.root)]) == 2
    assert "has no database to back up" in capsys.readouterr().err
    assert main(["restore", str(target), "--home", str(other.root)]) == 0
    assert "has the 2 runs of the backup of 20" in capsys.readouterr().out
