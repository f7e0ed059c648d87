"""Datasets and checkpoints of a home: counted, and what is wrong with them told."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from vos_core.doctor.holdings import look_at_checkpoints, look_at_datasets
from vos_core.doctor.probes import Probe, examine
from vos_core.doctor.report import Finding, Level, Topic
from vos_core.downloads import Damaged, catalogue, verify
from vos_core.home import Home


@pytest.fixture
def davis(home: Home) -> Path:
    root = home.data / "DAVIS"
    for video in ("a", "b"):
        for kind, suffix in (("JPEGImages", "jpg"), ("Annotations", "png")):
            (root / kind / "480p" / video).mkdir(parents=True)
            Image.new("L", (4, 4)).save(root / kind / "480p" / video / f"00000.{suffix}")
    lists = root / "ImageSets/2017"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("a\nb\n")
    (lists / "train.txt").write_text("b\n")
    return root


def worst(findings: list[Finding]) -> Finding:
    return max(findings, key=lambda one: list(Level).index(one.level))


def test_datasets_are_counted(home: Home, davis: Path) -> None:
    (one,) = look_at_datasets(home)
    assert (one.level, one.text) == (Level.OK, f"DAVIS {davis}: videos of train 1, val 2")


@pytest.mark.parametrize(
    ("lists", "words"),
    [
        ({"val.txt": "a\nc\n"}, "line 2 names video 'c', which has no folder"),
        ({"val.txt": ""}, "is empty: write one video name a line"),
        ({"train.txt": "b\n\nb\n"}, "line 2 is blank"),
    ],
)
def test_a_list_that_is_wrong(home: Home, davis: Path, lists: dict[str, str], words: str) -> None:
    for name, text in lists.items():
        (davis / "ImageSets/2017" / name).write_text(text)
    found = list(look_at_datasets(home))
    assert worst(found).level is Level.WARNING
    assert words in worst(found).text
    assert any("videos of" in one.text for one in found)  # the other list is told all the same


def test_frames_that_are_gone(home: Home, davis: Path) -> None:
    (davis / "Annotations/480p/a/00000.png").rename(davis / "Annotations/480p/a/00007.png")
    assert "Video a: annotation" in worst(list(look_at_datasets(home))).text


def test_a_folder_that_is_none(home: Home, davis: Path) -> None:
    davis.rename(home.data / "deeper")
    (home.data / "DAVIS/here").mkdir(parents=True)
    one = worst(list(look_at_datasets(home)))
    assert one.text.startswith(f"{home.data / 'DAVIS'} is no dataset")


def test_a_list_that_is_a_pipe_hangs_nobody(home: Home, davis: Path) -> None:
    file = davis / "ImageSets/2017/val.txt"
    file.unlink()
    os.mkfifo(file)
    told = list(examine([Probe(Topic.DATASETS, "the datasets", lambda: look_at_datasets(home), 5.0)]))
    assert [one.level for one in told if "it is a pipe" in one.text] == [Level.WARNING]


def test_places_that_were_damaged_by_hand(home: Home) -> None:
    home.state.mkdir(parents=True)
    (home.state / "places.json").write_text("{")
    assert "mend it, or delete it" in worst(list(look_at_datasets(home))).text
    assert "mend it, or delete it" in worst(list(look_at_checkpoints(home))).text


def test_nothing_yet(home: Home) -> None:
    for look in (look_at_datasets, look_at_checkpoints):
        (one,) = look(home)
        assert one.level is Level.NOTE
        assert "which is not there yet" in one.text
        assert "python -m vos_core" in one.advice
    assert not home.root.exists()


def checkpoint(home: Home, name: str, size: int | None, sha256: str | None = None) -> Path:
    """A file of the published size, sparse; with the record that `fetch` leaves of its hash."""
    item = catalogue()[name]
    path = item.destination(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(item.size if size is None else size)
    if sha256 is not None:
        status = path.stat()
        record = {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "sha256": sha256}
        path.with_name(f"{path.name}.json").write_text(json.dumps(record))
    return path


TINY = "sam2_hiera_tiny"


@pytest.mark.parametrize(
    ("size", "sha256", "level", "words"),
    [
        (None, catalogue()[TINY].files[0].sha256, Level.OK, f"{TINY}: size and SHA-256 as published"),
        (None, None, Level.OK, f"{TINY}: size as published; put there by hand"),
        (
            None,
            "0" * 64,
            Level.WARNING,
            "has the SHA-256 000000000000..., and sam2_hiera_tiny as published 65b50056e05b",
        ),
        (1000, None, Level.PROBLEM, "has 1000 bytes, and sam2_hiera_tiny as published has 155906050"),
    ],
)
def test_checkpoints_are_held_against_the_published_ones(
    home: Home, size: int | None, sha256: str | None, level: Level, words: str
) -> None:
    checkpoint(home, TINY, size, sha256)
    (home.checkpoints / "mine.pt").touch()
    found = list(look_at_checkpoints(home))
    assert worst([one for one in found if one.level is not Level.NOTE]).level is level
    told = "\n".join(one.text for one in found)
    assert words in told, told
    assert "your own: mine.pt" in told


def test_a_checkpoint_that_a_check_found_damaged_is_not_called_as_published(home: Home) -> None:
    path = checkpoint(home, TINY, None, catalogue()[TINY].files[0].sha256)
    with pytest.raises(Damaged):
        verify(catalogue()[TINY], home)
    one = worst(list(look_at_checkpoints(home)))
    assert one.level is Level.PROBLEM and one.text.startswith(f"{TINY}: {path} has SHA-256 ")
    assert one.advice.startswith(f"Move {path} away or delete it, then python -m vos_core fetch {TINY}. ")
    assert not any("as published" in found.text for found in look_at_checkpoints(home) if found.level is Level.OK)
    assert not any("no SAM 2 checkpoint" in found.text for found in look_at_checkpoints(home)), "there is one"


@pytest.mark.parametrize("places", ["fine", "damaged"])
def test_a_dataset_that_a_check_found_damaged(home: Home, davis: Path, places: str) -> None:
    item = catalogue()["davis"]
    verify(item, home)
    assert worst(list(look_at_datasets(home))).level is Level.OK
    (davis / "JPEGImages/480p/a/00000.jpg").write_bytes(b"x")
    with pytest.raises(Damaged):
        verify(item, home)
    if places == "damaged":
        (home.state / "places.json").write_text("{")
    one = worst(list(look_at_datasets(home)))
    assert one.level is Level.PROBLEM and one.text.startswith("davis: 1 of ")
    assert "differ: JPEGImages/480p/a/00000.jpg has other contents" in one.text
    assert one.advice.endswith("Mended in place? python -m vos_core fetch davis --verify")
