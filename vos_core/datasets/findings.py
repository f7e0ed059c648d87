"""What a whole look through a dataset has found: layout, counts and problems; as JSON too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Layout(StrEnum):
    """Whose layout a dataset's folder has, as people call it."""

    DAVIS = "DAVIS"
    MOSE = "MOSE"
    MOSE_V2 = "MOSEv2"
    LVOS = "LVOS"
    YOUTUBE_VOS = "YouTube-VOS"
    SA_V = "SA-V"
    PER_OBJECT = "one folder an object"  # as SeCVOS
    PLAIN = "plain"  # JPEGImages/<video>, and nothing that tells whose it is


class Severity(StrEnum):
    """Whether a dataset can be used in spite of a problem."""

    ERROR = "error"  # a run over this video would fail, or mean something else
    WARNING = "warning"  # it can be run; somebody should know


class Kind(StrEnum):
    """What is wrong, for counts."""

    UNREADABLE_FRAME = "unreadable frame"
    UNREADABLE_ANNOTATION = "unreadable annotation"
    NO_LABEL_MAP = "annotation is no label map"
    GREY = "grey annotation"
    SIZE = "annotation of another size"
    MIXED_SIZES = "frames of several sizes"
    ID_GAP = "gap in the object ids"
    LATE_OBJECT = "object that appears later"
    VOID = "void pixels"
    NOT_IN_PALETTE = "id without a colour"
    SEVERAL_OBJECTS = "several objects in an object's mask"
    NO_OBJECT = "no object to prompt with"
    NO_PROMPT = "first frame without annotation"
    GAP = "missing annotation"
    NO_FRAMES = "video without frames"
    NO_ANNOTATIONS = "video without annotations"
    NO_FRAME = "annotation without frame"
    SKIPPED_FRAME = "missing frame"
    META = "other than the meta file says"
    LIST = "video list"
    UNLISTED = "video in no list"
    STRAY = "stray file"
    NAME = "odd name"
    SAME_NAME = "names that differ by letter case"


class Annotated(StrEnum):
    """Which frames of a split's videos carry annotations."""

    EVERY = "every frame"
    EVERY_NTH = "every n-th frame"
    FIRST = "first frames only"
    WHERE_OBJECTS_APPEAR = "where objects appear"
    UNEVEN = "unevenly"
    NONE = "not at all"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where, and in `sentence` also what to do. `file` is a path as text."""

    severity: Severity
    kind: Kind
    sentence: str
    video: str = ""
    frame: str | None = None
    file: str | None = None


@dataclass(frozen=True)
class KindCount:
    """How often a kind of problem was found; more than `Survey.problems` lists, where there were too many."""

    kind: Kind
    severity: Severity
    count: int


@dataclass(frozen=True)
class SplitCount:
    """A split in numbers; `stride` is n where every n-th frame is annotated (5: YouTube-VOS), else None."""

    name: str
    videos: int
    frames: int
    objects: int
    annotated_frames: int
    annotated: Annotated
    stride: int | None = None
    subset: bool = False  # a list of the home's, not of the dataset's own

    @property
    def how_annotated(self) -> str:
        """`every frame`, `every 5th frame`, ... for tables."""
        return in_words(self.annotated, self.stride)


@dataclass(frozen=True)
class FrameSize:
    """A size of frames in pixels, and in how many videos it was seen."""

    width: int
    height: int
    videos: int


@dataclass(frozen=True)
class Survey:
    """A dataset, read whole. `stamp` tells whether its folder is still the one that was read (`survey.stamp_of`)."""

    name: str
    root: str
    layout: Layout
    splits: tuple[SplitCount, ...]
    videos: int
    frames: int
    annotations: int  # files
    sizes: tuple[FrameSize, ...]
    problems: tuple[Problem, ...]  # errors first
    counts: tuple[KindCount, ...]
    advice: tuple[str, ...]  # sentences on how to run it: the option that later objects need
    seconds: float
    at: float  # Unix seconds
    stamp: str
    whole: bool = True  # False: it was stopped before everything was read

    @property
    def errors(self) -> int:
        """All errors, listed or only counted."""
        return sum(count.count for count in self.counts if count.severity is Severity.ERROR)

    @property
    def warnings(self) -> int:
        """All warnings, listed or only counted."""
        return sum(count.count for count in self.counts if count.severity is Severity.WARNING)

    @property
    def unlisted(self) -> int:
        """Problems that are only counted: there were too many of their kind."""
        return self.errors + self.warnings - len(self.problems)

    def to_json(self) -> dict[str, Any]:
        """JSON-able form."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Survey:
        """Inverse of `to_json`. Raises TypeError, ValueError, KeyError for what is no such form."""
        return cls(
            **{
                **values,
                "layout": Layout(values["layout"]),
                "splits": tuple(
                    SplitCount(**{**one, "annotated": Annotated(one["annotated"])}) for one in values["splits"]
                ),
                "sizes": tuple(FrameSize(**one) for one in values["sizes"]),
                "problems": tuple(Problem(**_named(one)) for one in values["problems"]),
                "counts": tuple(KindCount(**_named(one)) for one in values["counts"]),
                "advice": tuple(values["advice"]),
            }
        )


def summary(survey: Survey) -> str:
    """One line: layout, counts, and how many problems."""
    parts = [
        f"{survey.layout.value} layout",
        _counted(survey.videos, "video"),
        _counted(survey.frames, "frame"),
        _counted(survey.annotations, "annotation"),
        _counted(survey.errors, "error"),
        _counted(survey.warnings, "warning"),
    ]
    return ", ".join(parts)


def errors_first(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Sorted by severity, then video and frame."""
    return tuple(sorted(problems, key=lambda one: (one.severity, one.video, one.frame or "", one.sentence)))


def in_words(annotated: Annotated, stride: int | None = None) -> str:
    """`every frame`, `first frames only`, `every 5th frame`."""
    return f"every {_ordinal(stride)} frame" if stride else annotated.value


def how_over_all(ways: Iterable[tuple[Annotated, int | None]]) -> tuple[Annotated, int | None]:
    """How a split is annotated whose videos are annotated so."""
    told = set(ways)
    kinds = {how for how, _ in told} - {Annotated.NONE}
    if len(told) == 1:
        return next(iter(told))
    if not kinds:
        return Annotated.NONE, None
    # A video in which nothing appears later looks as one that is annotated on its first frame only.
    if kinds <= {Annotated.FIRST, Annotated.WHERE_OBJECTS_APPEAR}:
        return Annotated.WHERE_OBJECTS_APPEAR if len(kinds) > 1 else kinds.pop(), None
    strides = {stride for _, stride in told if stride}
    if kinds <= {Annotated.EVERY_NTH, Annotated.FIRST} and len(strides) == 1:
        return Annotated.EVERY_NTH, strides.pop()
    return (Annotated.EVERY if kinds == {Annotated.EVERY} else Annotated.UNEVEN), None


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    return {**values, "kind": Kind(values["kind"]), "severity": Severity(values["severity"])}


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _ordinal(number: int) -> str:
    last = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else last}"
