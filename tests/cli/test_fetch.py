"""The `fetch` command: what it says, where, and how it ends."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.downloads.faulty_server import FaultyServer
from vos_core.cli import fetch as command
from vos_core.downloads import catalogue
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
    small = replace(item, size=len(WEIGHTS), sha256=hashlib.sha256(WEIGHTS).hexdigest())
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
    rows = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines()}
    assert {name: row[1] for name, row in rows.items() if name != "name"} == {
        name: {"davis": "ready", "sam2_hiera_tiny": "damaged", "sam2_hiera_small": "partial"}.get(name, "missing")
        for name in catalogue()
    }
    assert rows["davis"][2:4] == ["0.83", "GB"] and rows["davis"][-1] == str(home.data / "DAVIS")
    assert Path(rows["mose"][-1]) == home.data / "MOSE" / "valid"
