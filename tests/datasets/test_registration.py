"""Datasets elsewhere get a name here: what is refused, what is forgotten, and two tabs at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clips import write_dataset
from tests.datasets.layouts import write_mose
from vos_core.datasets import find_dataset, find_datasets
from vos_core.datasets.registration import default_name, register, registered, unregister
from vos_core.errors import InputError
from vos_core.home import Home
from vos_core.places import add_places, all_places

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "disk" / "Mine", {"a": 4})


def test_it_is_found_by_its_name_until_it_is_forgotten(home: Home, elsewhere: Path) -> None:
    before = sorted(elsewhere.rglob("*"))
    dataset = register(home, elsewhere)
    assert (dataset.name, dataset.root, dataset.video_names()) == ("Mine", elsewhere, ("a",))
    assert find_dataset(home, "mine") == dataset
    assert register(home, elsewhere) == dataset, "again changes nothing"
    assert [(one.name, one.path, one.there) for one in registered(home)] == [("Mine", elsewhere, True)]
    assert unregister(home, "Mine") == elsewhere
    assert not find_datasets(home) and not registered(home)
    assert sorted(elsewhere.rglob("*")) == before


@pytest.mark.parametrize(
    ("path", "name", "sentence"),
    [
        ("disk/nowhere", None, "There is no dataset folder"),
        ("disk", None, "is not a DAVIS-layout dataset"),
        ("disk/Mine/ImageSets/2017/val.txt", None, "is a file, and a dataset is a folder"),
        (f"disk/{'long' * 75}", None, "cannot be read .*File name too long"),
        ("disk/a\0b", None, "cannot be read .*null"),
        ("disk/circle", None, "cannot be read .*symbolic links"),
        ("~nosuchuser/Mine", None, "The path '~nosuchuser/Mine' leads to no folder"),
        ("disk/Mine", "../up", "is no name"),
        ("disk/Mine", "", "Give it a name"),
        ("disk/Mine", "davis", r"There is a dataset DAVIS already \(.*\).*for example davis-2"),
        ("disk/Mine", "taken", r"There is a dataset Taken already .*for example taken-3"),
        ("home/data/DAVIS", "again", "is in the data folder already, as dataset DAVIS"),
        ("disk/Taken", "other", "is registered already, as Taken"),
        ("disk/Taken/JPEGImages/480p/a", "inner", r"lies within dataset Taken .*give the folder that holds its JPEGIm"),
        ("disk/loop", "loop", "lies within itself"),
    ],
)
def test_what_is_refused(
    home: Home, elsewhere: Path, tmp_path: Path, path: str, name: str | None, sentence: str
) -> None:
    write_dataset(home.data / "DAVIS", {"a": 4})
    register(home, write_dataset(tmp_path / "disk/Taken", {"a": 4}))
    register(home, write_dataset(tmp_path / "disk/Third", {"a": 4}), "taken-2")
    (tmp_path / "disk/Taken/JPEGImages/480p/a/Annotations").mkdir()
    (tmp_path / "disk/circle").symlink_to(tmp_path / "disk/circle")
    (tmp_path / "disk/loop/Annotations").mkdir(parents=True)
    (tmp_path / "disk/loop/JPEGImages").symlink_to(tmp_path / "disk")
    before = (home.state / "places.json").read_text()
    with pytest.raises(InputError, match=sentence):
        register(home, path if path[0] == "~" else tmp_path / path, name)
    assert (home.state / "places.json").read_text() == before


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("DAVIS", r"lies in the data folder \(.*DAVIS\).*move its folder away"),
        ("nope", r"No dataset 'nope' is registered \(registered: Mine\)"),
    ],
)
def test_what_cannot_be_forgotten(home: Home, elsewhere: Path, name: str, sentence: str) -> None:
    write_dataset(home.data / "DAVIS", {"a": 4})
    register(home, elsewhere)
    with pytest.raises(InputError, match=sentence):
        unregister(home, name)
    assert sorted(find_datasets(home)) == ["DAVIS", "Mine"]


def test_a_folder_that_is_away_keeps_its_name(home: Home, elsewhere: Path, tmp_path: Path) -> None:
    register(home, elsewhere)
    elsewhere.rename(tmp_path / "unmounted")
    other = write_dataset(tmp_path / "other", {"a": 4})
    add_places(home, {"other": other}, [])
    assert [(one.name, one.there) for one in registered(home)] == [("Mine", False), ("other", True)]
    with pytest.raises(InputError, match="There is a dataset Mine already"):
        register(home, other.rename(tmp_path / "third"), "mine")
    (tmp_path / "unmounted").rename(elsewhere)
    assert find_dataset(home, "Mine").root == elsewhere


@pytest.mark.parametrize(
    ("path", "name"),
    [("/x/DAVIS", "DAVIS"), ("/x/MOSE/train", "MOSE-train"), ("/x/my set (1)", "my-set-1"), ("/x/...", "dataset")],
)
def test_default_names(path: str, name: str) -> None:
    assert default_name(Path(path)) == name


def test_a_part_of_mose_may_be_registered_too(home: Home, tmp_path: Path) -> None:
    root = write_mose(tmp_path / "MOSE")
    assert register(home, root).splits == ("val", "train")
    assert register(home, root / "train").name == "MOSE-train"
    assert sorted(find_datasets(home)) == ["MOSE", "MOSE-train"]


def test_processes_that_register_at_once_lose_nothing(home: Home, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from vos_core.home import Home; from vos_core.places import add_places\n"
        "home = Home.from_environment({}, cwd=Path(sys.argv[1]))\n"
        "for i in range(25): add_places(home, {f'{sys.argv[2]}{i}': Path('/x') / sys.argv[2] / str(i)}, [])\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, home.root, letter], cwd=ROOT) for letter in "abc"]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert len(all_places(home).datasets) == 75
    assert len(json.loads((home.state / "places.json").read_text())["datasets"]) == 75
    assert not list(home.state.glob("*.tmp"))
