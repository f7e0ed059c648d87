"""`picture`: what Inspect shows of one frame, as a PNG file."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path

import numpy as np

from vos_core.cli.selection import find_runs
from vos_core.datasets import open_dataset
from vos_core.errors import InputError
from vos_core.frames import read_picture
from vos_core.home import Home
from vos_core.masks import MissingMask
from vos_core.overlays import overlay, side_by_side
from vos_core.per_object import mask_reader


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("picture", help="one frame with annotation and predictions side by side, as a PNG")
    parser.add_argument("selected", nargs="+", metavar="RUN", help="id or name; several runs of one dataset")
    parser.add_argument("--video", required=True)
    parser.add_argument("--frame", type=int, default=0, help="index of the frame (default 0)")
    parser.add_argument("--out", required=True, metavar="FILE", help="the PNG to write")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 when the picture is written."""
    home = Home.from_environment()
    runs = find_runs(home, args.selected)
    if len({row.dataset_path for row in runs}) > 1:
        raise InputError("These runs are of different datasets: their frames cannot stand side by side.")
    video = open_dataset(home.locate(runs[0].dataset_path), runs[0].dataset).video(args.video)
    if not 0 <= args.frame < video.length:
        raise InputError(f"Video {video.name} has frames 0 to {video.length - 1}: there is no frame {args.frame}.")
    stem = video.stems[args.frame]
    picture = read_picture(video.frames[args.frame])
    panes = [(f"{video.name} {stem}", picture)]
    if stem in video.annotated_stems:
        panes.append(("annotation", overlay(picture, _mask(video.per_object or video.annotations[stem].parent, stem))))
    for row in runs:
        folder = home.locate(row.predictions) / video.name
        if row.reference:
            against = home.locate(row.reference) / video.name
            with contextlib.suppress(MissingMask):
                panes.append((f"reference {against.parent.name} (no truth)", overlay(picture, _mask(against, stem))))
        try:
            panes.append((row.title or row.name, overlay(picture, _mask(folder, stem))))
        except MissingMask as error:
            raise InputError(f"Run {row.name} has no mask of video {video.name}, frame {stem} yet ({error})") from error
    side_by_side(panes).save(Path(args.out), format="PNG")
    print(args.out)
    return 0


def _mask(folder: Path, stem: str) -> np.ndarray:
    """The label map of a frame: of objects kept apart, those that have a mask of it."""
    return mask_reader(folder, partial=True)(stem)
