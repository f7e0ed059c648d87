"""What can be fetched: names, places, and figures that can be figures at all."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from vos_core.downloads import Item, Kind, catalogue, find_item
from vos_core.errors import InputError
from vos_core.home import Home

SIZES = ("tiny", "small", "base_plus", "large")


def test_the_names_of_the_command_line() -> None:
    checkpoints = {f"{version}_hiera_{size}" for version in ("sam2", "sam2.1") for size in SIZES}
    assert set(catalogue()) == {"davis", "mose", "mose-train"} | checkpoints


@pytest.mark.parametrize("item", catalogue().values(), ids=catalogue().keys())
def test_every_item_is_whole(item: Item, home: Home) -> None:
    assert find_item(item.name.upper()) is item
    assert item.size is not None and item.size > 100_000_000
    assert item.sha256 is not None and re.fullmatch("[0-9a-f]{64}", item.sha256)
    assert item.licence and urlsplit(item.page).scheme == "https"
    assert item.sources and all(urlsplit(source.url).scheme == "https" for source in item.sources)
    assert (item.folder is None) == (item.kind is Kind.CHECKPOINT)
    assert item.page in item.by_hand(home) and str(item.file_path(home)) in item.by_hand(home)


def test_no_two_items_share_a_file_or_a_hash() -> None:
    items = catalogue().values()
    assert len({item.file for item in items}) == len({item.sha256 for item in items}) == len(items)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("davis", "data/DAVIS"),
        ("mose", "data/MOSE/valid"),
        ("sam2_hiera_tiny", "checkpoints/sam2_hiera_tiny.pt"),
        ("sam2.1_hiera_base_plus", "checkpoints/sam2.1_hiera_base_plus.pt"),
    ],
)
def test_things_go_where_launch_looks(home: Home, name: str, expected: str) -> None:
    assert find_item(name).destination(home) == home.root / expected


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"nothing called 'youtube' to fetch: choose from davis, mose, .*large"):
        find_item("youtube")


def test_importing_brings_in_neither_torch_nor_httpx() -> None:
    code = "import sys, vos_core.downloads, vos_core.cli.fetch; print({'torch', 'httpx', 'tqdm'} & set(sys.modules))"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
