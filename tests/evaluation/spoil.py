"""Ways in which predictions can be wrong: each changes one mask file, or the folder it lies in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image

from tests.evaluation.folders import HEIGHT, WIDTH
from vos_core.masks import read_mask, write_mask


def saved_as(mode: str) -> Callable[[Path], None]:
    """Overwrites a mask with an image of that mode."""
    return lambda path: Image.new(mode, (WIDTH, HEIGHT)).save(path)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:70])


def remove_all(path: Path) -> None:
    for file in path.parent.iterdir():
        file.unlink()


def remove_folder(path: Path) -> None:
    remove_all(path)
    path.parent.rmdir()


def folder_is_a_file(path: Path) -> None:
    remove_folder(path)
    path.parent.write_text("")


def two_missing(path: Path) -> None:
    path.unlink()
    path.with_name("00004.png").unlink()


def with_label(label: int) -> Callable[[Path], None]:
    """Overwrites one pixel of a mask."""

    def change(path: Path) -> None:
        mask = read_mask(path)
        mask[3, 3] = label
        write_mask(path, mask)

    return change
