"""What can be fetched: names, sources, published sizes and hashes, licences, and where each thing goes.

Sizes and SHA-256 are those that others state in public, never ours; None where nobody states them (the server's own
are then used while transferring, and what came is recorded):
- SAM 2 and 2.1: hashes as in micro-sam's `util.py` (all eight) and, for most, in several other projects; sizes as
  in several download scripts. Files: facebookresearch/sam2 `checkpoints/download_ckpts.sh`.
- DAVIS 2017: TensorFlow Datasets, `tensorflow_datasets/video/davis/checksums.tsv`.
- MOSE v1: hashes as in the authors' `SHA256SUMS` (MOSE-api README); sizes as seen by others who compared them.
- MOSEv2: files and licence as in MOSE-api's README, which says CC BY-NC-SA 4.0 (the card on Hugging Face has carried
  cc-by-sa-4.0: the stricter is shown).
- SeCVOS: files, licence and rounded sizes as on its Hugging Face page; `video_id.txt` is the list that its authors
  evaluate (OpenIXCLab/SeC `vos_evaluation/EVALUATE.md`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from vos_core.downloads.sources import Drive, Hub, Source, Web
from vos_core.errors import InputError
from vos_core.home import Home


class Kind(StrEnum):
    """What an item is: one file (a checkpoint), or archives that are unpacked into one folder."""

    CHECKPOINT = "checkpoint"
    DATASET = "dataset"
    PREDICTIONS = "predictions"  # somebody's masks: to hold runs against, or to import; no ground truth


@dataclass(frozen=True)
class File:
    """One file of an item.

    `path` is where it lies, relative to the checkpoints root (checkpoint) or data root (all else); a person may put it
    there by hand. `size` in bytes and `sha256` as published. `rounded` is a size in bytes as a page rounds it: for
    people and for the disk, compared with nothing. `holds` names the folder of the dataset that an archive brings,
    where it takes several archives to make one.
    """

    path: str
    sources: tuple[Source, ...]
    size: int | None = None
    sha256: str | None = None
    rounded: int | None = None
    holds: str | None = None

    @property
    def name(self) -> str:
        """Without its folder."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Item:
    """One thing to fetch.

    `files` are all needed. `folder` is where archives are unpacked, relative to the data root. `split` names the list
    to write (`ImageSets/<split>.txt`) where a dataset comes without lists: of all videos, in the order of the file
    `order` (MOSE's meta file, or a list with one video a line), by name where there is none or it cannot be had.
    """

    name: str
    kind: Kind
    title: str
    licence: str
    page: str
    files: tuple[File, ...]
    folder: str | None = None
    split: str | None = None
    order: File | None = None

    @property
    def size(self) -> int | None:
        """Bytes of all needed files, some perhaps rounded; None where nobody states one."""
        sizes = [file.size or file.rounded for file in self.files]
        return sum(size for size in sizes if size) if all(sizes) else None

    def path(self, file: File, home: Home) -> Path:
        """Where one of its files lies, finished or put there by hand."""
        return (home.checkpoints if self.kind is Kind.CHECKPOINT else home.data) / file.path

    def paths(self, home: Home) -> tuple[Path, ...]:
        """Where its needed files lie."""
        return tuple(self.path(file, home) for file in self.files)

    def destination(self, home: Home) -> Path:
        """What is used in the end: the checkpoint file, or the folder."""
        return self.paths(home)[0] if self.folder is None else home.data / self.folder

    def by_hand(self, home: Home, file: File | None = None) -> str:
        """The sentence that says how to do without a download, of one file or of all."""
        files = (file,) if file else self.files
        names = " and ".join(one.name for one in files)
        pages = dict.fromkeys(page for one in files for source in one.sources if (page := source.page))
        where = " or ".join([self.page, *(page for page in pages if page != self.page)])
        paths = " and ".join(str(self.path(one, home)) for one in files)
        return f"By hand: get {names} from {where}, put it at {paths}, and run the same command again."


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
MOSE_HUB, MOSEV2_HUB, SECVOS_HUB = "FudanCVL/MOSE", "FudanCVL/MOSEv2", "OpenIXCLab/SeCVOS"
MOSE_ZIP = "MOSE_release.zip"

UNPACKED = (
    Item(
        name="davis",
        kind=Kind.DATASET,
        title="DAVIS 2017 train and val, 480p",
        licence="CC BY-NC 4.0",
        page="https://davischallenge.org/davis2017/code.html",
        files=(
            File(
                "DAVIS-2017-trainval-480p.zip",
                (Web("https://data.vision.ee.ethz.ch/csergi/share/davis/DAVIS-2017-trainval-480p.zip"),),
                size=832766765,
                sha256="e3d0b5b77c3d031b000a19e0e25e3e2cac65d183755601bc2cf066df1a2aa492",
            ),
        ),
        folder="DAVIS",
    ),
    Item(
        name="mose",
        kind=Kind.DATASET,
        title="MOSE v1 valid (annotated on first frames only)",
        licence=MOSE_LICENCE,
        page=MOSE_PAGE,
        files=(
            File(
                "MOSE/valid.tar.gz",
                (Hub(MOSE_HUB, MOSE_ZIP, "MOSE_release/valid.tar.gz"), Drive("1yFoacQ0i3J5q6LmnTVVNTTgGocuPB_hR")),
                size=3875208344,
                sha256="884baecf7d7e85cd35486e45d6c474dc34352a227ac75c49f6d5e4afb61b331c",
            ),
        ),
        folder="MOSE/valid",
        split="val",
        order=File("MOSE/meta_valid.json", (Drive("1MmhRXKXFnEwzaoeE0b_e_RQjvVLHOc7I"),)),
    ),
    Item(
        name="mose-train",
        kind=Kind.DATASET,
        title="MOSE v1 train (annotated on all frames)",
        licence=MOSE_LICENCE,
        page=MOSE_PAGE,
        files=(
            File(
                "MOSE/train.tar.gz",
                (Hub(MOSE_HUB, MOSE_ZIP, "MOSE_release/train.tar.gz"), Drive("16Ns7a_frLaCo2ug18UIUkzVYFQqyd4N0")),
                size=22077380713,
                sha256="3f805e66ecb576fdd37a1ab2b06b08a428edd71994920443f70d09537918270b",
            ),
        ),
        folder="MOSE-train",
        split="train",
    ),
    Item(
        name="mose-sample-submission",
        kind=Kind.PREDICTIONS,
        title="MOSE v1 valid, sample submission: somebody's predictions, no ground truth (for agreement)",
        licence=MOSE_LICENCE,
        page=MOSE_PAGE,
        files=(File("MOSE/sample_submission_valid_all.zip", (Drive("1qdkU6yZ0ZxZ0FzOXuRf9wRi5xNxLQoX4"),)),),
        folder="MOSE/sample_submission_valid_all",
    ),
    Item(
        name="mosev2",
        kind=Kind.DATASET,
        title="MOSEv2 valid (annotated on first frames only)",
        licence="CC BY-NC-SA 4.0",
        page=f"https://huggingface.co/datasets/{MOSEV2_HUB}",
        files=(File("MOSEv2/valid.tar.gz", (Hub(MOSEV2_HUB, "valid.tar.gz"),)),),
        folder="MOSEv2/valid",
        split="val",
        order=File("MOSEv2/meta_valid.json", (Hub(MOSEV2_HUB, "meta_valid.json"),)),
    ),
    Item(
        name="secvos",
        kind=Kind.DATASET,
        title="SeCVOS (annotated on all frames, a PNG an object)",
        licence="CC BY-NC-SA 4.0",
        page=f"https://huggingface.co/datasets/{SECVOS_HUB}",
        # Beside the dataset, not in it: a clone of the publisher's repository has its archives in this folder.
        files=(
            File(
                "SeCVOS/Annotations.zip",
                (Hub(SECVOS_HUB, "Annotations.zip"),),
                rounded=30_900_000,
                holds="Annotations",
            ),
            File(
                "SeCVOS/JPEGImages.zip",
                (Hub(SECVOS_HUB, "JPEGImages.zip"),),
                rounded=719_000_000,
                holds="JPEGImages",
            ),
        ),
        folder="SeCVOS/valid",
        split="val",
        order=File("SeCVOS/video_id.txt", (Hub(SECVOS_HUB, "video_id.txt"),)),
    ),
)


@cache
def catalogue() -> dict[str, Item]:
    """Everything that can be fetched, by name: datasets and predictions, then the eight SAM 2 and 2.1 checkpoints."""
    items = {item.name: item for item in UNPACKED}
    for name, (folder, size, sha256) in SAM2_CHECKPOINTS.items():
        version, size_name = ("2.1", name[13:]) if name.startswith("sam2.1") else ("2", name[11:])
        items[name] = Item(
            name=name,
            kind=Kind.CHECKPOINT,
            title=f"SAM {version} checkpoint, Hiera {size_name.replace('_', ' ')}",
            licence="Apache 2.0",
            page=SAM2_PAGE,
            files=(File(f"{name}.pt", (Web(f"{SAM2_FILES}/{folder}/{name}.pt"),), size, sha256),),
        )
    return items


def find_item(name: str) -> Item:
    """The item called `name` (letter case does not matter). Raises InputError that lists the known names."""
    items = catalogue()
    item = items.get(name.lower())
    if item is None:
        raise InputError(f"There is nothing called {name!r} to fetch: choose from {', '.join(items)}.")
    return item
