"""The `fetch` command: what it says, where, and how it ends."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.downloads.archives import dataset_members, tar_of
from tests.downloads.faulty_server import FaultyServer
from vos_core.cli import fetch as command
from vos_core.downloads import DownloadError, Progress, Stage, background, catalogue
from vos_core.errors import InputError
from vos_core.home import Home

WEIGHTS = b"weights" * 50_000


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, home: Home) -> Iterator[FaultyServer]:
    """A mirror, and a home in the environment as a user would set it."""
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    with FaultyServer().running() as running:
        monkeypatch.setenv("VOSLAB_MIRROR", running.url)
        yield running


@pytest.fixture
def small_tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """`sam2_hiera_tiny` with a size and hash that a test can serve."""
    item = catalogue()["sam2_hiera_tiny"]
    small = replace(
        item, files=(replace(item.files[0], size=len(WEIGHTS), sha256=hashlib.sha256(WEIGHTS).hexdigest()),)
    )
    monkeypatch.setitem(catalogue(), item.name, small)


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    args = parser.parse_args(["fetch", *arguments])
    return int(args.run(args))


def test_a_checkpoint_through_the_mirror(
    server: FaultyServer, home: Home, small_tiny: None, capsys: pytest.CaptureFixture[str]
) -> None:
    server.put("/segment_anything_2/072824/sam2_hiera_tiny.pt", WEIGHTS)
    assert run("sam2_hiera_tiny") == 0
    assert (home.checkpoints / "sam2_hiera_tiny.pt").read_bytes() == WEIGHTS
    out, err = capsys.readouterr()
    assert out == f"sam2_hiera_tiny: ready at {home.checkpoints / 'sam2_hiera_tiny.pt'}\n"
    assert err.splitlines() == ["sam2_hiera_tiny: downloading", "sam2_hiera_tiny: verifying"]


def test_one_failure_does_not_keep_the_others_back(
    server: FaultyServer, home: Home, small_tiny: None, capsys: pytest.CaptureFixture[str]
) -> None:
    server.put("/segment_anything_2/072824/sam2_hiera_tiny.pt", WEIGHTS)
    assert run("sam2_hiera_large", "sam2_hiera_tiny") == 1
    assert (home.checkpoints / "sam2_hiera_tiny.pt").exists()
    err = capsys.readouterr().err
    assert "error: sam2_hiera_large.pt was not fetched: 127.0.0.1" in err
    assert "answered 404 Not Found. By hand: get sam2_hiera_large.pt from https://" in err


@pytest.mark.parametrize(("names", "said"), [(["sam2_hiera_tiny", "nothing"], "'nothing'"), ([], "Say what")])
def test_a_bad_name_fetches_nothing(server: FaultyServer, names: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        run(*names)
    assert server.requests == []


def test_the_list_shows_what_is_there(server: FaultyServer, home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    (home.data / "DAVIS" / "JPEGImages" / "480p").mkdir(parents=True)
    (home.data / "DAVIS" / "Annotations" / "480p").mkdir(parents=True)
    home.checkpoints.mkdir(parents=True)
    (home.checkpoints / "sam2_hiera_tiny.pt").write_bytes(b"short")
    (home.checkpoints / "sam2_hiera_small.pt.part").write_bytes(b"begun")
    assert run("--list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 120
    rows = {line.split()[0]: line.split() for line in lines if line[0] != " "}
    assert {name: row[1] for name, row in rows.items() if name != "name"} == {
        name: {"davis": "ready", "sam2_hiera_tiny": "damaged", "sam2_hiera_small": "partial"}.get(name, "missing")
        for name in catalogue()
    }
    assert rows["davis"][2:4] == ["0.83", "GB"] and rows["davis"][-1] == "data/DAVIS"
    assert Path(rows["mose"][-1]) == Path("data/MOSE/valid")


def test_verifying_says_fine_damaged_or_not_there(
    server: FaultyServer, home: Home, small_tiny: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("sam2_hiera_tiny", "--verify") == 2
    assert "is not there to be checked" in capsys.readouterr().err
    server.put("/segment_anything_2/072824/sam2_hiera_tiny.pt", WEIGHTS)
    assert run("sam2_hiera_tiny") == 0
    capsys.readouterr()
    assert run("sam2_hiera_tiny", "--verify") == 0
    assert capsys.readouterr().out == "sam2_hiera_tiny: Fine: 1 file, 0.00 GB, all as published.\n"
    path = home.checkpoints / "sam2_hiera_tiny.pt"
    path.write_bytes(WEIGHTS[::-1])
    assert run("sam2_hiera_tiny", "--verify") == 1
    assert f"error: {path} has SHA-256" in capsys.readouterr().err
    assert run("--list") == 0
    out = capsys.readouterr().out
    assert "sam2_hiera_tiny         damaged" in out
    told = " ".join(out.split())
    assert f"{path} has SHA-256" in told and f"Move {path} away or delete it, then fetch again." in told


def test_a_list_by_name_is_said(
    server: FaultyServer, home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = tar_of(dataset_members(top="valid/", resolution="", lists=False))
    item = catalogue()["mosev2"]
    monkeypatch.setenv("VOSLAB_MIRROR_MOSEV2", server.url + "/mine")
    server.put("/mine/valid.tar.gz", packed)
    assert run("mosev2") == 0
    out, err = capsys.readouterr()
    assert out == f"mosev2: ready at {item.destination(home)}\n"
    assert "mosev2: The list is by name, as meta_valid.json could not be had" in err
    assert run("--list") == 0
    assert "The list is by name" in capsys.readouterr().out
    assert (item.destination(home) / "ImageSets" / "val.txt").read_text() == "bear\ncamel\n"


def test_the_list_shows_what_jobs_do_and_why_they_failed(
    server: FaultyServer, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    with background.recorded("davis", home) as report:
        report(Progress("davis", Stage.DOWNLOADING, 300_000_000, 832_766_765))
        assert run("--list") == 0
        assert "\n    0.30 GB of 0.83 GB (36%)\n" in capsys.readouterr().out
    with pytest.raises(DownloadError), background.recorded("mose", home):
        raise DownloadError(f"valid.tar.gz was not fetched: {'no ' * 40}source. {catalogue()['mose'].by_hand(home)}")
    assert run("--list") == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 120 and "mose                    failed" in out
    assert " ".join(out.split()).count("By hand: get valid.tar.gz from https://mose.video/MOSEv1 or https://hugg") == 1
