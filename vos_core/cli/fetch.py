"""`fetch`: datasets and checkpoints from where their publishers keep them to where launch looks for them."""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap
from pathlib import Path
from types import TracebackType
from typing import Any

from vos_core.downloads import (
    Damaged,
    DownloadError,
    Item,
    Progress,
    Row,
    Stage,
    catalogue,
    fetch,
    find_item,
    overview,
    verify,
)
from vos_core.downloads.background import recorded
from vos_core.downloads.progress import Callback
from vos_core.errors import InputError
from vos_core.home import Home
from vos_core.launch import duration

DOING = {
    Stage.DOWNLOADING: "downloading",
    Stage.VERIFYING: "verifying",
    Stage.UNPACKING: "unpacking",
    Stage.WAITING: "waiting",
}


def add_parser(subparsers: Any) -> None:
    """Add the `fetch` command."""
    parser = subparsers.add_parser(
        "fetch",
        help="download datasets and checkpoints",
        description=(
            "Download datasets and checkpoints: resumed, verified, unpacked. A file that you put in place yourself "
            "is verified and used. VOSLAB_MIRROR (a base URL) replaces every source, VOSLAB_MIRROR_<NAME> (a folder's "
            "URL) one item's; HF_TOKEN opens gated data sets."
        ),
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to fetch; --list shows the names")
    parser.add_argument("--list", action="store_true", help="show what can be fetched, and what is there")
    parser.add_argument(
        "--verify", action="store_true", help="fetch nothing: read through what is there, compare sizes and SHA-256"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Fetch (or verify) in the order given; one that fails does not keep the others back; 1 for what is damaged.

    Raises InputError for a bad name.
    """
    home = Home.from_environment()
    if args.list:
        print(_listing(home))
        return 0
    if not args.names:
        raise InputError(f"Say what to fetch: {', '.join(catalogue())} (`fetch --list` shows more).")
    items = list(dict.fromkeys(find_item(name) for name in args.names))
    code = 0
    for item in items:
        try:
            with _Bar(item) as bar, recorded(item.name, home) as record:
                listener = _both(bar.report, record)
                if args.verify:
                    said = verify(item, home, listener).sentence
                else:
                    said = f"ready at {fetch(item, home, listener)}"
        except (DownloadError, InputError) as error:
            print(f"error: {error}", file=sys.stderr)
            code = max(code, 1 if args.verify and isinstance(error, Damaged) else error.exit_code)
        except KeyboardInterrupt:
            again = f"python -m vos_core fetch {item.name}{' --verify' if args.verify else ''}"
            print(f"Stopped. `{again}` {'begins anew' if args.verify else 'goes on from here'}.", file=sys.stderr)
            return 130
        else:
            print(f"{item.name}: {said}")
            if bar.last_words and not args.verify:
                print(f"{item.name}: {bar.last_words}", file=sys.stderr)
    return code


def _both(one: Callback, other: Callback) -> Callback:
    def report(progress: Progress) -> None:
        one(progress)
        other(progress)

    return report


def _listing(home: Home) -> str:
    """A line an item; beneath it, what its job does now, or what to do."""
    rows = overview(home)
    lines = [("name", "state", "size", "licence", "goes to")]
    lines += [
        (row.name, row.standing.value, _size(row.size), row.licence, _short(row.destination, home)) for row in rows
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    width = max(60, shutil.get_terminal_size((120, 24)).columns)
    text = []
    for line, row in zip(lines, [None, *rows]):
        text.append("  ".join([*(cell.ljust(width) for cell, width in zip(line, widths)), line[4]]))
        for more in _details(row) if row else ():
            # A path is not broken: it is there to be copied.
            text += textwrap.wrap(
                more,
                width,
                initial_indent="    ",
                subsequent_indent="    ",
                break_long_words=False,
                break_on_hyphens=False,
            )
    return "\n".join(text)


def _details(row: Row) -> list[str]:
    if not row.standing.working:
        advice = row.advice
        if row.done and row.total:
            advice = f"{_size(row.done)} of {_size(row.total)} are there. {advice}"
        return [*([row.note] if row.note else []), *([advice] if advice and advice not in row.note else [])]
    words = [row.note] if row.note else []
    if row.done is not None and row.total:
        words.append(f"{_size(row.done)} of {_size(row.total)} ({row.fraction or 0:.0%})")
    if row.bytes_per_second:
        words.append(f"{row.bytes_per_second / 1e6:.1f} MB/s")
    if row.seconds_left is not None:
        words.append(f"{duration(row.seconds_left)} left")
    return [", ".join(words)] if words else []


def _size(count: int | None) -> str:
    if count is None:
        return "?"
    return f"{count / 1e9:.2f} GB" if count >= 1e7 else f"{count / 1e6:.2f} MB"


def _short(path: Path, home: Home) -> str:
    return str(path.relative_to(home.root)) if path.is_relative_to(home.root) else str(path)


class _Bar:
    """Progress of one item: a bar on a terminal, a line for each stage and wait elsewhere."""

    last_words = ""

    def __init__(self, item: Item) -> None:
        self._item = item
        self._at: tuple[Stage, str] | None = None
        self._bar: Any = None

    def __enter__(self) -> _Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def report(self, progress: Progress) -> None:
        """Show one report."""
        if progress.stage is Stage.READY:
            self.last_words = progress.note
            return
        if progress.stage is Stage.WAITING:
            self._close()
            self._at = None
            print(f"{self._item.name}: {progress.note}", file=sys.stderr, flush=True)
            return
        if (progress.stage, progress.note) != self._at:
            self._close()
            self._at = progress.stage, progress.note
            self._open(progress)
        if self._bar is not None:
            self._bar.total = progress.total
            self._bar.update(progress.done - self._bar.n)

    def _open(self, progress: Progress) -> None:
        from tqdm import tqdm

        label = f"{self._item.name}: {DOING[progress.stage]}{f' {progress.note}' if progress.note else ''}"
        if not sys.stderr.isatty():
            print(label, file=sys.stderr, flush=True)
            return
        self._bar = tqdm(
            total=progress.total, initial=progress.done, desc=label, unit="B", unit_scale=True, unit_divisor=1000
        )

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
