"""Named roots, and paths that survive a moved mount."""

from __future__ import annotations

from pathlib import Path

import pytest

from vos_core.errors import InputError
from vos_core.home import Home


def test_roots_of_a_home(tmp_path: Path) -> None:
    home = Home.from_environment({"VOSLAB_HOME": str(tmp_path), "VOSLAB_DATA": "/mnt/data"})
    assert (home.outputs, home.data) == (tmp_path / "outputs", Path("/mnt/data"))
    assert home.database == tmp_path / "state" / "voslab.db"
    assert Home.from_environment(home.environment()) == home


@pytest.mark.parametrize(
    ("path", "stored"),
    [
        ("data/DAVIS", "data:DAVIS"),
        ("data", "data:."),
        ("outputs/a b/ü(1)", "outputs:a b/ü(1)"),
        ("checkpoints/x.pt", "checkpoints:x.pt"),
        ("elsewhere", "root:elsewhere"),
    ],
)
def test_stored_paths_move_with_the_home(tmp_path: Path, path: str, stored: str) -> None:
    old, new = (Home.from_environment({}, cwd=tmp_path / name) for name in ("old", "new"))
    assert old.store(old.root / path) == stored
    assert new.locate(stored).resolve() == (new.root / path).resolve()


def test_outside_every_root_paths_are_absolute(tmp_path: Path) -> None:
    home = Home.from_environment({}, cwd=tmp_path / "home")
    assert home.store(tmp_path / "far") == str(tmp_path / "far")
    assert home.locate(str(tmp_path / "far")) == tmp_path / "far"


def test_a_root_outside_the_home_is_found_by_a_process_that_has_another(tmp_path: Path) -> None:
    """`VOSLAB_DATA=/mnt/x run ...` once; the dispatcher and the app were started without it."""
    (tmp_path / "x" / "DAVIS").mkdir(parents=True)
    mine = Home.from_environment({"VOSLAB_DATA": str(tmp_path / "x")}, cwd=tmp_path / "home")
    theirs = Home.from_environment({}, cwd=tmp_path / "home")
    stored = mine.store(tmp_path / "x" / "DAVIS")
    assert stored == f"data({tmp_path}/x):DAVIS"
    assert theirs.locate(stored) == tmp_path / "x" / "DAVIS"
    # The mount moved, and VOSLAB_DATA says where to.
    (tmp_path / "x").rename(tmp_path / "y")
    moved = Home.from_environment({"VOSLAB_DATA": str(tmp_path / "y")}, cwd=tmp_path / "home")
    assert moved.locate(stored) == tmp_path / "y" / "DAVIS"


@pytest.mark.parametrize("stored", ["nowhere:x", "x", "environment:x", ""])
def test_foreign_names_are_refused(tmp_path: Path, stored: str) -> None:
    with pytest.raises(InputError, match="names no known root"):
        Home.from_environment({}, cwd=tmp_path).locate(stored)
