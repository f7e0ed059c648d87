"""`fetch`: datasets and checkpoints from where their publishers keep them to where launch looks for them."""

from __future__ import annotations

import argparse
import sys
from types import TracebackType
from typing import Any

from vos_core.downloads import DownloadError, Progress, Stage, catalogue, fetch, find_item, state
from vos_core.downloads.catalogue import Item
from vos_core.errors import InputError
from vos_core.home import Home

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
            "is verified and used. VOSLAB_MIRROR (a base URL) replaces scheme and host of every source."
        ),
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to fetch; --list shows the names")
    parser.add_argument("--list", action="store_true", help="show what can be fetched, and what is there")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Fetch in the order given; one that fails does not keep the others back. Raises InputError for a bad name."""
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
            with _Bar(item) as bar:
                path = fetch(item, home, progress=bar.report)
        except (DownloadError, InputError) as error:
            print(f"error: {error}", file=sys.stderr)
            code = max(code, error.exit_code)
        except KeyboardInterrupt:
            print(f"Stopped. `python -m vos_core fetch {item.name}` goes on from here.", file=sys.stderr)
            return 130
        else:
            print(f"{item.name}: ready at {path}")
    return code


def _listing(home: Home) -> str:
    rows = [("name", "state", "size", "licence", "goes to")]
    for item in catalogue().values():
        size = "?" if item.size is None else f"{item.size / 1e9:.2f} GB"
        rows.append((item.name, state(item, home), size, item.licence, str(item.destination(home))))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[4]]) for row in rows)


class _Bar:
    """Progress of one item: a bar on a terminal, a line for each stage and wait elsewhere."""

    def __init__(self, item: Item) -> None:
        self._item = item
        self._stage: Stage | None = None
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
            return
        if progress.stage is Stage.WAITING:
            self._close()
            self._stage = None
            print(f"{self._item.name}: {progress.note}", file=sys.stderr, flush=True)
            return
        if progress.stage is not self._stage:
            self._close()
            self._stage = progress.stage
            self._open(progress)
        if self._bar is not None:
            self._bar.total = progress.total
            self._bar.update(progress.done - self._bar.n)

    def _open(self, progress: Progress) -> None:
        from tqdm import tqdm

        label = f"{self._item.name}: {DOING[progress.stage]}"
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
