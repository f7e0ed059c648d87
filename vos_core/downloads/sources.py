"""Where a file can be had: the web, Hugging Face, Google Drive, or a mirror that stands in for all of them.

Plain facts; `vos_core.downloads.locate` asks the servers. Two settings replace the sources by a plain web server's:

`VOSLAB_MIRROR` is a base URL, `https://mirror.example/vos`. Under it the mirror serves
- for a file of the web, its path (and query) there: `https://dl.fbaipublicfiles.com/a/b.pt` is `<mirror>/a/b.pt`;
- for Hugging Face, the path of huggingface.co: `<mirror>/datasets/<owner>/<name>/resolve/main/<file>`;
- for Google Drive, `<mirror>/drive/<file id>/<file name>`.

`VOSLAB_MIRROR_<ITEM>` (the item's name in capitals, anything but letters and digits as `_`: `VOSLAB_MIRROR_MOSE_TRAIN`)
is the URL of a folder that holds this one item's files under their own names; it goes before `VOSLAB_MIRROR`.

A mirror is only believed as far as published sizes and hashes go, and gets no token. Its URL may hold a user and a
password (`https://me:secret@mirror.example/vos`), which are sent to it, and neither shown nor recorded.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from vos_core.errors import InputError

HUB = "https://huggingface.co"
MIRROR = "VOSLAB_MIRROR"
_QUERY = re.compile("[?#]")


@dataclass(frozen=True)
class Web:
    """A URL. With `member`, it is a zip and only that member of it is transferred, by HTTP range."""

    url: str
    member: str | None = None

    @property
    def page(self) -> str | None:
        """A page for people; None: the item's own is the one."""
        return None

    def on(self, mirror: str, name: str) -> Web:
        """The same on a mirror; `name` is that of the file."""
        return Web(mirrored(self.url, mirror), self.member)


@dataclass(frozen=True)
class Hub:
    """A file of a data set on Hugging Face; `member` as in `Web` (MOSE v1's release is one zip of 26 GB, of which the
    valid split is 3.9 GB)."""

    repository: str
    path: str
    member: str | None = None

    @property
    def page(self) -> str | None:
        """The data set's page."""
        return f"{HUB}/datasets/{self.repository}"

    def on(self, mirror: str, name: str) -> Web:
        """The same on a mirror; `name` is that of the file."""
        url = f"{HUB}/datasets/{self.repository}/resolve/main/{quote(self.path)}"
        return Web(mirrored(url, mirror), self.member)


@dataclass(frozen=True)
class Drive:
    """A file on Google Drive that anyone with its id may read, as long as its daily quota lasts."""

    id: str

    @property
    def member(self) -> str | None:
        """Always the whole file."""
        return None

    @property
    def page(self) -> str | None:
        """The file's page."""
        return f"https://drive.google.com/file/d/{self.id}/view"

    def on(self, mirror: str, name: str) -> Web:
        """The same on a mirror; `name` is that of the file."""
        return Web(mirrored(f"https://drive.google.com/drive/{self.id}/{quote(name)}", mirror))


Source = Web | Hub | Drive


def shown(url: str) -> str:
    """`url` as it may be shown and recorded: without user and password, and without the query, which may sign it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def mirrored(url: str, mirror: str | None) -> str:
    """`url` with scheme and host replaced by the base URL `mirror`. Raises InputError for a mirror that is none."""
    if not mirror:
        return url
    _check(mirror, MIRROR)
    parts = urlsplit(url)
    return mirror.rstrip("/") + parts.path + (f"?{parts.query}" if parts.query else "")


def sources_today(
    item: str, name: str, sources: tuple[Source, ...], environment: Mapping[str, str] = os.environ
) -> tuple[Source, ...]:
    """The sources of the file `name` of `item` under the settings of today: its own, or those of a mirror.

    Raises InputError for a mirror that is no base URL.
    """
    own = f"{MIRROR}_{re.sub('[^A-Z0-9]', '_', item.upper())}"
    if folder := environment.get(own):
        _check(folder, own)
        return (Web(f"{folder.rstrip('/')}/{quote(name)}"),)
    if mirror := environment.get(MIRROR):
        return tuple(source.on(mirror, name) for source in sources)
    return sources


def _check(mirror: str, setting: str) -> None:
    # Where in a wrong one the password is, nobody can tell.
    said = "no base URL (it is not shown: it may hold a password)" if "@" in mirror else repr(mirror)
    try:
        base = urlsplit(mirror)
        usable = base.scheme in ("http", "https") and bool(base.hostname) and base.port != 0 and "@" not in base.path
    except ValueError:
        usable = False
    if _QUERY.search(mirror):
        raise InputError(
            f"{setting} has a query or a fragment (what follows a ? or #), and the path of each file is put after it: "
            "give a base URL without, such as https://mirror.example/vos (in a password, write %3F and %23)."
        )
    if not usable:
        escapes = " In a user or a password, / and @ are written %2F and %40." if "@" in mirror else ""
        raise InputError(
            f"{setting} is {said}: give a base URL such as https://mirror.example/vos, or unset it.{escapes}"
        )
