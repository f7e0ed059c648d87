"""Masks kept one folder an object, `<video>/<object>/<frame>.png` (SA-V, SeCVOS); knows nothing but arrays and paths.

An object's masks are binary (any value but 0 is inside) and may overlap another's. Folder names are numbers, often
with leading zeros; SA-V counts from `000`, while 0 is the background of a label map: see `labels_of`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from vos_core.masks import DAVIS_PALETTE, VOID, MaskError, MissingMask, read_mask, view_mask, write_mask
from vos_core.regular_files import PICTURE_BYTES, open_regular, read_start

_DEPTH_AND_COLOUR = slice(24, 26)
_GREY_1_BIT = bytes((1, 0))


def object_folders(video: Path | str) -> dict[int, Path]:
    """Object id -> folder, ids ascending; empty where the video's folder is not there or has no numbered folder.

    Raises MaskError when two folders have one number (`1` and `001`).
    """
    found: dict[int, Path] = {}
    try:
        entries = sorted(Path(video).iterdir())
    except OSError:
        return {}
    for entry in entries:
        if entry.name.isascii() and entry.name.isdecimal() and entry.is_dir():
            if int(entry.name) in found:
                raise MaskError(f"{found[int(entry.name)]} and {entry} are the same object: remove one of them.")
            found[int(entry.name)] = entry
    return dict(sorted(found.items()))


def is_per_object(video: Path | str) -> bool:
    """Whether a video's folder has one folder an object; not where it has PNG files itself (label maps)."""
    return bool(object_folders(video)) and next(Path(video).glob("[!.]*.png"), None) is None


def frames_of(folder: Path) -> tuple[str, ...]:
    """Stems of an object's masks, in time order (by number where all stems are numbers)."""
    stems = [path.stem for path in folder.glob("[!.]*.png")]
    return tuple(sorted(stems, key=lambda stem: (int(stem), stem)) if all(map(str.isdecimal, stems)) else sorted(stems))


def stems_of(video: Path | str) -> frozenset[str]:
    """Stems of the frames of which a video's folder of either layout has a mask, of at least one object."""
    folders = object_folders(video).values() if is_per_object(video) else (Path(video),)
    return frozenset(stem for folder in folders for stem in frames_of(folder))


def read_binary(path: Path | str) -> np.ndarray:
    """One object's mask: bool (H, W), of an indexed, an 8-bit grey or a 1-bit grey PNG.

    Raises MissingMask, MaskError as `read_mask`, and MaskError when the file has more than one object.
    """
    try:
        start = read_start(path, 26, PICTURE_BYTES)
    except FileNotFoundError as error:
        raise MissingMask(f"There is no mask {path}.") from error
    except OSError as error:
        raise MaskError(f"{path} cannot be read: {error.strerror or error}.") from error
    if start[_DEPTH_AND_COLOUR] == _GREY_1_BIT:
        return _read_1_bit(path)
    mask = read_mask(path)
    highest = mask.max()
    inside = mask > 0
    if not (mask[inside] == highest).all():
        raise MaskError(f"{path} has more than one object: in a folder an object, a mask is that object or nothing.")
    return inside


def read_per_object(video: Path | str, stem: str) -> dict[int, np.ndarray]:
    """Masks of the frame `stem`: object id -> bool (H, W), ids ascending; only objects that have such a file.

    Raises MissingMask when no object has one, MaskError when one cannot be read or their sizes differ.
    """
    masks: dict[int, np.ndarray] = {}
    for object_id, folder in object_folders(video).items():
        path = folder / f"{stem}.png"
        if not path.exists():
            continue
        mask = read_binary(path)
        first = next(iter(masks.values()), mask)
        if mask.shape != first.shape:
            raise MaskError(
                f"{path} is {mask.shape[1]}x{mask.shape[0]} but the frame's other objects are "
                f"{first.shape[1]}x{first.shape[0]}: write the mask again."
            )
        masks[object_id] = mask
    if not masks:
        raise MissingMask(f"There is no mask {Path(video) / '*' / stem}.png of any object.")
    return masks


def write_per_object(
    video: Path | str, stem: str, masks: Mapping[int, np.ndarray], palette: bytes = DAVIS_PALETTE
) -> None:
    """Write masks (H, W) by object id as `<video>/<object>/<stem>.png` of 0 and 1, folders named as in SA-V (`001`)."""
    for object_id, mask in masks.items():
        folder = Path(video) / f"{object_id:03d}"
        folder.mkdir(exist_ok=True)
        write_mask(folder / f"{stem}.png", (mask != 0).astype(np.uint8), palette)


def labels_of(object_ids: Iterable[int]) -> dict[int, int]:
    """Object id -> its label in a label map: the id itself, or the id + 1 in a video that has an object 0.

    Raises MaskError when a label would be 255 (void) or more.
    """
    ids = sorted(object_ids)
    shift = 1 if 0 in ids else 0
    if ids and ids[-1] + shift >= VOID:
        raise MaskError(f"Object {ids[-1]} does not fit into a label map, which has labels 1 to {VOID - 1}.")
    return {object_id: object_id + shift for object_id in ids}


def join(masks: Mapping[int, np.ndarray], labels: Mapping[int, int]) -> np.ndarray:
    """One label map uint8 (H, W) of masks (H, W) by object id; where they overlap the lower id wins, as in SAM 2.

    Raises ValueError without masks, KeyError for an object without a label.
    """
    if not masks:
        raise ValueError("no mask to join")
    joined = np.zeros(next(iter(masks.values())).shape, np.uint8)
    for object_id in sorted(masks, reverse=True):
        joined[masks[object_id] != 0] = labels[object_id]
    return joined


def overlap(masks: Mapping[int, np.ndarray]) -> int:
    """How many pixels belong to more than one of the masks (H, W): what `join` would lose."""
    if len(masks) < 2:
        return 0
    return int((sum((mask != 0).astype(np.uint16) for mask in masks.values()) > 1).sum())


def read_joined(video: Path | str, stem: str, *, partial: bool = False) -> np.ndarray:
    """Label map uint8 (H, W) of the frame `stem`, as `join` and `labels_of` of all the video's objects.

    Raises MissingMask when one of the objects has no such file (with `partial`, to be looked at: when none has),
    MaskError as `read_per_object`.
    """
    folders = object_folders(video)
    for folder in () if partial else folders.values():
        if not (folder / f"{stem}.png").exists():
            raise MissingMask(f"There is no mask {folder / stem}.png.")
    return join(read_per_object(video, stem), labels_of(folders))


def mask_reader(video: Path | str, *, partial: bool = False) -> Callable[[str], np.ndarray]:
    """What reads a frame's label map uint8 (H, W) by its stem from a video's folder of either layout.

    The layout is looked for once; `partial` is that of `read_joined`. The reader raises as it does, or as `view_mask`
    where there are label maps.
    """
    folder = Path(video)
    if is_per_object(folder):
        return lambda stem: read_joined(folder, stem, partial=partial)
    return lambda stem: view_mask(folder / f"{stem}.png")


def _read_1_bit(path: Path | str) -> np.ndarray:
    from PIL import Image  # costs 30 ms of a short command that usually needs no Pillow

    try:
        with open_regular(path, PICTURE_BYTES) as file, Image.open(file, formats=("PNG",)) as image:
            return np.array(image, dtype=np.bool_)
    except (OSError, SyntaxError, ValueError, MemoryError, Image.DecompressionBombError) as error:
        raise MaskError(f"{path} is a damaged PNG ({error}): write the mask again.") from error
