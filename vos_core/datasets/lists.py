"""The lists of a dataset's splits: text files, one video a line, and meta files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from vos_core.datasets.list_files import LISTS, leads_out, quoted, read_text, why_unreadable
from vos_core.datasets.mose import names_videos
from vos_core.errors import InputError

_META_SPLITS = {"valid": "val", "val": "val", "train": "train", "test": "test"}


class EmptyVideoList(InputError):
    """A split's list file without a video."""


def read_video_list(path: Path, known: frozenset[str] | None = None, root: Path | None = None) -> tuple[str, ...]:
    """Video names of a dataset's list, one a line.

    Raises InputError with file and line for whatever is wrong; the line itself is quoted where the list does not lead
    out of the dataset (`vos_core.datasets.list_files.leads_out`, `root` being the dataset's).
    """
    try:
        text = read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The video list {path} cannot be read: {why_unreadable(error)}.") from error
    return _names(path, text, known, quotable=not leads_out(path, root))


def read_own_list(path: Path, known: frozenset[str] | None = None) -> tuple[str, ...]:
    """As `read_video_list`, of a file that the person named on the command line: a pipe will do, and all is quoted."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The video list {path} cannot be read: {why_unreadable(error)}.") from error
    return _names(path, text, known, quotable=True)


def lines_of(text: str) -> Sequence[str]:
    """Lines of a list; blank ones at the end harm nobody."""
    return text.rstrip().splitlines()


def named(name: str, quotable: bool) -> str:
    """A video that a line names, for a sentence."""
    return f"video {quoted(name)}" if quotable else "a video"


def _names(path: Path, text: str, known: frozenset[str] | None, *, quotable: bool) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for number, line in enumerate(lines_of(text), start=1):
        name = line.strip()
        if not name:
            raise InputError(f"{path} line {number} is blank: remove the line (one video name a line).")
        if known is not None and name not in known:
            raise InputError(
                f"{path} line {number} names {named(name, quotable)}, which has no folder in the dataset: "
                "correct the name or add the video."
            )
        if name in names:
            raise InputError(f"{path} line {number} names {named(name, quotable)} a second time: remove the line.")
        names[name] = None
    if not names:
        raise EmptyVideoList(f"The video list {path} is empty: write one video name a line.")
    return tuple(names)


def split_lists(base: Path) -> Mapping[str, Path]:
    """Split -> list of the folder `base` (with `JPEGImages`): a text file or a meta file; empty where it has none."""
    return _image_sets(base / LISTS) or _sav_list(base) or _meta_list(base)


def _image_sets(image_sets: Path) -> dict[str, Path]:
    """Split name -> list file. DAVIS keeps lists in one folder a year; 2017 is the one of this protocol."""
    for folder in (image_sets / "2017", image_sets):
        if folder.is_dir():
            lists = {path.stem: path for path in sorted(folder.glob("[!.]*.txt"))}  # no `._val.txt` of a Mac
            if lists:
                return lists
    return {}


def _sav_list(base: Path) -> dict[str, Path]:
    """SA-V's list beside its folders: `sav_val.txt` is `val`, `sav_test.txt` is `test`."""
    found = {path.stem.removeprefix("sav_"): path for path in sorted(base.glob("sav_*.txt"))}
    return {split: path for split, path in found.items() if split in ("val", "test")}


def _meta_list(base: Path) -> dict[str, Path]:
    """The split that a meta file names: MOSE's `meta_valid.json` in `valid/`, or beside it, is `val`; so are LVOS's
    `valid_meta.json` and YouTube-VOS's `meta.json` in `valid/`."""
    # Beside the folder only a file of its own name: `meta_valid.json` beside LVOS/ is that of MOSE/ there.
    for path in (base / f"meta_{base.name}.json", base / "meta_valid.json", base.parent / f"meta_{base.name}.json"):
        split = _META_SPLITS.get(path.stem.removeprefix("meta_"))
        if split is not None and path.is_file():
            return {split: path}
    own = _META_SPLITS.get(base.name)
    for name in (f"{base.name}_meta.json", f"{own}_meta.json", "meta.json") if own else ():
        if names_videos(base / name):
            return {str(own): base / name}
    return {}
