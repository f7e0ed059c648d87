"""Disks of the home's folders: kind, space, writing; nothing is left behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from db.session import file_system
from vos_core.doctor import disk
from vos_core.doctor.probes import examine
from vos_core.doctor.report import Finding, Level
from vos_core.home import Home


def findings(home: Home, kind: str = "ext4") -> list[Finding]:
    return [one for one in examine(disk.probes(home, lambda path: kind)) if not one.text.startswith("environment")]


def test_folders_of_one_disk_share_a_line(home: Home) -> None:
    (one,) = findings(home)
    assert one.level is Level.OK
    assert f"home {home.root} (with outputs, checkpoints, data, state) (not there yet): ext4, " in one.text
    assert re.search(r"[\d.]+ [GT]B of [\d.]+ [GT]B free$", one.text)
    assert not home.root.exists()


def test_a_root_elsewhere_has_its_own(home: Home, tmp_path: Path) -> None:
    moved = Home.from_environment({"VOSLAB_DATA": str(tmp_path / "mnt")}, cwd=home.root)
    texts = [one.text for one in findings(moved)]
    assert [text.partition(":")[0] for text in texts] == [
        f"home {home.root} (with outputs, checkpoints, state) (not there yet)",
        f"data {tmp_path / 'mnt'} (not there yet)",
    ]


@pytest.mark.parametrize(
    ("kind", "level", "words"),
    [
        ("ext4", Level.OK, "free"),
        ("", Level.OK, "file system unknown"),
        ("nfs4", Level.NOTE, "the database works without WAL"),
        ("fuse.sshfs", Level.NOTE, "one host at a time"),
        ("tmpfs", Level.WARNING, "gone after a restart"),
        ("overlay", Level.NOTE, "container's own layer"),
    ],
)
def test_what_a_kind_of_disk_means(home: Home, kind: str, level: Level, words: str) -> None:
    (one,) = findings(home, kind)
    assert one.level is level
    assert words in one.text


@pytest.mark.parametrize(
    ("little", "full", "level"), [(0, 0, Level.OK), (1e18, 0, Level.WARNING), (1e18, 1e18, Level.PROBLEM)]
)
def test_little_room_is_told(
    home: Home, little: float, full: float, level: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "LITTLE", little)
    monkeypatch.setattr(disk, "FULL", full)
    (one,) = findings(home)
    assert one.level is level
    assert ("Make room" in one.advice) == (level is not Level.OK)


def test_a_try_leaves_nothing(tmp_path: Path) -> None:
    before = tmp_path.stat().st_mtime_ns
    assert disk.refusal(tmp_path) is None
    assert list(tmp_path.iterdir()) == []
    assert tmp_path.stat().st_mtime_ns == before


def test_a_try_really_writes(tmp_path: Path) -> None:
    code = (
        "import resource, sys; from pathlib import Path; from vos_core.doctor.disk import refusal\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); print(refusal(Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "File too large\n"


@pytest.fixture
def not_ours() -> Iterator[Path]:
    """An empty folder that this process may read only; where root runs the tests, as somebody else."""
    with tempfile.TemporaryDirectory() as name:
        folder, user = Path(name), os.geteuid()
        folder.chmod(0o555)
        if user == 0:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(user)


@pytest.mark.parametrize(("name", "level"), [("outputs", Level.PROBLEM), ("data", Level.NOTE)])
def test_a_folder_that_is_not_ours(name: str, level: Level, not_ours: Path) -> None:
    moved = Home.from_environment({f"VOSLAB_{name.upper()}": str(not_ours)}, cwd=Path(tempfile.gettempdir()))
    one = findings(moved)[-1]
    assert one.level is level
    assert f"{name} {not_ours} cannot be written: its permissions are dr-xr-xr-x" in one.text


def test_a_read_only_file_system() -> None:
    mounted = [Path(one.mountpoint) for one in psutil.disk_partitions(all=True) if "ro" in one.opts.split(",")]
    folders = [path for path in mounted if path.is_dir()]
    if not folders:
        pytest.skip("nothing is mounted read-only here")
    assert disk.refusal(folders[0]) == "it is mounted read-only"


@pytest.mark.parametrize(("name", "level"), [("outputs", Level.PROBLEM), ("checkpoints", Level.NOTE)])
def test_a_file_in_place_of_a_folder(home: Home, name: str, level: Level) -> None:
    path: Path = getattr(home, name)
    path.parent.mkdir(parents=True)
    path.write_text("")
    told = [one for one in findings(home) if "is no folder" in one.text]
    assert [one.level for one in told] == [level]


def test_the_kind_is_that_of_this_machine(home: Home) -> None:
    found = list(examine(disk.probes(home, file_system)))
    assert f": {file_system(home.root) or 'file system unknown'}, " in found[0].text
