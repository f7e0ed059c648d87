"""`clip`: what Inspect plays of one video, as an MP4 or a GIF."""

from __future__ import annotations

import argparse
from pathlib import Path

from vos_core.cli.picture import source_of
from vos_core.cli.selection import find_runs
from vos_core.clips import KINDS, View, stretch_of, write_clip
from vos_core.errors import InputError
from vos_core.home import Home
from vos_core.masks import MissingMask


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("clip", help="frames of a video with annotation and predictions, as MP4 or GIF")
    parser.add_argument("selected", metavar="RUN", help="id or name")
    parser.add_argument("--video", required=True)
    parser.add_argument("--with", nargs="+", default=[], dest="beside", metavar="RUN", help="further runs beside it")
    parser.add_argument("--start", type=int, help="index of the first frame (default: the video's first)")
    parser.add_argument("--end", type=int, help="index of the last frame (default: the video's last)")
    parser.add_argument("--fps", type=float, help="frames a second (default 24)")
    parser.add_argument("--view", choices=list(View), default=View.OVERLAY.value,
                        help="error: hits, misses and false alarms in place of the objects' colours")  # fmt: skip
    parser.add_argument("--out", required=True, metavar="FILE", help="the .mp4 or .gif to write")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 when the clip is written."""
    path = Path(args.out)
    kind = path.suffix.lstrip(".").lower()
    if kind not in KINDS:
        raise InputError(f"--out {args.out} is no clip: name a file that ends in .mp4 or .gif.")
    home = Home.from_environment()
    rows = find_runs(home, [args.selected, *args.beside])
    source = source_of(home, rows, args.video)
    stretch = stretch_of(source.video, kind, args.start, args.end, args.fps)
    try:
        source.runs[0].read(source.video.stems[stretch.start])
    except MissingMask as error:
        raise InputError(f"Run {rows[0].name} has no masks of video {source.video.name} yet ({error})") from error
    unfinished = path.with_name(f".{path.name}.part")
    try:
        write_clip(source, stretch, unfinished, kind, View(args.view))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    print(args.out)
    return 0
