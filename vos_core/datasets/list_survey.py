"""What is wrong with a dataset's lists, meta files and names, held against the videos that are there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from vos_core.datasets.checks import is_text
from vos_core.datasets.findings import Kind, Problem, Severity
from vos_core.datasets.layout import ALL, Dataset, folders_in
from vos_core.datasets.list_files import leads_out, read_text, why_unreadable
from vos_core.datasets.lists import lines_of, named
from vos_core.datasets.mose import VideoMeta, read_meta
from vos_core.errors import InputError

_NAMED = 5  # of many names in one sentence
_FORBIDDEN = set('\\:*?"<>|')  # other systems, and shells, take them for something else


def check_lists(dataset: Dataset) -> list[Problem]:
    """Every line of every list that cannot be used, and folders that no list names."""
    there = {entry for pair in dataset.folders for folder in pair for entry in folders_in(folder)}
    problems: list[Problem] = []
    listed: set[str] = set()
    for path in dict.fromkeys((*dataset.lists.values(), *dataset.subsets.values())):
        if path.is_dir():
            listed.update(folders_in(path))
        elif path.suffix == ".json":
            listed.update(_of_meta(path, dataset.root))
        else:
            listed.update(_check_list(path, dataset.root, there, problems))
    problems += _split_problems(dataset, problems)
    unlisted = sorted(there - listed) if dataset.lists else []
    if unlisted:
        many = f"{len(unlisted)} videos are" if unlisted[1:] else "One video is"
        sentence = f"{many} in no list ({_some(unlisted)}): only split {ALL!r} has them."
        problems.append(Problem(Severity.WARNING, Kind.UNLISTED, sentence))
    return problems


def check_metas(dataset: Dataset, videos: Mapping[str, tuple[int, frozenset[int]]]) -> list[Problem]:
    """Meta files against what was read: video -> (number of frames, ids of its objects)."""
    problems: list[Problem] = []
    for path in dict.fromkeys(path for path in dataset.lists.values() if path.suffix == ".json"):
        quotable = not leads_out(path, dataset.root)
        for name, meta in _of_meta(path, dataset.root).items():
            if name in videos:
                problems += _check_meta(path, name, meta, *videos[name], quotable=quotable)
    return problems


def check_names(dataset: Dataset, videos: Sequence[str]) -> list[Problem]:
    """Names of videos that get into somebody's way, and files that lie among the videos' folders."""
    problems = []
    by_case = defaultdict(list)
    for name in videos:
        by_case[name.casefold()].append(name)
        why = _why_odd(name)
        if not is_text(name):
            sentence = f"Video {name!r} has a name that is no UTF-8 text, so that it cannot be run: rename its folders."
            problems.append(Problem(Severity.ERROR, Kind.NAME, sentence, name))
        elif why:
            sentence = f"Video {name!r} {why}: rename its folders."
            problems.append(Problem(Severity.WARNING, Kind.NAME, sentence, name))
    for same in by_case.values():
        if same[1:]:
            sentence = f"Videos {_some(same)} differ by letter case only, and on many disks they are one: rename them."
            problems.append(Problem(Severity.WARNING, Kind.SAME_NAME, sentence, same[0]))
    for folder in (one for pair in dataset.folders for one in pair):
        if files := sorted(path for path in _entries(folder) if not path.is_dir() and path.name[0] != "."):
            names = _some(path.name for path in files)
            sentence = f"{folder} has files among the videos' folders ({names}): they are left alone."
            problems.append(Problem(Severity.WARNING, Kind.STRAY, sentence, file=str(files[0])))
    return problems


def _check_list(path: Path, root: Path, there: set[str], problems: list[Problem]) -> list[str]:
    """Names that a list has; what is wrong is added to `problems`, with its line."""
    try:
        lines = lines_of(read_text(path))
    except (OSError, UnicodeDecodeError) as error:
        problems.append(_wrong(path, f"The video list {path} cannot be read: {why_unreadable(error)}."))
        return []
    quotable = not leads_out(path, root)
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        name = line.strip()
        if not name:
            problems.append(_wrong(path, f"{path} line {number} is blank: remove the line (one video name a line)."))
        elif name in seen:
            again = f"{named(name, quotable)} a second time (line {seen[name]})"
            sentence = f"{path} line {number} names {again}: remove the line."
            problems.append(_wrong(path, sentence, name if quotable else ""))
        elif name not in there:
            sentence = (
                f"{path} line {number} names {named(name, quotable)}, which has no folder in the dataset: correct the "
                "name or add the video."
            )
            problems.append(_wrong(path, sentence, name if quotable else ""))
        seen.setdefault(name, number)
    if not lines:
        problems.append(_wrong(path, f"The video list {path} is empty: write one video name a line."))
    return list(seen)


def _split_problems(dataset: Dataset, told: Sequence[Problem]) -> list[Problem]:
    """Splits that cannot be used for a reason that is not told of a line."""
    files = {problem.file for problem in told}
    problems = []
    for split in dataset.splits:
        path = dataset.lists.get(split) or dataset.subsets.get(split)
        if str(path) in files:
            continue
        try:
            dataset.video_names(split)
        except InputError as error:
            problems.append(_wrong(path, str(error)))
    return problems


def _check_meta(
    path: Path, name: str, meta: VideoMeta, frames: int, objects: frozenset[int], *, quotable: bool
) -> list[Problem]:
    problems = []
    if meta.length is not None and meta.length != frames:
        length = meta.length if quotable else "another number"
        sentence = f"Video {name} has {frames} frames but {length} by {path}: unpack the dataset again."
        problems.append(Problem(Severity.ERROR, Kind.META, sentence, name, file=str(path)))
    missing = sorted(set(meta.objects or ()) - objects)
    if missing and objects:
        which = f"object {missing[0]}" if len(missing) == 1 else f"objects {_some(map(str, missing))}"
        which = which if quotable else "objects"
        sentence = f"Video {name}: {path} names {which}, which no annotation shows."
        problems.append(Problem(Severity.WARNING, Kind.META, sentence, name, file=str(path)))
    return problems


def _of_meta(path: Path, root: Path) -> dict[str, VideoMeta]:
    try:
        return read_meta(path, root)
    except InputError:
        return {}  # told where the split is looked at


def _why_odd(name: str) -> str:
    if name != name.strip():
        return "begins or ends with a blank, so that no list can name it"
    if not name.isprintable():
        return "has characters that cannot be shown"
    if name.startswith("-"):
        return "begins with -, which commands take for an option"
    if strange := sorted(_FORBIDDEN & set(name)):
        return f"has {' '.join(strange)}, which not every system allows"
    return ""


def _wrong(path: Path | None, sentence: str, video: str = "") -> Problem:
    return Problem(Severity.ERROR, Kind.LIST, sentence, video, file=str(path) if path else None)


def _some(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(every[:_NAMED]) + (f" and {len(every) - _NAMED} more" if len(every) > _NAMED else "")


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []
