"""One video read whole: its frames, its annotations, and everything that is wrong with them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vos_core.datasets.checks import first_gap
from vos_core.datasets.findings import Annotated, Kind, Problem, Severity
from vos_core.datasets.pictures import AnnotationFacts, read_annotation, read_frame
from vos_core.datasets.video_files import Notes, VideoFiles
from vos_core.errors import InputError
from vos_core.masks import MaskError
from vos_core.per_object import labels_of, read_binary

WARNING, ERROR = Severity.WARNING, Severity.ERROR
_WHERE_OBJECTS_APPEAR = (Annotated.WHERE_OBJECTS_APPEAR, None)


@dataclass(frozen=True)
class VideoFound:
    """What a video holds. `late` are objects that the first annotated frame does not show, with the frame that does."""

    name: str
    frames: int
    annotations: int  # files
    annotated_frames: int
    objects: frozenset[int]
    late: Mapping[int, str]
    annotated: Annotated
    stride: int | None
    sizes: tuple[tuple[int, int], ...]
    per_object: bool
    problems: tuple[Problem, ...]
    whole: bool = True


def look_through(
    files: VideoFiles, tick: Callable[[], None] = lambda: None, stop: Callable[[], bool] = lambda: False
) -> VideoFound:
    """Read every file of a video; `tick` is called after each frame, and `stop` asked before it."""
    notes = Notes(files.name, list(files.problems))
    stems = [path.stem for path in files.frames]
    sizes: dict[str, tuple[int, int]] = {}
    facts_of: dict[str, AnnotationFacts] = {}
    shown: dict[str, frozenset[int]] = {}
    whole = True
    labels = _labels(files, notes)
    for path in files.frames:
        if stop():
            whole = False
            break
        size = _frame(files.name, path, notes)
        if size is not None:
            sizes[path.stem] = size
        if path.stem in files.annotations:
            facts = _annotation(files.name, files.annotations[path.stem], size, notes)
            if facts is not None:
                facts_of[path.stem], shown[path.stem] = facts, facts.ids
        elif files.objects:
            apart = _apart(files, path.stem, size, labels, notes)
            if apart is not None:
                shown[path.stem] = apart
        tick()
    labels_shown = frozenset(labels.values()) if files.objects else frozenset().union(*shown.values())
    seen = _Seen(files, stems, sizes, facts_of, shown, labels_shown)
    how, stride = seen.rhythm()
    if whole:
        seen.judge(notes, how)
    return VideoFound(
        files.name,
        len(files.frames),
        len(files.annotations) + sum(map(len, files.objects.values())),
        len(seen.annotated),
        labels_shown,
        seen.late() if whole else {},
        how,
        stride,
        tuple(dict.fromkeys(sizes.values())),
        bool(files.objects),
        tuple(notes.problems),
        whole,
    )


@dataclass
class _Seen:
    """All that a video's files hold, by stem. `shown` are the labels of each annotated frame that could be read."""

    files: VideoFiles
    stems: list[str]
    sizes: dict[str, tuple[int, int]]
    facts: dict[str, AnnotationFacts]
    shown: dict[str, frozenset[int]]
    labels: frozenset[int]

    @cached_property
    def everywhere(self) -> frozenset[str]:
        """Stems of all annotations, those without a frame too."""
        return frozenset(self.files.annotations).union(*(masks for masks in self.files.objects.values()))

    @cached_property
    def annotated(self) -> list[int]:
        """Indices of the annotated frames."""
        return [index for index, stem in enumerate(self.stems) if stem in self.everywhere]

    @property
    def first(self) -> frozenset[int]:
        """Labels that the first annotated frame shows."""
        return self.shown.get(self.stems[self.annotated[0]], frozenset()) if self.annotated else frozenset()

    def late(self) -> dict[int, str]:
        """Label -> frame that first shows it, of those that the first frame does not."""
        prompted = self.first if self.annotated and self.annotated[0] == 0 else frozenset()
        found: dict[int, str] = {}
        for stem in self.stems:
            for label in sorted(self.shown.get(stem, frozenset()) - prompted):
                found.setdefault(label, stem)
        return found

    def rhythm(self) -> tuple[Annotated, int | None]:
        """Which frames are annotated; with n where it is every n-th."""
        by_place = rhythm(self.annotated, len(self.stems))
        return by_place if self.annotated in ([], [0]) or not self._appearing() else _WHERE_OBJECTS_APPEAR

    def _appearing(self) -> bool:
        """Whether some frames are annotated, and each of those shows an object that none before it does."""
        annotated = self.annotated
        if len(annotated) == len(self.stems):
            return False
        known: frozenset[int] = frozenset()
        appearing = True
        for index in annotated:
            new = self.shown.get(self.stems[index], frozenset())
            appearing = appearing and bool(new - known)
            known |= new
        return appearing

    def judge(self, notes: Notes, how: Annotated) -> None:
        """Note what is wrong with the video as a whole."""
        self._judge_presence(notes)
        if not self.stems or not self.annotated:
            return
        if how is Annotated.UNEVEN:
            self._judge_gap(notes)
        self._judge_sizes(notes)
        self._judge_prompt(notes)
        self._judge_ids(notes)
        self._judge_pixels(notes)

    def _judge_presence(self, notes: Notes) -> None:
        images, masks = self.files.images, self.files.masks
        if not self.stems:
            what = "has annotations but no frames" if self.everywhere else "is empty: it has no frames"
            notes.add(ERROR, Kind.NO_FRAMES, f"{what} in {images}: add them, or take the video away.", images)
            return
        if not self.everywhere:
            sentence = f"has no annotations in {masks}, so nothing can be prompted: add that of its first frame."
            notes.add(ERROR, Kind.NO_ANNOTATIONS, sentence, masks)
        for stem in sorted(self.everywhere.difference(self.stems)):
            file = self.files.annotations.get(stem) or next(
                apart[stem] for apart in self.files.objects.values() if stem in apart
            )
            sentence = f"annotation {file} belongs to no frame: {images} has no {stem}.jpg. Remove it or add the frame."
            notes.add(ERROR, Kind.NO_FRAME, sentence, file, stem)
        numbers = [int(stem) for stem in self.stems if stem.isdecimal()]
        steps = [b - a for a, b in itertools.pairwise(numbers)]
        if steps and len(numbers) == len(self.stems):
            usual = Counter(steps).most_common(1)[0][0]
            jump = next((index for index, step in enumerate(steps) if step > usual), None)
            if jump is not None:
                notes.add(
                    WARNING,
                    Kind.SKIPPED_FRAME,
                    f"frame {self.stems[jump + 1]} comes right after {self.stems[jump]}: if frames are missing between "
                    "them, copy the video again.",
                    self.files.frames[jump + 1],
                    self.stems[jump + 1],
                )

    def _judge_gap(self, notes: Notes) -> None:
        gap = first_gap(self.annotated, self.annotated[0], len(self.stems))
        if gap is None:
            return  # even from a later frame on: the prompt is what is missing
        stem = self.stems[gap]
        notes.add(
            ERROR,
            Kind.GAP,
            f"frame {stem} has no annotation while its neighbours have; add Annotations/.../{self.files.name}/"
            f"{stem}.png, or keep the first frame's annotation only.",
            None,
            stem,
        )

    def _judge_sizes(self, notes: Notes) -> None:
        of_first = next(iter(self.sizes.values()), None)
        other = next((stem for stem, size in self.sizes.items() if size != of_first), None)
        if of_first is not None and other is not None:
            size = self.sizes[other]
            notes.add(
                ERROR,
                Kind.MIXED_SIZES,
                f"frame {other} is {size[0]}x{size[1]} but the frames before it are {of_first[0]}x{of_first[1]}: a "
                "video has one size.",
                next(path for path in self.files.frames if path.stem == other),
                other,
            )

    def _judge_prompt(self, notes: Notes) -> None:
        stem = self.stems[self.annotated[0]]
        readable = stem in self.shown
        later = WARNING if any(self.shown.values()) else ERROR
        if self.annotated[0] > 0:
            sentence = f"its first frame {self.stems[0]} has no annotation; the first is that of frame {stem}."
            notes.add(later, Kind.NO_PROMPT, sentence, self.files.frames[0], self.stems[0])
        if readable and not self.first:
            facts = self.facts.get(stem)
            void = " It has 255 only, which means void: write 1 for the object." if facts and facts.void else ""
            sentence = f"the annotation of frame {stem} shows no object, so there is nothing to prompt with.{void}"
            notes.add(later, Kind.NO_OBJECT, sentence, self.files.annotations.get(stem), stem)

    def _judge_ids(self, notes: Notes) -> None:
        late = self.late()
        if late and self.first and self.annotated[0] == 0:
            told = ", ".join(f"object {label} on frame {stem}" for label, stem in itertools.islice(late.items(), 3))
            more = f" and {len(late) - 3} more" if len(late) > 3 else ""
            sentence = f"objects appear after the first frame: {told}{more}."
            notes.add(WARNING, Kind.LATE_OBJECT, sentence, None, next(iter(late.values())))
        highest = max(self.first, default=0)
        if not self.files.objects and (missing := sorted(set(range(1, highest)) - self.labels)):
            one = f"object {missing[0]} is" if len(missing) == 1 else f"objects {', '.join(map(str, missing[:5]))} are"
            notes.add(
                WARNING,
                Kind.ID_GAP,
                f"its object ids go up to {highest} but {one} missing: the official toolkit counts such an object as "
                "perfect; number objects 1 to K.",
                None,
                self.stems[self.annotated[0]],
            )

    def _judge_pixels(self, notes: Notes) -> None:
        void = [stem for stem, facts in self.facts.items() if facts.void]
        if void:
            sentence = f"{_annotations(void)} void pixels (255): they count as background."
            notes.add(WARNING, Kind.VOID, sentence, self.files.annotations[void[0]], void[0])
        grey = [stem for stem, facts in self.facts.items() if facts.colours is None]
        if grey:
            sentence = (
                f"{_annotations(grey, 'are', 'is')} grey, not indexed (palette) PNG: values are taken as object ids; "
                "other programs may show them as black."
            )
            notes.add(WARNING, Kind.GREY, sentence, self.files.annotations[grey[0]], grey[0])


def rhythm(annotated: Sequence[int], length: int) -> tuple[Annotated, int | None]:
    """Which frames (indices) of a video of so many are annotated; with n where it is every n-th."""
    if not annotated:
        return Annotated.NONE, None
    if len(annotated) == length:
        return Annotated.EVERY, None
    if list(annotated) == [0]:
        return Annotated.FIRST, None
    if len(annotated) > 1 and annotated[0] == 0 and first_gap(annotated, 0, length) is None:
        return Annotated.EVERY_NTH, annotated[1] - annotated[0]
    return Annotated.UNEVEN, None


def _annotations(stems: list[str], plural: str = "have", singular: str = "has") -> str:
    if len(stems) == 1:
        return f"the annotation of frame {stems[0]} {singular}"
    return f"{len(stems)} annotations, the first of frame {stems[0]}, {plural}"


def _frame(video: str, path: Path, notes: Notes) -> tuple[int, int] | None:
    try:
        return read_frame(video, path)
    except InputError as error:
        notes.told(Kind.UNREADABLE_FRAME, error, path, path.stem)
        return None


def _annotation(video: str, path: Path, frame: tuple[int, int] | None, notes: Notes) -> AnnotationFacts | None:
    try:
        facts = read_annotation(path)
    except MaskError as error:
        kind = Kind.NO_LABEL_MAP if "write it as an" in str(error) else Kind.UNREADABLE_ANNOTATION
        notes.told(kind, error, path, path.stem)
        return None
    _check_size(path, facts.size, frame, notes)
    if facts.colours is not None and facts.ids and max(facts.ids) >= facts.colours:
        notes.add(
            WARNING,
            Kind.NOT_IN_PALETTE,
            f"annotation {path} has object {max(facts.ids)}, and its palette ends at {facts.colours - 1}: it is read "
            "as it is; other programs may refuse it.",
            path,
            path.stem,
        )
    return facts


def _apart(
    files: VideoFiles, stem: str, frame: tuple[int, int] | None, labels: Mapping[int, int], notes: Notes
) -> frozenset[int] | None:
    """Labels of the objects that the frame's masks show; None where no object has one."""
    shown: set[int] = set()
    found = False
    for object_id, masks in files.objects.items():
        if stem not in masks:
            continue
        path, found = masks[stem], True
        try:
            mask = read_binary(path)
        except MaskError as error:
            several = "more than one object" in str(error)
            notes.told(Kind.SEVERAL_OBJECTS if several else Kind.UNREADABLE_ANNOTATION, error, path, stem)
            continue
        _check_size(path, (mask.shape[1], mask.shape[0]), frame, notes)
        if mask.any():
            shown.add(labels.get(object_id, object_id))
    return frozenset(shown) if found else None


def _check_size(path: Path, size: tuple[int, int], frame: tuple[int, int] | None, notes: Notes) -> None:
    if frame is not None and size != frame:
        notes.add(
            ERROR,
            Kind.SIZE,
            f"annotation {path} is {size[0]}x{size[1]} but its frame is {frame[0]}x{frame[1]}: they must be the same "
            "size.",
            path,
            path.stem,
        )


def _labels(files: VideoFiles, notes: Notes) -> dict[int, int]:
    try:
        return labels_of(files.objects)
    except MaskError as error:
        notes.told(Kind.NAME, error, files.masks, None)
        return {one: one for one in files.objects}
