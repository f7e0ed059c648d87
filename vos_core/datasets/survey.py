"""A dataset read whole: every video, frame, size, object id and palette; all problems collected."""

from __future__ import annotations

import hashlib
import itertools
import multiprocessing
import os
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from vos_core.datasets.findings import (
    Annotated,
    FrameSize,
    Kind,
    KindCount,
    Problem,
    Severity,
    SplitCount,
    Survey,
    errors_first,
    how_over_all,
)
from vos_core.datasets.layout import Dataset, folders_in
from vos_core.datasets.layouts import layout_of
from vos_core.datasets.list_survey import check_lists, check_metas, check_names
from vos_core.datasets.video_files import VideoFiles, list_files
from vos_core.datasets.video_survey import VideoFound, look_through
from vos_core.errors import InputError, VosLabError
from vos_core.models.sam2_options import LATER

Progress = Callable[[int, int], None]  # (frames done, frames in all)
MOST_LISTED = 200  # of one kind; the others are counted
WORTH_PROCESSES = 1500  # frames from which starting processes takes less time than it spares


def survey(
    dataset: Dataset,
    *,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
    processes: int = 1,
) -> Survey:
    """Read everything of `dataset`, in as many processes where it is worth it, and do nothing but read.

    Every frame is decoded, every annotation unpacked. Problems are collected, not raised; of one kind at most
    `MOST_LISTED` are listed, and all counted. `stop` is asked between frames (between videos with more processes than
    one); the answer is then of a part, and says so (`whole`).

    Raises VosLabError when a process was killed.
    """
    began = time.time()
    stamp = stamp_of(dataset)
    files = [list_files(name, *dataset.folders_of(name)) for name in all_videos(dataset)]
    total = sum(len(one.frames) for one in files)
    if progress is not None:
        progress(0, total)
    asked = stop or (lambda: False)
    if processes == 1 or total < WORTH_PROCESSES:
        found = {one.name: one for one in _here(files, total, progress, asked)}
    else:
        found = {one.name: one for one in _apart(files, total, progress, asked, processes)}
    whole = len(found) == len(files) and all(one.whole for one in found.values())
    problems = [problem for one in found.values() for problem in one.problems]
    problems += check_names(dataset, list(found))
    problems += check_lists(dataset)
    problems += check_metas(dataset, {name: (one.frames, one.objects) for name, one in found.items() if one.whole})
    if not any(images.is_dir() for images, _ in dataset.folders):
        # One sentence, not one a video.
        problems = [problem for problem in problems if problem.kind is not Kind.NO_FRAMES]
        sentence = f"There is no folder {dataset.images}: masks can be scored against the annotations, nothing can run."
        problems.append(Problem(Severity.WARNING, Kind.NO_FRAMES, sentence, file=str(dataset.images)))
    listed, counts = _capped(problems)
    sizes = Counter(size for one in found.values() for size in one.sizes)
    return Survey(
        dataset.name,
        str(dataset.root),
        layout_of(dataset, any(one.per_object for one in found.values())),
        tuple(_counted(dataset, split, found) for split in dataset.splits),
        len(found),
        sum(one.frames for one in found.values()),
        sum(one.annotations for one in found.values()),
        tuple(FrameSize(width, height, count) for (width, height), count in sizes.most_common()),
        listed,
        counts,
        _advice(list(found.values())),
        time.time() - began,
        began,
        stamp,
        whole,
    )


def all_videos(dataset: Dataset) -> tuple[str, ...]:
    """Every video that has a folder of frames or of annotations, by name within each of the dataset's folders."""
    names: dict[str, None] = {}
    for pair in dataset.folders:
        names.update(dict.fromkeys(sorted({name for folder in pair for name in folders_in(folder)})))
    return tuple(names)


def stamp_of(dataset: Dataset) -> str:
    """Changes when the dataset's lists, or which videos it has, change. Opens no video."""
    told: list[tuple[object, ...]] = [("root", _changed(dataset.root))]
    told += [(name, str(path), _changed(path)) for name, path in dataset.lists.items()]
    told += [(str(folder), _changed(folder)) for pair in dataset.folders for folder in pair]
    told.append(("videos", len(all_videos(dataset))))
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _here(
    files: Sequence[VideoFiles], total: int, progress: Progress | None, stop: Callable[[], bool]
) -> Iterator[VideoFound]:
    done = itertools.count(1)

    def tick() -> None:
        number = next(done)
        if progress is not None:
            progress(number, total)

    for one in files:
        if stop():
            return
        yield look_through(one, tick, stop)


def _apart(
    files: Sequence[VideoFiles], total: int, progress: Progress | None, stop: Callable[[], bool], processes: int
) -> Iterator[VideoFound]:
    """As `_here`, the longest videos first, in processes of their own: decoding holds Python's lock."""
    if stop():
        return
    done = 0
    longest_first = sorted(files, key=lambda one: -len(one.frames))
    order = {one.name: number for number, one in enumerate(files)}
    found: list[VideoFound] = []
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(min(processes, max(1, len(files))), context, _end_with_parent) as pool:
            waiting: set[Future[VideoFound]] = {pool.submit(look_through, one) for one in longest_first}
            while waiting:
                ended, waiting = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
                for future in ended:
                    found.append(future.result())
                    done += found[-1].frames
                if progress is not None:
                    progress(done, total)  # also when nothing ended: whoever watches sees that it lives
                if stop():
                    for future in waiting:
                        future.cancel()
                    break
    except BrokenProcessPool as error:
        raise VosLabError("A process of the check was killed (out of memory?): start the check again.") from error
    yield from sorted(found, key=lambda one: order[one.name])


def _end_with_parent() -> None:
    """A pool's process would wait for ever where its parent was killed."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _capped(problems: Iterable[Problem]) -> tuple[tuple[Problem, ...], tuple[KindCount, ...]]:
    by_kind: dict[tuple[Severity, Kind], list[Problem]] = defaultdict(list)
    for problem in errors_first(problems):
        by_kind[problem.severity, problem.kind].append(problem)
    listed = errors_first(problem for some in by_kind.values() for problem in some[:MOST_LISTED])
    counts = tuple(KindCount(kind, severity, len(some)) for (severity, kind), some in sorted(by_kind.items()))
    return listed, counts


def _counted(dataset: Dataset, split: str, found: dict[str, VideoFound]) -> SplitCount:
    """A split in numbers; of one whose list is damaged, none."""
    try:
        videos = [found[name] for name in dataset.video_names(split) if name in found]
    except InputError:
        videos = []
    how, stride = how_over_all((one.annotated, one.stride) for one in videos)
    return SplitCount(
        split,
        len(videos),
        sum(one.frames for one in videos),
        sum(len(one.objects) for one in videos),
        sum(one.annotated_frames for one in videos),
        how,
        stride,
        split in dataset.subsets,
    )


def _advice(videos: Sequence[VideoFound]) -> tuple[str, ...]:
    said = []
    if late := [one.name for one in videos if one.late]:
        where = f"{late[0]}, {late[1]}, ..." if late[1:] else late[0]
        said.append(
            f"In {len(late)} of {len(videos)} videos ({where}) objects appear after the first frame: run SAM 2 with "
            f"--option {LATER}=true (on the Launch page: {LATER}), or they are never segmented."
        )
    annotated = {one.annotated for one in videos if one.annotated is not Annotated.NONE}
    if annotated and annotated <= {Annotated.FIRST, Annotated.WHERE_OBJECTS_APPEAR}:
        said.append(
            "Annotations are there to prompt only: it can be run and looked at, and its scores come from the "
            "challenge's server alone."
        )
    return tuple(said)
