"""One file over HTTP into a `.part` file: resumed by range, retried with back-off, checked; nothing else is trusted.

A finished name is never written here: `download` returns when the `.part` file is whole (size and SHA-256 where they
are known, else where the source's keeper states them), and the caller renames it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vos_core.downloads.failures import RETRIED, DownloadError, SourceFailed, TryAgain, asked_wait
from vos_core.downloads.locate import Location, host_of, key_of, locate
from vos_core.downloads.remote_zip import Window, crc_of, inflate, locate_member
from vos_core.downloads.sources import Source, shown
from vos_core.errors import InputError

if TYPE_CHECKING:
    import httpx

KEPT_FREE = 64 << 20

Notify = Callable[[str, int, int | None], None]
"""Called with what is being done ("download", "verify" or a sentence for a wait), bytes done, bytes in all."""


@dataclass(frozen=True)
class Policy:
    """How patient a transfer is. Times in seconds; `failures` counts attempts in a row that brought nothing new."""

    failures: int = 6
    first_wait: float = 1.0
    longest_wait: float = 60.0
    longest_asked: float = 600.0
    connect_timeout: float = 15.0
    stall_timeout: float = 30.0
    sleep: Callable[[float], None] = time.sleep

    def wait(self, failure: int, asked: float | None) -> float:
        """Seconds before the next attempt: doubled each time, or what the server asked for."""
        return asked if asked is not None else min(self.first_wait * 2 ** (failure - 1), self.longest_wait)


@dataclass(frozen=True)
class Fetched:
    """Where a file came from, its SHA-256 in hex, and whether somebody else states that SHA-256 too."""

    source: str
    sha256: str
    compared: bool


def download(
    sources: Sequence[Source],
    part: Path,
    *,
    size: int | None = None,
    sha256: str | None = None,
    unpacks: bool = False,
    besides: int = 0,
    policy: Policy | None = None,
    notify: Notify = lambda what, done, total: None,
) -> Fetched:
    """Bring `part` to the whole file, from the first source that can.

    Bytes already in `part` are continued. `size` and `sha256` are the published ones; where they are None, those that
    the source states are held against what comes. `unpacks`: as much disk again is wanted for what is in it
    (packed JPEG and PNG hardly shrink); `besides` are further bytes that the disk must have room for.
    Raises DownloadError with every source's reason; InputError for a disk that is too small.
    """
    import httpx

    policy = policy or Policy()
    part.parent.mkdir(parents=True, exist_ok=True)
    reasons: list[str] = []
    timeout = httpx.Timeout(policy.stall_timeout, connect=policy.connect_timeout)
    with httpx.Client(timeout=timeout, follow_redirects=True, headers={"User-Agent": "vos-lab"}) as client:
        for source in sources:
            transfer = _Transfer(client, source, part, size, sha256, unpacks, besides, policy, notify)
            try:
                return transfer.run()
            except SourceFailed as failure:
                reasons.append(f"{host_of(source)} {failure}")
    raise DownloadError(f"{part.name.removesuffix('.part')} was not fetched: {'; '.join(reasons)}.")


def sha256_of(path: Path, notify: Notify = lambda what, done, total: None) -> str:
    """SHA-256 of a file in hex."""
    digest = hashlib.sha256()
    total, done = path.stat().st_size, 0
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
            done += len(block)
            notify("verify", done, total)
    return digest.hexdigest()


def require_space(folder: Path, needed: int, what: str) -> None:
    """Raises InputError when the disk of `folder` has less than `needed` bytes (and a little) free."""
    free = shutil.disk_usage(folder).free
    if needed + KEPT_FREE > free:
        raise InputError(
            f"The disk of {folder} has {free / 1e9:.2f} GB free and {what} needs {needed / 1e9:.2f} GB: make room or "
            "set VOSLAB_DATA / VOSLAB_CHECKPOINTS to a folder on another disk."
        )


def discard(part: Path) -> None:
    """Remove a `.part` file and what was noted about it."""
    for path in (part, _note_of(part), _squeezed(part)):
        path.unlink(missing_ok=True)


@dataclass
class _Transfer:
    """One source's transfer. What is written grows in `target`; `validator` ties its bytes to one version."""

    client: httpx.Client
    source: Source
    part: Path
    size: int | None
    sha256: str | None
    unpacks: bool
    besides: int
    policy: Policy
    notify: Notify

    def run(self) -> Fetched:
        """Transfer until whole. Raises SourceFailed."""
        for _ in range(2):
            self._joined = self._most() > 0
            # Whoever keeps the file may know what nobody has published.
            if self.size is None or self.sha256 is None:
                self._attempts(self._where)
            window = self._attempts(self._locate_member) if self.source.member else None
            squeezed = window is not None and window.deflated
            target = _squeezed(self.part) if squeezed else self.part
            # A whole file whose hash is known needs no further byte, wherever the first ones came from.
            if window is not None or self.size is None or self._bytes(self.part) != self.size:
                self._continue_or_restart(target, window)
                self._attempts(partial(self._request, target, window))
            if squeezed and window is not None:
                require_space(self.part.parent, window.size, self.part.name)
                inflate(target, self.part, window)
            found = self._found_wrong(window)
            if found is None:
                return Fetched(self._origin(), self._sha256, compared=self.sha256 is not None)
            discard(self.part)
            if not self._joined:
                raise SourceFailed(found)
        raise SourceFailed(found or "")

    def _found_wrong(self, window: Window | None) -> str | None:
        """What is wrong with the finished `.part` file, if anything; sets `_sha256`."""
        size = self._bytes(self.part)
        if self.size is not None and size != self.size:
            return f"sent {size} bytes where the published file has {self.size}"
        if window and not window.deflated and self.sha256 is None and crc_of(self.part) != window.crc:
            return "sent a damaged zip member (checksum differs)"
        self._sha256 = sha256_of(self.part, self.notify)
        if self.sha256 is not None and self._sha256 != self.sha256:
            return f"sent a file with SHA-256 {self._sha256[:12]}… where the published one has {self.sha256[:12]}…"
        return None

    _location: Location | None = None

    def _where(self) -> Location:
        """Where the bytes are, asked for anew after a failure where that does not last."""
        if self._location is None:
            found = self._location = locate(self.source, self.client, self.policy.connect_timeout)
            if self.source.member is None:
                if self.size is not None and found.size is not None and found.size != self.size:
                    raise SourceFailed(f"offers {found.size} bytes where the published file has {self.size}")
                self.size = found.size if self.size is None else self.size
                self.sha256 = found.sha256 if self.sha256 is None else self.sha256
        return self._location

    def _origin(self) -> str:
        """What is noted of where the file came from: the URL with its version where that lasts."""
        return shown(self._location.url) if self._location and self._location.lasting else key_of(self.source)

    def _locate_member(self) -> Window:
        assert self.source.member is not None
        where = self._where()
        window = locate_member(self.client, where.url, self.source.member, _refuse, where.headers)
        if self.size is not None and window.size != self.size:
            raise SourceFailed(
                f"offers {self.source.member} with {window.size} bytes where the published file has {self.size}"
            )
        return window

    def _attempts(self, attempt: Callable[[], Any]) -> Any:
        """`attempt` again and again, with back-off, until it returns something else than None."""
        import httpx

        failures, best = 0, self._most()
        while True:
            asked = None
            try:
                result = attempt()
                if result is not None:
                    return result
                reason = "the connection ended early"
            except TryAgain as failure:
                reason, asked = str(failure), failure.wait
            except httpx.TimeoutException:
                reason = "it stalled"
            except httpx.InvalidURL as error:
                # Its own words quote from the URL, in which a password may be.
                raise SourceFailed("cannot be used: its address is no URL") from error
            except (httpx.UnsupportedProtocol, httpx.TooManyRedirects) as error:
                raise SourceFailed(f"cannot be used ({error})") from error
            except httpx.HTTPError as error:
                reason = f"the connection failed ({error or type(error).__name__})"
            if self._location is not None and not self._location.lasting:
                self._location = None
            if self._most() > best:
                failures, best = 0, self._most()
            else:
                failures += 1
            if failures >= self.policy.failures:
                raise SourceFailed(f"gave up after {failures} attempts: {reason}")
            wait = self.policy.wait(max(failures, 1), asked)
            if wait > self.policy.longest_asked:
                raise SourceFailed(f"asks to wait {wait:.0f} s before the next attempt ({reason})")
            self.notify(f"{reason}; next attempt in {wait:.0f} s", self._most(), self.size)
            self.policy.sleep(wait)

    def _request(self, target: Path, window: Window | None) -> bool | None:
        """Ask for what is missing and append it; True when all is there, None when the connection ended early."""
        have = self._bytes(target)
        if window is not None and have >= window.length:
            if have == window.length:
                return True
            target.unlink()
            have = 0
        where = self._where()
        headers = {**where.headers, "Accept-Encoding": "identity"}
        self._joined |= have > 0
        if have or window:
            start = have + (window.offset if window else 0)
            headers["Range"] = f"bytes={start}-" + (str(window.offset + window.length - 1) if window else "")
            if self._validator:
                headers["If-Range"] = self._validator
        with self.client.stream("GET", where.url, headers=headers) as response:
            if response.status_code == 416 and window is None:
                if have and have == _total_of(response):
                    return True
                target.unlink(missing_ok=True)
                raise TryAgain("it has less than what was fetched before")
            _refuse(response)
            total = _total_of(response)
            if response.status_code == 206:
                if "Range" in headers and _start_of(response) != start:
                    raise SourceFailed("answers with another range than the one asked for")
            elif window:
                raise SourceFailed("does not serve parts of a file")
            elif have:
                have = 0  # it ignores ranges, or the file has changed since: from the start
            if not window and total is not None and self.size is not None and total != self.size:
                raise SourceFailed(f"offers {total} bytes where the published file has {self.size}")
            goal = window.length if window else self.size or total
            self._note(response)
            unpacked = (window.size if window else goal or 0) if self.unpacks else 0
            require_space(target.parent, (goal or 0) - have + unpacked + self.besides, self.part.name)
            return self._write(response, target, have, goal)

    def _write(self, response: httpx.Response, target: Path, have: int, goal: int | None) -> bool | None:
        try:
            with target.open("r+b" if target.exists() else "wb") as stream:
                stream.truncate(have)
                stream.seek(have)
                for chunk in response.iter_raw():  # as it comes: a gathered block is lost when the line drops
                    if goal is not None and have + len(chunk) > goal:
                        raise SourceFailed(f"sends more than the {goal} bytes of the published file")
                    stream.write(chunk)
                    have += len(chunk)
                    self.notify("download", have, goal)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise DownloadError(f"{target} cannot be written: {error.strerror or error}.") from error
        return True if goal is None or have == goal else None

    # What is noted beside the `.part` file: where its bytes come from, so that two versions are never joined.

    _validator: str | None = None
    _sha256: str = ""
    _joined: bool = False

    def _continue_or_restart(self, target: Path, window: Window | None) -> None:
        """Keep the bytes in `target` only when they can belong to what this source has now."""
        note = _read_note(self.part)
        self._validator = note.get("validator") if note.get("source") == key_of(self.source) else None
        if window is not None:
            self._validator = window.validator
        trusted = self.sha256 is not None or self._validator is not None
        if window is not None and window.deflated:
            trusted = note.get("source") == key_of(self.source) and note.get("validator") == window.validator
        if not trusted:
            target.unlink(missing_ok=True)
        if self.size is not None and window is None and self._bytes(target) > self.size:
            target.unlink()

    def _note(self, response: httpx.Response) -> None:
        etag = response.headers.get("etag", "")
        # A weak tag must not be used in If-Range (RFC 9110 13.1.5); a date may.
        strong = etag if etag and not etag.startswith("W/") else response.headers.get("last-modified")
        self._validator = strong
        _note_of(self.part).write_text(
            json.dumps({"source": key_of(self.source), "validator": strong}), encoding="utf-8"
        )

    def _most(self) -> int:
        return max(self._bytes(self.part), self._bytes(_squeezed(self.part)))

    @staticmethod
    def _bytes(path: Path) -> int:
        return path.stat().st_size if path.exists() else 0


def _refuse(response: httpx.Response) -> None:
    """Raise TryAgain or SourceFailed for every answer that is not the file."""
    code = response.status_code
    said = f"answered {code} {response.reason_phrase}".strip()
    if code in RETRIED:
        raise TryAgain(said, asked_wait(response.headers.get("retry-after")))
    if code not in (200, 206):
        raise SourceFailed(said)
    if response.headers.get("content-type", "").startswith("text/html"):
        raise SourceFailed(
            "answered with a web page instead of the file (a log-in, a captcha or a used-up quota: try again "
            "tomorrow, or fetch it in a browser)"
        )


def _total_of(response: httpx.Response) -> int | None:
    """Size of the whole file as the server states it."""
    match = re.search(r"/(\d+)\s*$", response.headers.get("content-range", ""))
    if match:
        return int(match[1])
    length = response.headers.get("content-length", "")
    return int(length) if response.status_code == 200 and length.isdecimal() else None


def _start_of(response: httpx.Response) -> int | None:
    match = re.match(r"bytes (\d+)-", response.headers.get("content-range", ""))
    return int(match[1]) if match else None


def _note_of(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _squeezed(part: Path) -> Path:
    """Where a zip member that is stored deflated is gathered before it is inflated."""
    return part.with_name(part.name + ".deflated")


def _read_note(part: Path) -> dict[str, Any]:
    try:
        note = json.loads(_note_of(part).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}
