"""What can be fetched: names, sources, published sizes and hashes, licences, and where each thing goes.

Sizes and SHA-256 are those that others state in public, never ours:
- SAM 2 and 2.1: hashes as in micro-sam's `util.py` (all eight) and, for most, in several other projects; sizes as
  in several download scripts. Files: facebookresearch/sam2 `checkpoints/download_ckpts.sh`.
- DAVIS 2017: TensorFlow Datasets, `tensorflow_datasets/video/davis/checksums.tsv`.
- MOSE v1: hashes as in the authors' `SHA256SUMS` (MOSE-api README); sizes as seen by others who compared them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from vos_core.errors import InputError
from vos_core.home import Home


class Kind(StrEnum):
    """What an item is: a checkpoint is one file, a dataset is an archive that is unpacked into a folder."""

    CHECKPOINT = "checkpoint"
    DATASET = "dataset"


@dataclass(frozen=True)
class Source:
    """One place to get an item's file from.

    With `member`, the URL is a zip and only that member of it is transferred (by HTTP range): MOSE's release on
    Hugging Face is one zip of 26 GB, of which the valid split is 3.9 GB.
    """

    url: str
    member: str | None = None


@dataclass(frozen=True)
class Item:
    """One thing to fetch.

    `file` is where the downloaded file lies, relative to the checkpoints root (checkpoint) or data root (dataset);
    a person may put it there by hand. `folder` is where a dataset is unpacked, relative to the data root. `split`
    names the list to write (`ImageSets/<split>.txt`, all videos) where a dataset comes without lists. `size` in
    bytes and `sha256` are those of `file` as published, None where nobody states them.
    """

    name: str
    kind: Kind
    title: str
    licence: str
    page: str
    sources: tuple[Source, ...]
    file: str
    size: int | None = None
    sha256: str | None = None
    folder: str | None = None
    split: str | None = None

    def file_path(self, home: Home) -> Path:
        """Where the downloaded file lies, finished or put there by hand."""
        return (home.checkpoints if self.kind is Kind.CHECKPOINT else home.data) / self.file

    def destination(self, home: Home) -> Path:
        """What is used in the end: the checkpoint file, or the dataset's folder."""
        return self.file_path(home) if self.folder is None else home.data / self.folder

    def by_hand(self, home: Home) -> str:
        """The sentence that says how to do without a download."""
        path = self.file_path(home)
        return f"By hand: get {path.name} from {self.page}, put it at {path}, and run the same command again."


SAM2_PAGE = "https://github.com/facebookresearch/sam2#download-checkpoints"
SAM2_FILES = "https://dl.fbaipublicfiles.com/segment_anything_2"
# name: (folder on the server, size in bytes, SHA-256)
SAM2_CHECKPOINTS = {
    "sam2_hiera_tiny": (
        "072824",
        155906050,
        "65b50056e05bcb13694174f51bb6da89c894b57b75ccdf0ba6352c597c5d1125",
    ),
    "sam2_hiera_small": (
        "072824",
        184309650,
        "95949964d4e548409021d47b22712d5f1abf2564cc0c3c765ba599a24ac7dce3",
    ),
    "sam2_hiera_base_plus": (
        "072824",
        323493298,
        "d0bb7f236400a49669ffdd1be617959a8b1d1065081789d7bbff88eded3a8071",
    ),
    "sam2_hiera_large": (
        "072824",
        897952466,
        "7442e4e9b732a508f80e141e7c2913437a3610ee0c77381a66658c3a445df87b",
    ),
    "sam2.1_hiera_tiny": (
        "092824",
        156008466,
        "7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",
    ),
    "sam2.1_hiera_small": (
        "092824",
        184416285,
        "6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38",
    ),
    "sam2.1_hiera_base_plus": (
        "092824",
        323606802,
        "a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5",
    ),
    "sam2.1_hiera_large": (
        "092824",
        898083611,
        "2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318",
    ),
}

MOSE_PAGE = "https://mose.video/MOSEv1"
MOSE_LICENCE = "CC BY-NC-SA 4.0"
MOSE_ZIP = "https://huggingface.co/datasets/FudanCVL/MOSE/resolve/main/MOSE_release.zip"
DRIVE = "https://drive.usercontent.google.com/download?export=download&confirm=t&id="

DATASETS = (
    Item(
        name="davis",
        kind=Kind.DATASET,
        title="DAVIS 2017 train and val, 480p",
        licence="CC BY-NC 4.0",
        page="https://davischallenge.org/davis2017/code.html",
        sources=(Source("https://data.vision.ee.ethz.ch/csergi/share/davis/DAVIS-2017-trainval-480p.zip"),),
        file="DAVIS-2017-trainval-480p.zip",
        size=832766765,
        sha256="e3d0b5b77c3d031b000a19e0e25e3e2cac65d183755601bc2cf066df1a2aa492",
        folder="DAVIS",
    ),
    Item(
        name="mose",
        kind=Kind.DATASET,
        title="MOSE v1 valid (annotated on first frames only)",
        licence=MOSE_LICENCE,
        page=MOSE_PAGE,
        sources=(
            Source(MOSE_ZIP, member="MOSE_release/valid.tar.gz"),
            Source(DRIVE + "1yFoacQ0i3J5q6LmnTVVNTTgGocuPB_hR"),
        ),
        file="MOSE/valid.tar.gz",
        size=3875208344,
        sha256="884baecf7d7e85cd35486e45d6c474dc34352a227ac75c49f6d5e4afb61b331c",
        folder="MOSE/valid",
        split="val",
    ),
    Item(
        name="mose-train",
        kind=Kind.DATASET,
        title="MOSE v1 train (annotated on all frames)",
        licence=MOSE_LICENCE,
        page=MOSE_PAGE,
        sources=(
            Source(MOSE_ZIP, member="MOSE_release/train.tar.gz"),
            Source(DRIVE + "16Ns7a_frLaCo2ug18UIUkzVYFQqyd4N0"),
        ),
        file="MOSE/train.tar.gz",
        size=22077380713,
        sha256="3f805e66ecb576fdd37a1ab2b06b08a428edd71994920443f70d09537918270b",
        folder="MOSE-train",
        split="train",
    ),
)


@cache
def catalogue() -> dict[str, Item]:
    """Everything that can be fetched, by name: datasets first, then the eight SAM 2 and 2.1 checkpoints."""
    items = {item.name: item for item in DATASETS}
    for name, (folder, size, sha256) in SAM2_CHECKPOINTS.items():
        version, size_name = ("2.1", name[13:]) if name.startswith("sam2.1") else ("2", name[11:])
        items[name] = Item(
            name=name,
            kind=Kind.CHECKPOINT,
            title=f"SAM {version} checkpoint, Hiera {size_name.replace('_', ' ')}",
            licence="Apache 2.0",
            page=SAM2_PAGE,
            sources=(Source(f"{SAM2_FILES}/{folder}/{name}.pt"),),
            file=f"{name}.pt",
            size=size,
            sha256=sha256,
        )
    return items


def find_item(name: str) -> Item:
    """The item called `name` (letter case does not matter). Raises InputError that lists the known names."""
    items = catalogue()
    item = items.get(name.lower())
    if item is None:
        raise InputError(f"There is nothing called {name!r} to fetch: choose from {', '.join(items)}.")
    return item
