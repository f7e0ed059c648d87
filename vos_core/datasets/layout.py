"""The DAVIS folder layout: where a dataset keeps its frames, annotations and split lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from vos_core.datasets.mose import read_meta
from vos_core.errors import InputError
from vos_core.per_object import frames_of, is_per_object, object_folders, stems_of

FRAME_SUFFIXES = (".jpg", ".jpeg", ".png")
IMAGES = ("JPEGImages", "JPEGImages_24fps")  # the latter as SA-V publishes it, annotated at 6 frames a second
ANNOTATIONS = ("Annotations", "Annotations_6fps")
NAMED = ("DAVIS", "sav_val", "sav_test")  # folders that archives unpack to and that name the dataset themselves
BENEATH = ("valid", "val", *NAMED)
RESOLUTIONS = ("480p", "Full-Resolution", "1080p")
ALL = "all"
_META_SPLITS = {"valid": "val", "val": "val", "train": "train", "test": "test"}


class EmptyVideoList(InputError):
    """A split's list file without a video."""


@dataclass(frozen=True)
class Video:
    """One video: its frames in time order and the annotations that exist.

    `annotations` maps a frame's stem (`"00000"`) to its mask file, in time order; on a split that is annotated on
    first frames only (MOSE valid) it has one entry. Where annotations are kept one folder an object (SA-V, SeCVOS),
    it is empty, since no file holds a frame's label map, and `per_object` is the folder of the object folders.
    """

    name: str
    frames: tuple[Path, ...]
    annotations: Mapping[str, Path]
    per_object: Path | None = None

    @cached_property
    def stems(self) -> tuple[str, ...]:
        """Frame names without suffix, in time order."""
        return tuple(path.stem for path in self.frames)

    @property
    def length(self) -> int:
        """Number of frames."""
        return len(self.frames)

    @property
    def is_scorable(self) -> bool:
        """Whether any frame would be evaluated: DAVIS leaves out the first and the last annotated frame."""
        return self.annotated > 2

    @property
    def annotated(self) -> int:
        """Number of annotated frames; in object folders, of the object that has most."""
        if self.per_object is not None:
            return max((len(frames_of(folder)) for folder in object_folders(self.per_object).values()), default=0)
        return len(self.annotations)

    @cached_property
    def annotated_stems(self) -> frozenset[str]:
        """Stems of the frames of which there is an annotation, in object folders of at least one object."""
        return stems_of(self.per_object) if self.per_object else frozenset(self.annotations)

    @property
    def ground_truth(self) -> Mapping[str, Path] | Path:
        """What scores are computed against: `annotations`, or the folder of object folders."""
        return self.per_object or self.annotations

    def held_against(self, folder: Path) -> Video:
        """The same frames, with the masks in `folder` (the video's, of either layout) in place of the annotations."""
        if is_per_object(folder):
            return replace(self, annotations={}, per_object=folder)
        masks = {stem: folder / f"{stem}.png" for stem in self.stems}
        return replace(self, annotations={k: path for k, path in masks.items() if path.exists()}, per_object=None)


@dataclass(frozen=True)
class Dataset:
    """A DAVIS-layout folder: `images/<video>/<frame>.jpg`, `annotations/<video>/<frame>.png`, split lists.

    `lists` are text files, one video a line, or the meta file of a MOSE folder that has no such lists.
    """

    name: str
    root: Path
    images: Path
    annotations: Path
    lists: Mapping[str, Path] = field(default_factory=dict)

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits; a folder without lists has one split, `all`: every video by name."""
        return tuple(self.lists) or (ALL,)

    @property
    def default_split(self) -> str:
        """`val` where there is one, else the first split."""
        return "val" if "val" in self.splits else self.splits[0]

    def video_names(self, split: str | None = None) -> tuple[str, ...]:
        """Videos of `split` in the list's order.

        Raises InputError for an unknown split, an unreadable or empty list, a blank line, a repeated or unknown
        video (naming file and line). `all` may be asked for whatever the lists.
        """
        split = split or self.default_split
        if split not in self.splits and split != ALL:
            raise InputError(
                f"Dataset {self.name} ({self.root}) has no split {split!r}: it has {', '.join(self.splits)}."
            )
        if split not in self.lists:
            names = _folders(self.images) or _folders(self.annotations)
            if not names:
                raise InputError(f"Dataset {self.name} has no videos: {self.images} holds no folder.")
            return names
        path = self.lists[split]
        if path.suffix != ".json":
            return read_video_list(path, known=self._known_videos)
        names = tuple(read_meta(path))
        if unknown := [name for name in names if name not in self._known_videos]:
            raise InputError(
                f"{path} names video {unknown[0]!r}{f' and {len(unknown) - 1} more' if unknown[1:] else ''}, which has "
                f"no folder in {self.images}: add the videos, or take split {ALL!r}."
            )
        return names

    @cached_property
    def _known_videos(self) -> frozenset[str]:
        return frozenset(_folders(self.images)) | frozenset(_folders(self.annotations))

    def video(self, name: str) -> Video:
        """The files of one video. Frames are sorted by number where all stems are numbers (as upstream does).

        Raises InputError when the video has no folder, no frames, or an annotation that belongs to no frame.
        """
        if name in ("", ".", "..") or "/" in name or "\0" in name or name not in self._known_videos:
            raise InputError(f"Dataset {self.name} has no video {name!r} in {self.images}.")
        frames = _in_time_order(self.images / name, FRAME_SUFFIXES)
        if is_per_object(self.annotations / name):
            return self._per_object_video(name, frames)
        annotations = _in_time_order(self.annotations / name, (".png",))
        if not frames and not annotations:
            raise InputError(f"Video {name} has no frames in {self.images / name}.")
        stems = {path.stem for path in frames}
        for path in annotations:
            if frames and path.stem not in stems:
                raise InputError(
                    f"Video {name}: annotation {path} belongs to no frame: {self.images / name} has no "
                    f"{path.stem}.jpg. Remove it or add the frame."
                )
        return Video(name=name, frames=frames, annotations={path.stem: path for path in annotations})

    def _per_object_video(self, name: str, frames: tuple[Path, ...]) -> Video:
        folder = self.annotations / name
        stems = {path.stem for path in frames}
        for masks in object_folders(folder).values():
            if frames and (stray := [stem for stem in frames_of(masks) if stem not in stems]):
                raise InputError(
                    f"Video {name}: annotation {masks / stray[0]}.png belongs to no frame: {self.images / name} has no "
                    f"{stray[0]}.jpg. Remove it or add the frame."
                )
        return Video(name=name, frames=frames, annotations={}, per_object=folder)


def open_dataset(root: Path | str, name: str | None = None) -> Dataset:
    """Recognise the dataset in folder `root`; `name` defaults to the folder's name.

    Known layouts: DAVIS (`JPEGImages/480p/<video>`, `Annotations/480p`, `ImageSets/2017/<split>.txt`), MOSE and
    YouTube-VOS (`JPEGImages/<video>`, `Annotations`, lists in `ImageSets`), SA-V (`JPEGImages_24fps`,
    `Annotations_6fps`, list `sav_val.txt`: facebookresearch/sam2, `sav_dataset/README.md`), and a folder with a
    `valid/` or `sav_val/` of that kind beneath. Annotations may lie one folder an object deeper
    (`Annotations/<video>/<object>/<frame>.png`, SA-V and SeCVOS), whose ids `vos_core.per_object.labels_of` maps to
    labels. A folder with annotations only can be scored against. Without ImageSets, MOSE's meta file in or beside the
    folder is the list, as it is: a folder that belongs to somebody else is only read. Raises InputError otherwise.
    """
    root = Path(root).expanduser().absolute()
    if root.is_file():
        raise InputError(f"{root} is a file, and a dataset is a folder: give the folder that holds its videos.")
    if not root.is_dir():
        raise InputError(f"There is no dataset folder {root}: check the path, or fetch the dataset.")
    base = root
    if not _has_layout(base):
        beneath = next((root / sub for sub in BENEATH if _has_layout(root / sub)), None)
        if beneath is None:
            raise InputError(
                f"{root} is not a DAVIS-layout dataset: it has no JPEGImages or Annotations folder. "
                "Expected JPEGImages/480p/<video>/00000.jpg, Annotations/480p/<video>/00000.png, "
                "ImageSets/2017/val.txt."
            )
        base = beneath
    images, annotations = _one_of(base, IMAGES), _one_of(base, ANNOTATIONS)
    resolution = _resolution(images, annotations)
    if resolution:
        images, annotations = images / resolution, annotations / resolution
    return Dataset(
        name=name or root.name,
        root=root,
        images=images,
        annotations=annotations,
        lists=_split_lists(base / "ImageSets") or _sav_list(base) or _meta_list(base),
    )


def has_layout(root: Path) -> bool:
    """Whether `open_dataset` would recognise `root`."""
    return _has_layout(root) or any(_has_layout(root / sub) for sub in BENEATH)


def read_video_list(path: Path, known: frozenset[str] | None = None) -> tuple[str, ...]:
    """Video names, one a line. Raises InputError with file and line for whatever is wrong."""
    try:
        lines = path.read_text(encoding="utf-8").rstrip().splitlines()  # blank lines at the end harm nobody
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The video list {path} cannot be read: {error}.") from error
    names: list[str] = []
    for number, line in enumerate(lines, start=1):
        name = line.strip()
        if not name:
            raise InputError(f"{path} line {number} is blank: remove the line (one video name a line).")
        if known is not None and name not in known:
            raise InputError(
                f"{path} line {number} names video {name!r}, which has no folder in the dataset: "
                "correct the name or add the video."
            )
        if name in names:
            raise InputError(f"{path} line {number} names video {name!r} a second time: remove the line.")
        names.append(name)
    if not names:
        raise EmptyVideoList(f"The video list {path} is empty: write one video name a line.")
    return tuple(names)


def _has_layout(base: Path) -> bool:
    return any((base / name).is_dir() for name in (*IMAGES, *ANNOTATIONS))


def _one_of(base: Path, names: tuple[str, ...]) -> Path:
    return next((base / name for name in names if (base / name).is_dir()), base / names[0])


def _resolution(images: Path, annotations: Path) -> str | None:
    """The resolution folder between `JPEGImages` and the videos, where the dataset has one (DAVIS)."""
    for folder in (images, annotations):
        for resolution in RESOLUTIONS:
            # A video could be called "480p"; then it holds files, not folders.
            if _folders(folder / resolution):
                return resolution
    return None


def _folders(path: Path) -> tuple[str, ...]:
    try:
        return tuple(sorted(entry.name for entry in path.iterdir() if entry.is_dir() and entry.name[0] != "."))
    except OSError:
        return ()


def _in_time_order(folder: Path, suffixes: tuple[str, ...]) -> tuple[Path, ...]:
    try:
        paths = [p for p in folder.iterdir() if p.suffix.lower() in suffixes and p.name[0] != "."]
    except OSError:
        return ()
    if all(path.stem.isdecimal() for path in paths):
        return tuple(sorted(paths, key=lambda path: (int(path.stem), path.stem)))
    return tuple(sorted(paths))


def _split_lists(image_sets: Path) -> dict[str, Path]:
    """Split name -> list file. DAVIS keeps lists in one folder a year; 2017 is the one of this protocol."""
    for folder in (image_sets / "2017", image_sets):
        if folder.is_dir():
            lists = {path.stem: path for path in sorted(folder.glob("*.txt"))}
            if lists:
                return lists
    return {}


def _sav_list(base: Path) -> dict[str, Path]:
    """SA-V's list beside its folders: `sav_val.txt` is `val`, `sav_test.txt` is `test`."""
    found = {path.stem.removeprefix("sav_"): path for path in sorted(base.glob("sav_*.txt"))}
    return {split: path for split, path in found.items() if split in ("val", "test")}


def _meta_list(base: Path) -> dict[str, Path]:
    """The split that MOSE's meta file names: `meta_valid.json` in `valid/`, or beside it, is `val`."""
    # Beside the folder only a file of its own name: `meta_valid.json` beside LVOS/ is that of MOSE/ there.
    for path in (base / f"meta_{base.name}.json", base / "meta_valid.json", base.parent / f"meta_{base.name}.json"):
        split = _META_SPLITS.get(path.stem.removeprefix("meta_"))
        if split is not None and path.is_file():
            return {split: path}
    return {}
