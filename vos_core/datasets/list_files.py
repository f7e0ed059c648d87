"""The text of a dataset's list or meta file, and whether it is the dataset's own to quote.

Whoever made a dataset may have linked its list to any file that this process can read. Such a list is read (a sibling
dataset's is a good one), but what it says goes into no sentence: there are numbers of lines only.
"""

from __future__ import annotations

from pathlib import Path

from vos_core.regular_files import LIST_BYTES, read_regular

LISTS = "ImageSets"
_MOST_QUOTED = 100  # characters of a line


def read_text(path: Path) -> str:
    """All of it, as UTF-8. Raises OSError (no file, or too large for a list), UnicodeDecodeError."""
    return read_regular(path, LIST_BYTES).decode()


def leads_out(path: Path, root: Path | None = None) -> bool:
    """Whether a list or meta file is, by links, one that lies neither in the dataset's folder that it is the list of
    nor in `root`. Either may be a link itself."""
    # ImageSets/2017/val.txt and ImageSets/val.txt belong to the folder of ImageSets, others to their own.
    own = next((one.parent for one in (path.parent, path.parent.parent) if one.name == LISTS), path.parent)
    file = path.resolve()
    return not any(file.is_relative_to(folder.resolve()) for folder in (own, root) if folder is not None)


def quoted(name: str) -> str:
    """A line as it stands in a sentence: a file may be all one line."""
    return repr(name if len(name) <= _MOST_QUOTED else f"{name[:_MOST_QUOTED]}...")


def why_unreadable(error: OSError | UnicodeDecodeError) -> str:
    """In words that go into a sentence about the file, and quote none of it."""
    return str(error.strerror or error) if isinstance(error, OSError) else "it is no UTF-8 text"
