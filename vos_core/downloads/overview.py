"""Everything that can be fetched as a page or a list shows it: what it is, how far it is, and what to do.

A look at names, sizes and the jobs' records: cheap enough for every second, nothing is read through.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from vos_core.downloads import background
from vos_core.downloads.background import DownloadState, Phase
from vos_core.downloads.catalogue import Item, Kind, catalogue
from vos_core.downloads.presence import State, bytes_there, changed_at, damage, place, state
from vos_core.home import Home


class Standing(StrEnum):
    """Where an item stands: what lies on the disk and what its job says, in one word."""

    MISSING = "missing"
    PARTIAL = "partial"  # begun; nobody is at work on it
    STARTING = "starting"
    DOWNLOADING = "downloading"
    WAITING = "waiting"  # between two attempts; `note` says for what
    VERIFYING = "verifying"
    UNPACKING = "unpacking"
    READY = "ready"
    DAMAGED = "damaged"
    FAILED = "failed"  # `note` says why

    @property
    def working(self) -> bool:
        """Whether a job is at work, which can be stopped."""
        return self in _WORKING


_WORKING = {Standing(phase.value) for phase in Phase if not phase.ended and phase is not Phase.GENERATING}


@dataclass(frozen=True)
class Row:
    """One item. `size` in bytes is what is transferred, None where nobody states it.

    `done` and `total` (bytes), `fraction` (0 to 1), `bytes_per_second` and `seconds_left` are of what the job does
    now, None where that is not known or no job is at work; of a PARTIAL one, `done` is what is there. `note` is what
    a job waits for, which file it is at, or what its end had to say; `advice` one sentence on what to do, "" where
    there is nothing to do but fetch it. `verifiable`: there is something to read through.
    """

    item: Item
    standing: Standing
    destination: Path
    advice: str = ""
    note: str = ""
    done: int | None = None
    total: int | None = None
    fraction: float | None = None
    bytes_per_second: float | None = None
    seconds_left: float | None = None
    verifiable: bool = False

    @property
    def name(self) -> str:
        """What `fetch` and `background.start` call it."""
        return self.item.name

    @property
    def kind(self) -> Kind:
        """Dataset, checkpoint, …"""
        return self.item.kind

    @property
    def title(self) -> str:
        """What it is, in words."""
        return self.item.title

    @property
    def licence(self) -> str:
        """What its publisher lets one do with it."""
        return self.item.licence

    @property
    def page(self) -> str:
        """The publisher's page."""
        return self.item.page

    @property
    def size(self) -> int | None:
        """Bytes to transfer, None where nobody states them."""
        return self.item.size

    @property
    def command(self) -> str:
        """The same by command."""
        return f"python -m vos_core fetch {self.name}"


def overview(home: Home) -> list[Row]:
    """A row for each item of the catalogue, in its order."""
    return [_row(item, home) for item in catalogue().values()]


def _row(item: Item, home: Home) -> Row:
    job = background.state(home, item.name)
    if job is not None and not job.phase.ended:
        return Row(
            item,
            Standing(job.phase.value),
            item.destination(home),
            note=job.note,
            done=job.done,
            total=job.total,
            fraction=job.fraction,
            bytes_per_second=job.bytes_per_second,
            seconds_left=job.seconds_left,
        )
    standing, note = _at_rest(item, home, job)
    found = place(item, home)
    there = bytes_there(item, home) if standing is Standing.PARTIAL else None
    return Row(
        item,
        standing,
        found or item.destination(home),
        _advice(item, home, standing, note),
        note,
        done=there,
        total=there and item.size,
        verifiable=found is not None,
    )


def _at_rest(item: Item, home: Home, job: DownloadState | None) -> tuple[Standing, str]:
    """Standing and note while nobody is at work."""
    there = state(item, home)
    # What a job said last counts until the files change.
    if job is not None and there is not State.MISSING and changed_at(item, home) > job.updated_at + 1:
        job = None
    if there is State.DAMAGED:
        return Standing.DAMAGED, damage(item, home)
    if job is not None and job.phase is Phase.DAMAGED and there is not State.MISSING:
        return Standing.DAMAGED, job.note
    if job is not None and job.phase is Phase.FAILED and there is not State.READY:
        return Standing.FAILED, job.note
    if job is None or job.asked:
        return Standing(there.value), ""
    # A check that failed leaves a ready thing ready; a process that died leaves what it left.
    said = job.phase in (Phase.STOPPED, Phase.FAILED) or (job.phase is Phase.READY and there is State.READY)
    return Standing(there.value), job.note if said else ""


def _advice(item: Item, home: Home, standing: Standing, note: str) -> str:
    paths = item.paths(home)
    everything = item.kind is not Kind.CHECKPOINT and all(path.is_file() for path in paths)
    match standing:
        case Standing.DAMAGED:
            broken = [str(path) for path in paths if str(path) in note] or [str(place(item, home) or paths[0])]
            return f"Move {' and '.join(broken)} away or delete it, then fetch again."
        case Standing.PARTIAL if everything:
            return "Fetch: what was put there is verified and unpacked."
        case Standing.PARTIAL:
            return "Fetch again: it goes on from what is there."
        case Standing.FAILED if everything:
            return "Nothing is left to download: mend what the reason names, then fetch again."
        case Standing.FAILED:
            again = "Fetch again: it goes on from what is there." if bytes_there(item, home) else "Fetch again."
            return again if "By hand: " in note else f"{again} {item.by_hand(home)}"
    return ""
