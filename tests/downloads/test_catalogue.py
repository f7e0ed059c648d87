"""What can be fetched: names, places, and figures that can be figures at all."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from vos_core.downloads import Item, Kind, Source, catalogue, find_item
from vos_core.errors import InputError
from vos_core.home import Home

SIZES = ("tiny", "small", "base_plus", "large")


def test_the_names_of_the_command_line() -> None:
    checkpoints = {f"{version}_hiera_{size}" for version in ("sam2", "sam2.1") for size in SIZES}
    assert (
        set(catalogue()) == {"davis", "mose", "mose-train", "mose-sample-submission", "mosev2", "secvos"} | checkpoints
    )


@pytest.mark.parametrize("item", catalogue().values(), ids=catalogue().keys())
def test_every_item_is_whole(item: Item, home: Home) -> None:
    assert find_item(item.name.upper()) is item
    assert item.licence and urlsplit(item.page).scheme == "https"
    assert (item.folder is None) == (item.kind is Kind.CHECKPOINT)
    assert item.split is not None or item.order is None
    for file in (*item.files, *([item.order] if item.order else [])):
        assert file.size is None or file.size > 100_000_000
        assert file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert file.sources and all(urlsplit(web_url(source)).scheme == "https" for source in file.sources)
        told = item.by_hand(home, file)
        assert item.page in told and file.name in told and str(item.path(file, home)) in told
    assert len(item.files) == 1 or all(file.holds for file in item.files)


def web_url(source: Source) -> str:
    return source.on("https://mirror.example", "file").url


def test_what_has_a_published_hash_keeps_it() -> None:
    unknown = {name for name, item in catalogue().items() if any(file.sha256 is None for file in item.files)}
    assert unknown == {"mose-sample-submission", "mosev2", "secvos"}
    assert {name for name, item in catalogue().items() if item.size is None} == {"mose-sample-submission", "mosev2"}


def test_no_two_items_share_a_file_or_a_hash() -> None:
    items = catalogue().values()
    files = [file for item in items for file in item.files]
    hashes = [file.sha256 for file in files if file.sha256]
    assert len({file.path for file in files}) == len(files) and len(set(hashes)) == len(hashes)
    assert len({item.folder for item in items if item.folder}) == sum(item.folder is not None for item in items)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("davis", "data/DAVIS"),
        ("mose", "data/MOSE/valid"),
        ("mosev2", "data/MOSEv2/valid"),
        ("secvos", "data/SeCVOS/valid"),
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
    code = "import sys, vos_core.downloads, vos_core.cli.fetch; "
    code += "print({'torch', 'httpx', 'tqdm', 'huggingface_hub', 'gdown', 'requests'} & set(sys.modules))"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_titles_are_plain_words() -> None:
    assert not [item.title for item in catalogue().values() if "`" in item.title]
