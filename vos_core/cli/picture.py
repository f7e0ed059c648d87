"""`picture`: what Inspect shows of one frame, as a PNG file."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from db.models import Run
from vos_core.cli.selection import find_runs
from vos_core.clips import ClipSource, Layer, View, sheet
from vos_core.datasets import Video, open_dataset
from vos_core.errors import InputError
from vos_core.home import Home
from vos_core.masks import MissingMask
from vos_core.per_object import mask_reader


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("picture", help="one frame with annotation and predictions side by side, as a PNG")
    parser.add_argument("selected", nargs="+", metavar="RUN", help="id or name; several runs of one dataset")
    parser.add_argument("--with", nargs="+", default=[], dest="beside", metavar="RUN", help="further runs beside it")
    parser.add_argument("--video", required=True)
    parser.add_argument("--frame", type=int, default=0, help="index of the frame (default 0)")
    parser.add_argument("--view", choices=list(View), default=View.OVERLAY.value,
                        help="error: hits, misses and false alarms in place of the objects' colours")  # fmt: skip
    parser.add_argument("--out", required=True, metavar="FILE", help="the PNG to write")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 when the picture is written."""
    home = Home.from_environment()
    rows = find_runs(home, [*args.selected, *args.beside])
    source = source_of(home, rows, args.video)
    video = source.video
    if not 0 <= args.frame < video.length:
        raise InputError(f"Video {video.name} has frames 0 to {video.length - 1}: there is no frame {args.frame}.")
    stem = video.stems[args.frame]
    for row, layer in zip(rows, source.runs, strict=True):
        try:
            layer.read(stem)
        except MissingMask as error:
            raise InputError(f"Run {row.name} has no mask of video {video.name}, frame {stem} yet ({error})") from error
    if source.truth is not None and not _has(source.truth, stem):
        source = replace(source, truth=None)
    sheet(source, args.frame, View(args.view)).save(Path(args.out), format="PNG")
    print(args.out)
    return 0


def source_of(home: Home, rows: Sequence[Run], name: str) -> ClipSource:
    """A video of runs beside each other, held against what the first of them is held against.

    Raises InputError when they are of different datasets, or there is no such video.
    """
    first = rows[0]
    if len({row.dataset_path for row in rows}) > 1:
        raise InputError("These runs are of different datasets: their frames cannot stand side by side.")
    video = open_dataset(home.locate(first.dataset_path), first.dataset).video(name)
    runs = tuple(_layer(row.title or row.name, home.locate(row.predictions) / video.name) for row in rows)
    if first.reference:
        folder = home.locate(first.reference)
        return ClipSource(video, _layer(f"reference {folder.name} (no truth)", folder / video.name), runs)
    return ClipSource(video, _annotation(video), runs)


def _annotation(video: Video) -> Layer | None:
    if video.per_object is not None:
        return _layer("annotation", video.per_object)
    if not video.annotations:
        return None
    return _layer("annotation", next(iter(video.annotations.values())).parent)


def _layer(title: str, folder: Path) -> Layer:
    """The label maps of a folder: of objects kept apart, those that have a mask of a frame."""
    return Layer(title, mask_reader(folder, partial=True))


def _has(layer: Layer, stem: str) -> bool:
    try:
        layer.read(stem)
    except MissingMask:
        return False
    return True
