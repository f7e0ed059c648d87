"""Which folder a name stands for: folders that cannot be read, names that two have, and what can be fetched."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.clips import write_dataset
from vos_core.datasets import find_dataset, find_datasets, open_dataset, stored_dataset
from vos_core.datasets.catalogue import FETCHED, dataset_in
from vos_core.datasets.registration import adopt_places, name_for, register, registered, unregister
from vos_core.downloads import catalogue
from vos_core.downloads.catalogue import Kind
from vos_core.downloads.jobs import DEMO, jobs
from vos_core.errors import InputError, NotFetched
from vos_core.home import Home
from vos_core.launch_command import command_line
from vos_core.places import add_places, read_places
from vos_core.runs import Grid

TOO_LONG = "x" * 300  # to look at it fails (ENAMETOOLONG), for root too
NOBODY = 65534


@contextmanager
def without_rights() -> Iterator[None]:
    """Root may enter everything, so this process is somebody else for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def disk() -> Iterator[Path]:
    """A folder that everybody may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def both(home: Home, tmp_path: Path) -> tuple[Path, Path]:
    """MOSE elsewhere, registered; and a folder of that name that came into the data folder later."""
    far = write_dataset(tmp_path / "big/MOSE", {"far": 4})
    register(home, far)
    return far, write_dataset(home.data / "MOSE", {"near": 4})


def test_a_folder_that_may_not_be_entered_stops_nothing(home: Home, disk: Path) -> None:
    home = replace(home, data=disk / "mount")
    good = write_dataset(home.data / "DAVIS", {"a": 4})
    mine, locked = write_dataset(disk / "closed/Mine", {"b": 4}), home.data / "lost+found"
    register(home, mine)
    locked.mkdir()
    shutil.copytree(home.state, disk / "state")
    home = replace(home, state=disk / "state")
    for folder in (locked, disk / "closed"):
        folder.chmod(0o000)
    try:
        with without_rights():
            assert {name: one.root for name, one in find_datasets(home).items()} == {"DAVIS": good}
            assert [(one.name, one.there) for one in registered(home)] == [("Mine", False)]
            assert not read_places(home).datasets
            for path in (locked, mine):
                with pytest.raises(InputError, match=r"cannot be read \(Permission denied\)"):
                    name_for(home, path, "other")
            with pytest.raises(InputError, match=r"Dataset Mine is registered, .*cannot be read"):
                find_dataset(home, "mine")
    finally:
        for folder in (locked, disk / "closed"):
            folder.chmod(0o755)
    assert unregister(home, "Mine") == mine


@pytest.mark.parametrize("place", ["JPEGImages", "."])
def test_what_fails_when_it_is_looked_at_is_left_out(home: Home, tmp_path: Path, place: str) -> None:
    write_dataset(home.data / "DAVIS", {"a": 4})
    write_dataset(tmp_path / "Mine", {"b": 4})
    odd = home.data / "odd" / place if place != "." else home.data / "odd"
    odd.parent.mkdir(exist_ok=True)
    odd.symlink_to(TOO_LONG)
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    add_places(home, {"circle": circle, "far": tmp_path / TOO_LONG, "Mine": tmp_path / "Mine"}, [tmp_path / TOO_LONG])
    assert sorted(find_datasets(home)) == ["DAVIS", "Mine"]
    there = {one.name: one.there for one in registered(home)}
    assert there == {"Mine": True, "circle": False, "far": False}
    assert list(read_places(home).datasets) == ["Mine"] and not read_places(home).checkpoints
    assert name_for(home, tmp_path / "Mine", "Mine") == "Mine"
    unregister(home, "far")
    assert [one.name for one in registered(home)] == ["Mine", "circle"]


def test_one_odd_link_hides_no_videos(home: Home) -> None:
    root = write_dataset(home.data / "DAVIS", {"a": 4, "b": 4})
    (root / "JPEGImages/480p/odd").symlink_to(TOO_LONG)
    assert find_dataset(home, "DAVIS").video_names("all") == ("a", "b")


def test_a_stored_path_whose_place_fails_is_in_the_root_of_today(home: Home) -> None:
    assert home.locate(f"data(/{TOO_LONG}):DAVIS") == home.data / "DAVIS"


@pytest.mark.parametrize("asked", ["MOSE", "mose"])
@pytest.mark.parametrize("folder", ["MOSE", "Mose"])
def test_a_registered_name_stays_with_its_folder(home: Home, tmp_path: Path, asked: str, folder: str) -> None:
    far = write_dataset(tmp_path / "big/MOSE", {"far": 4})
    register(home, far)
    near = write_dataset(home.data / folder, {"near": 4})
    assert {name: one.root for name, one in find_datasets(home).items()} == {"MOSE": far, f"{folder}@data": near}
    assert find_dataset(home, asked).root == far
    assert find_dataset(home, f"{asked}@data").root == near
    assert dataset_in(home, near).name == f"{folder}@data"
    assert stored_dataset(home, folder, home.store(near)).root == near, "runs that are there go by their path"
    assert unregister(home, "MOSE") == far
    assert find_dataset(home, asked).root == near and list(find_datasets(home)) == [folder]


def test_a_registered_name_is_kept_while_its_folder_is_away(home: Home, both: tuple[Path, Path]) -> None:
    far, near = both
    far.rename(far.with_name("unmounted"))
    assert {name: one.root for name, one in find_datasets(home).items()} == {"MOSE@data": near}
    with pytest.raises(InputError, match=r"Dataset MOSE is registered, and its folder .*big/MOSE is not there") as told:
        find_dataset(home, "mose")
    assert "datasets remove MOSE" in str(told.value) and not isinstance(told.value, NotFetched)


def test_the_other_name_cannot_be_taken(home: Home, both: tuple[Path, Path], tmp_path: Path) -> None:
    third = write_dataset(home.data / "MOSE@data", {"third": 4})
    found = {name: one.root for name, one in find_datasets(home).items()}
    assert found == {"MOSE": both[0], "MOSE@data": both[1], "MOSE@data@data": third}
    with pytest.raises(InputError, match="is no name"):
        register(home, write_dataset(tmp_path / "more", {"a": 4}), "MOSE@data")
    with pytest.raises(InputError, match="is in the data folder already, as dataset MOSE@data"):
        register(home, both[1], "again")


def test_names_that_letter_case_alone_tells_apart(home: Home) -> None:
    upper, lower = (write_dataset(home.data / name, {name: 4}) for name in ("MOSE", "mose"))
    if upper.samefile(lower):
        pytest.skip("a file system that knows no letter case")
    assert (find_dataset(home, "MOSE").root, find_dataset(home, "mose").root) == (upper, lower)
    with pytest.raises(InputError, match=r"'Mose' may be MOSE \(.*\) or mose \(.*\): write the name"):
        find_dataset(home, "Mose")


def test_what_is_adopted_takes_no_name_away(home: Home, tmp_path: Path) -> None:
    here = write_dataset(home.data / "DAVIS", {"a": 4})
    far = write_dataset(tmp_path / "one/MOSE", {"b": 4})
    register(home, far)
    davis, mose, lvos = (write_dataset(tmp_path / "project" / name, {"c": 4}) for name in ("davis", "MOSE", "LVOS"))
    project = [open_dataset(path) for path in (davis, mose, lvos, here)]
    for _ in range(2):  # again changes nothing
        names = adopt_places(home, project, [tmp_path / "a.pt"])
        assert names == {"davis-2": davis, "MOSE-2": mose, "LVOS": lvos, "DAVIS": here}
    found = {name: one.root for name, one in find_datasets(home).items()}
    assert found == {"DAVIS": here, "MOSE": far, "davis-2": davis, "MOSE-2": mose, "LVOS": lvos}


@pytest.mark.parametrize(
    ("name", "which", "away", "words"),
    [
        ("MOSE", 0, False, "--dataset MOSE --model"),
        ("MOSE@data", 1, False, "--dataset MOSE@data --model"),
        ("MOSE", 1, False, "--dataset MOSE --davis_path {root} "),
        ("MOSE", 1, True, "--dataset MOSE --davis_path {root} "),
    ],
)
def test_the_command_names_the_folder_that_is_run_over(
    home: Home, both: tuple[Path, Path], name: str, which: int, away: bool, words: str
) -> None:
    if away:
        both[0].rename(both[0].with_name("unmounted"))
    line = command_line(Grid(((name, home.store(both[which]), "val"),), ("static",), ()), home)
    assert words.format(root=both[which]) in line


def test_every_dataset_that_can_be_fetched_is_known_to_be() -> None:
    datasets = [item for item in catalogue().values() if item.kind is Kind.DATASET]
    assert set(FETCHED) == {DEMO, *(item.name for item in datasets)} and set(FETCHED) <= set(jobs())
    assert {(item.folder or "").partition("/")[0].casefold() for item in datasets} == set(FETCHED) - {DEMO}


@pytest.mark.parametrize("item", FETCHED)
def test_what_is_not_here_is_told_with_how_to_get_it(home: Home, item: str) -> None:
    with pytest.raises(NotFetched, match="vos_core demo" if item == DEMO else f"vos_core fetch {item}`") as told:
        find_dataset(home, item.upper())
    assert told.value.item == item
