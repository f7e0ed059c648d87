"""The DAVIS folder layout: where a dataset keeps its frames, annotations and split lists."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from vos_core.datasets.list_files import leads_out, quoted
from vos_core.datasets.lists import read_video_list, split_lists
from vos_core.datasets.mose import read_meta
from vos_core.errors import InputError
from vos_core.existence import is_folder
from vos_core.per_object import frames_of, is_per_object, object_folders, stems_of

FRAME_SUFFIXES = (".jpg", ".jpeg", ".png")
IMAGES = ("JPEGImages", "JPEGImages_24fps")  # the latter as SA-V publishes it, annotated at 6 frames a second
ANNOTATIONS = ("Annotations", "Annotations_6fps")
NAMED = ("DAVIS", "sav_val", "sav_test")  # folders that archives unpack to and that name the dataset themselves
BENEATH = ("valid", "val", *NAMED, "train", "test")
# Folders that lie side by side in one dataset (MOSE, LVOS, YouTube-VOS, SA-V), and the splits that they are.
_SIDE_BY_SIDE = (
    {"valid": "val", "val": "val", "train": "train", "test": "test"},
    {"sav_val": "val", "sav_test": "test"},
)
RESOLUTIONS = ("480p", "Full-Resolution", "1080p")
ALL = "all"


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

    `lists` are text files, one video a line; the meta file of a MOSE folder that has no such lists; or a folder of
    videos, all of which are the split. `beside` are further folders of frames and annotations: those of `train/` where
    `images` are those of `valid/`. `subsets` are lists that the home keeps (`vos_core.datasets.subsets`).
    """

    name: str
    root: Path
    images: Path
    annotations: Path
    lists: Mapping[str, Path] = field(default_factory=dict)
    beside: tuple[tuple[Path, Path], ...] = ()
    subsets: Mapping[str, Path] = field(default_factory=dict)

    @property
    def own_splits(self) -> tuple[str, ...]:
        """Names of the splits without the subsets; a folder without lists has one, `all`: every video by name."""
        return tuple(self.lists) or (ALL,)

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits, its own first."""
        return (*self.own_splits, *self.subsets)

    @property
    def default_split(self) -> str:
        """`val` where there is one, else the first split; never a subset."""
        return "val" if "val" in self.own_splits else self.own_splits[0]

    @property
    def folders(self) -> tuple[tuple[Path, Path], ...]:
        """Every folder of frames with that of its annotations; more than one where there is a `train/` beside."""
        return (self.images, self.annotations), *self.beside

    def folders_of(self, video: str) -> tuple[Path, Path]:
        """The video's folders of frames and of annotations; of a video that is nowhere, where they would be."""
        return next((pair for pair in self._at(video) if any(map(is_folder, pair))), self._at(video)[0])

    def _at(self, video: str) -> tuple[tuple[Path, Path], ...]:
        return tuple((images / video, annotations / video) for images, annotations in self.folders)

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
        if split not in self.lists and split not in self.subsets:
            everywhere = (folders_in(images) or folders_in(annotations) for images, annotations in self.folders)
            names = tuple(dict.fromkeys(name for some in everywhere for name in some))
            if not names:
                raise InputError(f"Dataset {self.name} has no videos: {self.images} holds no folder.")
            return names
        path = self.lists.get(split) or self.subsets[split]
        if is_folder(path):
            names = self._videos_beneath(path)
        elif path.suffix != ".json":
            names = read_video_list(path, known=self._known_videos, root=self.root)
        else:
            names = self._videos_of_meta(path)
        self._check_names_apart(split, names)
        return names

    def _videos_beneath(self, folder: Path) -> tuple[str, ...]:
        names = folders_in(folder)
        if not names:
            raise InputError(f"Dataset {self.name} has no videos in {folder}: it holds no folder.")
        return names

    def _videos_of_meta(self, path: Path) -> tuple[str, ...]:
        names = tuple(read_meta(path, self.root))
        if unknown := [name for name in names if name not in self._known_videos]:
            # What a file that lies elsewhere holds is not told.
            which = "a video" if leads_out(path, self.root) else f"video {quoted(unknown[0])}"
            more = f" and {len(unknown) - 1} more" if unknown[1:] else ""
            raise InputError(
                f"{path} names {which}{more}, which has no folder in {self.images}: add the videos, or take split "
                f"{ALL!r}."
            )
        return names

    def _check_names_apart(self, split: str, names: Iterable[str]) -> None:
        """Videos are told by their names: a `train/` that has one of `valid/`'s cannot be told from it."""
        source = self.lists.get(split)
        for images, _ in self.beside:
            if source is None or not source.is_relative_to(images.parent):
                continue
            if twice := [name for name in names if name in self._videos_of_main]:
                raise InputError(
                    f"Split {split} of dataset {self.name} has video {twice[0]!r}, and {self.images} has one of that "
                    f"name too: open {images.parent} as a dataset of its own."
                )

    @cached_property
    def _videos_of_main(self) -> frozenset[str]:
        return frozenset(folders_in(self.images)) | frozenset(folders_in(self.annotations))

    @cached_property
    def _known_videos(self) -> frozenset[str]:
        others = (folders_in(folder) for pair in self.beside for folder in pair)
        return self._videos_of_main.union(*others)

    def video(self, name: str) -> Video:
        """The files of one video. Frames are sorted by number where all stems are numbers (as upstream does).

        Raises InputError when the video has no folder, no frames, or an annotation that belongs to no frame.
        """
        if name in ("", ".", "..") or "/" in name or "\0" in name or name not in self._known_videos:
            raise InputError(f"Dataset {self.name} has no video {name!r} in {self.images}.")
        images, masks = self.folders_of(name)
        frames = _in_time_order(images, FRAME_SUFFIXES)
        if is_per_object(masks):
            return _per_object_video(name, frames, images, masks)
        annotations = _in_time_order(masks, (".png",))
        if not frames and not annotations:
            raise InputError(f"Video {name} has no frames in {images}.")
        stems = {path.stem for path in frames}
        for path in annotations:
            if frames and path.stem not in stems:
                raise InputError(
                    f"Video {name}: annotation {path} belongs to no frame: {images} has no "
                    f"{path.stem}.jpg. Remove it or add the frame."
                )
        return Video(name=name, frames=frames, annotations={path.stem: path for path in annotations})


def _per_object_video(name: str, frames: tuple[Path, ...], images: Path, folder: Path) -> Video:
    stems = {path.stem for path in frames}
    for masks in object_folders(folder).values():
        if frames and (stray := [stem for stem in frames_of(masks) if stem not in stems]):
            raise InputError(
                f"Video {name}: annotation {masks / stray[0]}.png belongs to no frame: {images} has no "
                f"{stray[0]}.jpg. Remove it or add the frame."
            )
    return Video(name=name, frames=frames, annotations={}, per_object=folder)


def open_dataset(root: Path | str, name: str | None = None) -> Dataset:
    """Recognise the dataset in folder `root`; `name` defaults to the folder's name.

    Known layouts: DAVIS (`JPEGImages/480p/<video>`, `Annotations/480p`, `ImageSets/2017/<split>.txt`), MOSE, LVOS and
    YouTube-VOS (`JPEGImages/<video>`, `Annotations`, lists in `ImageSets`), SA-V (`JPEGImages_24fps`,
    `Annotations_6fps`, list `sav_val.txt`: facebookresearch/sam2, `sav_dataset/README.md`), and a folder with folders
    of that kind beneath, which are its splits: `valid/`, `train/`, `test/`, or `sav_val/` and `sav_test/`. Annotations
    may lie one folder an object deeper (`Annotations/<video>/<object>/<frame>.png`, SA-V and SeCVOS), whose ids
    `vos_core.per_object.labels_of` maps to labels. A folder with annotations only can be scored against. Without
    ImageSets the list is the meta file in or beside the folder, as it is (MOSE's `meta_valid.json`, LVOS's
    `valid_meta.json`, YouTube-VOS's `meta.json`): a folder that belongs to somebody else is only read.

    Raises InputError otherwise, also where the folder cannot be read.
    """
    root = folder_at(root)
    try:
        if not stat.S_ISDIR(root.stat().st_mode):
            raise InputError(f"{root} is a file, and a dataset is a folder: give the folder that holds its videos.")
        return _recognised(root, name or root.name)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"There is no dataset folder {root}: check the path, or fetch the dataset.") from error
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise InputError(f"The dataset folder {root} cannot be read ({why}): check the path and its rights.") from error


def _recognised(root: Path, name: str) -> Dataset:
    """Raises InputError where `root` has no known layout, OSError where it cannot be read."""
    base = root
    if not holds_videos(base):
        beneath = next((root / sub for sub in BENEATH if holds_videos(root / sub)), None)
        if beneath is None:
            (root / "..").stat()  # in a folder that may not be entered nothing is seen
            raise InputError(
                f"{root} is not a DAVIS-layout dataset: it has no JPEGImages or Annotations folder. "
                "Expected JPEGImages/480p/<video>/00000.jpg, Annotations/480p/<video>/00000.png, "
                "ImageSets/2017/val.txt."
            )
        base = beneath
    beside = [root / sub for sub in _beside(base.name) if holds_videos(root / sub)] if base != root else []
    images, annotations = _frames_and_annotations(base)
    lists = dict(split_lists(base))
    # A sole `valid/` without a list is `all` of its videos; `train/` is known by its name alone.
    if not lists and (beside or _split_of(base.name) != "val") and base != root and _split_of(base.name):
        lists = {_split_of(base.name): images}
    for folder in beside:
        split = _split_of(folder.name)
        for name_there, path in (split_lists(folder) or {split: _frames_and_annotations(folder)[0]}).items():
            lists[name_there if name_there not in lists else f"{split}-{name_there}"] = path
    return Dataset(
        name=name,
        root=root,
        images=images,
        annotations=annotations,
        lists=lists,
        beside=tuple(map(_frames_and_annotations, beside)),
    )


def folder_at(path: Path | str) -> Path:
    """`path` as somebody typed it, absolute and without `..`. Raises InputError where it leads nowhere."""
    try:
        folder = Path(path).expanduser().absolute()
        return folder.resolve() if ".." in folder.parts else folder
    except (OSError, RuntimeError, ValueError) as error:  # `~nobody`, links in a circle, a zero byte
        raise InputError(f"The path {str(path)!r} leads to no folder ({error}): correct it.") from error


def has_layout(root: Path) -> bool:
    """Whether `open_dataset` would recognise `root`."""
    return holds_videos(root) or any(holds_videos(root / sub) for sub in BENEATH)


def holds_videos(base: Path) -> bool:
    """Whether `base` has folders of frames or annotations itself."""
    return any(is_folder(base / name) for name in (*IMAGES, *ANNOTATIONS))


def _frames_and_annotations(base: Path) -> tuple[Path, Path]:
    images, annotations = _one_of(base, IMAGES), _one_of(base, ANNOTATIONS)
    resolution = _resolution(images, annotations)
    return (images / resolution, annotations / resolution) if resolution else (images, annotations)


def _beside(main: str) -> tuple[str, ...]:
    """Names of the folders that are further splits of the dataset that has `main`."""
    for names in _SIDE_BY_SIDE:
        if main in names:
            return tuple(name for name, split in names.items() if split != names[main])
    return ()


def _split_of(folder: str) -> str:
    return next((names[folder] for names in _SIDE_BY_SIDE if folder in names), "")


def _one_of(base: Path, names: tuple[str, ...]) -> Path:
    return next((base / name for name in names if is_folder(base / name)), base / names[0])


def _resolution(images: Path, annotations: Path) -> str | None:
    """The resolution folder between `JPEGImages` and the videos, where the dataset has one (DAVIS)."""
    for folder in (images, annotations):
        for resolution in RESOLUTIONS:
            # A video could be called "480p"; then it holds files, not folders.
            if folders_in(folder / resolution):
                return resolution
    return None


def folders_in(path: Path) -> tuple[str, ...]:
    """Names of the folders in `path` by name, without hidden ones; none where it cannot be read."""
    try:
        with os.scandir(path) as entries:
            return tuple(sorted(entry.name for entry in entries if entry.name[0] != "." and _is_folder(entry)))
    except OSError:
        return ()


def _is_folder(entry: os.DirEntry[str]) -> bool:
    # Of a link `is_dir` raises where its end may not be looked at.
    return is_folder(Path(entry.path)) if entry.is_symlink() else entry.is_dir()


def _in_time_order(folder: Path, suffixes: tuple[str, ...]) -> tuple[Path, ...]:
    try:
        paths = [p for p in folder.iterdir() if p.suffix.lower() in suffixes and p.name[0] != "."]
    except OSError:
        return ()
    if all(path.stem.isdecimal() for path in paths):
        return tuple(sorted(paths, key=lambda path: (int(path.stem), path.stem)))
    return tuple(sorted(paths))
