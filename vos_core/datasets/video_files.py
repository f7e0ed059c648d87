"""The files of one video, listed but not opened, and notes of what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vos_core.datasets.findings import Kind, Problem, Severity
from vos_core.datasets.layout import FRAME_SUFFIXES


@dataclass(frozen=True)
class VideoFiles:
    """The files of a video, listed and not yet opened. `objects` is id -> stem -> mask, where they are kept apart."""

    name: str
    images: Path
    masks: Path
    frames: tuple[Path, ...]
    annotations: Mapping[str, Path]
    objects: Mapping[int, Mapping[str, Path]]
    problems: tuple[Problem, ...] = ()


@dataclass
class Notes:
    """The problems of one video, as they are found."""

    video: str
    problems: list[Problem] = field(default_factory=list)

    def add(
        self, severity: Severity, kind: Kind, sentence: str, file: Path | None = None, frame: str | None = None
    ) -> None:
        self.problems.append(
            Problem(severity, kind, f"Video {self.video}: {sentence}", self.video, frame, str(file) if file else None)
        )

    def told(self, kind: Kind, error: Exception, file: Path, frame: str | None) -> None:
        """What a reader said: it names the file already."""
        text = str(error)
        text = text if text.startswith(f"Video {self.video}") else f"Video {self.video}: {text}"
        self.problems.append(Problem(Severity.ERROR, kind, text, self.video, frame, str(file)))

    def stray(self, folder: Path, files: list[Path], what: str) -> None:
        if files:
            more = f" and {len(files) - 1} more" if files[1:] else ""
            sentence = f"{files[0]}{more} is {what}, and is left alone: move it away if it should not be there."
            self.add(Severity.WARNING, Kind.STRAY, sentence, files[0])


def list_files(name: str, images: Path, masks: Path) -> VideoFiles:
    """List a video's folders of frames and annotations; what should not lie there is a problem of its own."""
    notes = Notes(name)
    frames, others, folders = _contents(images, FRAME_SUFFIXES)
    notes.stray(images, [*others, *folders], "no frame (.jpg, .jpeg or .png)")
    labels, others, folders = _contents(masks, (".png",))
    numbered = [path for path in folders if path.name.isascii() and path.name.isdecimal()]
    objects: dict[int, Mapping[str, Path]] = {}
    if numbered and not labels:
        for folder in numbered:
            apart, strange, deeper = _contents(folder, (".png",))
            notes.stray(folder, [*strange, *deeper], "no mask (.png)")
            if int(folder.name) in objects:
                notes.add(
                    Severity.ERROR, Kind.NAME, f"{folder} is an object that another folder is too: remove one.", folder
                )
            objects[int(folder.name)] = {path.stem: path for path in apart}
        folders = [path for path in folders if path not in numbered]
    notes.stray(masks, [*others, *folders], "no annotation (.png)")
    in_order = _in_time_order(frames, notes)
    return VideoFiles(
        name, images, masks, in_order, {path.stem: path for path in labels}, objects, tuple(notes.problems)
    )


def _contents(folder: Path, suffixes: tuple[str, ...]) -> tuple[list[Path], list[Path], list[Path]]:
    """Files with these suffixes, other files, and folders; hidden ones are nobody's."""
    wanted: list[Path] = []
    others: list[Path] = []
    folders: list[Path] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name[0] == ".":
                    continue
                path = folder / entry.name
                if entry.is_dir():
                    folders.append(path)
                else:
                    (wanted if path.suffix.lower() in suffixes else others).append(path)
    except OSError:
        return [], [], []
    return sorted(wanted), sorted(others), sorted(folders)


def _in_time_order(frames: list[Path], notes: Notes) -> tuple[Path, ...]:
    odd = next((path for path in frames if not path.stem.isdecimal()), None)
    if odd is not None:
        sentence = (
            f"frame {odd} has no number for a name, so the frames are taken in alphabetical order, and SAM 2's own "
            "script cannot read them: name them 00000.jpg, 00001.jpg, ..."
        )
        notes.add(Severity.WARNING, Kind.NAME, sentence, odd, odd.stem)
    numbered = odd is None
    ordered = sorted(frames, key=lambda path: (int(path.stem), path.stem)) if numbered else sorted(frames)
    by_number: dict[int | str, Path] = {}
    for path in ordered:
        known = by_number.setdefault(int(path.stem) if numbered else path.stem, path)
        if known is not path:
            sentence = f"{known} and {path} are the same frame: remove one."
            notes.add(Severity.ERROR, Kind.NAME, sentence, path, path.stem)
    return tuple(ordered)
