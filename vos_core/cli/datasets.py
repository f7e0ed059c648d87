"""`datasets`: what there is to launch over; a folder checked whole and registered; subsets of a dataset's videos."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from vos_core.cli.tables import counted, table
from vos_core.cores import default_cpu_workers
from vos_core.datasets import Dataset, find_dataset, find_datasets, open_dataset
from vos_core.datasets.catalogue import dataset_in
from vos_core.datasets.findings import Severity, Survey, summary
from vos_core.datasets.glance import annotated_like
from vos_core.datasets.registration import name_for, register, registered, unregister
from vos_core.datasets.subsets import read_subset_file, remove_subset, subsets_of, write_subset
from vos_core.datasets.survey import survey
from vos_core.datasets.survey_job import recorded_survey
from vos_core.errors import InputError
from vos_core.existence import exists
from vos_core.home import Home

MOST_PRINTED = 50


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and what it does with a dataset."""
    parser = subparsers.add_parser(
        "datasets",
        help="the datasets that are here; check, add, remove one; subsets of their videos",
        description="The datasets that are here. A folder elsewhere is registered under a name with `add`; its files "
        "are only read.",
    )
    parser.add_argument("--json", action="store_true", help="as JSON, for scripts")
    parser.set_defaults(run=run_list)
    actions = parser.add_subparsers(metavar="<what>")

    check = actions.add_parser("check", help="read a dataset whole: every frame, annotation, size and object id")
    check.add_argument("dataset", metavar="NAME|PATH")
    check.add_argument("--record", action="store_true", help="keep what is found in state/surveys, for the pages")
    check.set_defaults(run=run_check)

    add = actions.add_parser("add", help="check a folder whole, and give it a name here unless it has errors")
    add.add_argument("path", metavar="PATH", help="folder with JPEGImages and Annotations, or with train/, valid/")
    add.add_argument("--name", metavar="NAME", help="default: the folder's")
    add.add_argument("--anyway", action="store_true", help="with errors too")
    add.set_defaults(run=run_add)

    remove = actions.add_parser("remove", help="forget the name of a registered dataset; no file is touched")
    remove.add_argument("dataset", metavar="NAME")
    remove.set_defaults(run=run_remove)

    subset = actions.add_parser(
        "subset",
        help="some videos of a dataset as a split of their own, kept in the home",
        description="Keep some videos of a dataset as a further split: `run --set hard`. The list is a text file in "
        "state/subsets; the dataset's folder is only read. Without --name: the subsets that there are.",
    )
    subset.add_argument("dataset", metavar="NAME", help="the dataset")
    subset.add_argument("--name", metavar="SUBSET", help="what the subset is called")
    subset.add_argument("--split", metavar="SPLIT", help="the videos must be of this split (default: any)")
    which = subset.add_mutually_exclusive_group()
    which.add_argument("--videos", nargs="+", metavar="VIDEO")
    which.add_argument("--file", metavar="FILE", help="a list, one video a line")
    which.add_argument("--remove", action="store_true", help="forget it; runs over it stay")
    subset.set_defaults(run=run_subset)

    for action in (check, add, remove, subset):
        # SUPPRESS: or it would undo a --json that stands before the action.
        action.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="as JSON, for scripts")


def run_list(args: argparse.Namespace) -> int:
    """Always 0."""
    home = Home.from_environment()
    found = find_datasets(home)
    away = [one for one in registered(home) if not one.there]
    listed = [_listed(dataset) for dataset in found.values()]
    if args.json:
        print(json.dumps(listed, indent=2))
        return 0
    if not found:
        print(f"No datasets in {home.data}. Generate the demo set: python -m vos_core demo --only_data")
    else:
        rows = [
            [one["name"], split["name"], split["problem"] or str(split["videos"]), split["annotated"], one["place"]]
            for one in listed
            for split in one["splits"]
        ]
        print(table(["dataset", "split", "videos", "annotated", "place"], rows, left=5))
    for one in away:
        print(f"registered, but not there now: {one.name} ({one.path})", file=sys.stderr)
    return 0


def run_check(args: argparse.Namespace) -> int:
    """0 without errors, 1 with; 2 where there is no dataset."""
    home = Home.from_environment()
    dataset = _named_or_in(home, args.dataset)
    found = _look_through(home, dataset, record=args.record)
    if args.json:
        print(json.dumps(found.to_json(), indent=2))
    else:
        _print(found)
    return 1 if found.errors or not found.whole else 0


def run_add(args: argparse.Namespace) -> int:
    """0 when it is registered, 1 when its errors stand against that, 2 where it cannot be."""
    home = Home.from_environment()
    name = name_for(home, args.path, args.name)  # before a check that takes minutes
    found = _look_through(home, open_dataset(args.path), record=True)
    takes = found.whole and (not found.errors or args.anyway)
    if not args.json:
        _print(found)
    if takes:
        dataset = register(home, args.path, name)
    if args.json:
        print(json.dumps({"registered": name if takes else None, "survey": found.to_json()}, indent=2))
    elif takes:
        print(f"registered as {dataset.name}: python -m vos_core run --dataset {dataset.name} --model static")
    else:
        why = f"it has {counted(found.errors, 'error')} (--anyway takes it all the same)"
        print(f"not registered: {why if found.whole else 'the check was stopped'}", file=sys.stderr)
    return 0 if takes else 1


def run_remove(args: argparse.Namespace) -> int:
    """Always 0 for a dataset that is registered."""
    folder = unregister(Home.from_environment(), args.dataset)
    if args.json:
        print(json.dumps({"removed": args.dataset, "place": str(folder)}))
    else:
        print(f"{args.dataset} is no longer registered; its files stay in {folder}")
    return 0


def run_subset(args: argparse.Namespace) -> int:
    """Always 0 for a subset that is written, removed or listed."""
    home = Home.from_environment()
    if args.remove:
        if not args.name:
            raise InputError("Say which subset to remove: --name.")
        found = find_datasets(home)
        known = {name.casefold(): name for name in found} | {name: name for name in found if name == args.dataset}
        name = known.get(args.dataset, known.get(args.dataset.casefold(), args.dataset))  # they may outlive a dataset
        remove_subset(home, name, args.name)
        print(json.dumps({"removed": args.name}) if args.json else f"{name}: subset {args.name} is forgotten")
        return 0
    dataset = find_dataset(home, args.dataset)
    if args.name is None:
        if args.videos or args.file:
            raise InputError("Give the subset a name: --name.")
        return _list_subsets(home, dataset, args.json)
    if not args.videos and not args.file:
        raise InputError("Say which videos: --videos A B C, or --file LIST with one a line.")
    videos = read_subset_file(dataset, Path(args.file), args.split) if args.file else args.videos
    path = write_subset(home, dataset, args.name, videos, args.split)
    if args.json:
        print(json.dumps({"dataset": dataset.name, "split": path.stem, "videos": list(videos), "list": str(path)}))
    else:
        print(f"{dataset.name}: split {path.stem} has {counted(len(videos), 'video')} ({path})")
    return 0


def _list_subsets(home: Home, dataset: Dataset, as_json: bool) -> int:
    lists = subsets_of(home, dataset.name)
    if as_json:
        print(json.dumps({name: _split(dataset, name) for name in lists}, indent=2))
    elif not lists:
        print(f"{dataset.name} has no subsets.")
    else:
        splits = [_split(dataset, name) for name in lists]
        rows = [[one["name"], one["problem"] or str(one["videos"]), str(lists[one["name"]])] for one in splits]
        print(table(["subset", "videos", "list"], rows, left=3))
    return 0


def _listed(dataset: Dataset) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "place": str(dataset.root),
        "splits": [_split(dataset, split) for split in dataset.splits],
    }


def _split(dataset: Dataset, split: str) -> dict[str, Any]:
    try:
        videos, problem = len(dataset.video_names(split)), None
    except InputError as error:
        videos, problem = 0, str(error)
    return {
        "name": split,
        "videos": videos,
        "annotated": annotated_like(dataset, split),
        "subset": split in dataset.subsets,
        "problem": problem,
    }


def _named_or_in(home: Home, text: str) -> Dataset:
    is_name = text.casefold() in map(str.casefold, find_datasets(home))
    is_path = not is_name and ("/" in text or exists(Path(text)))
    return dataset_in(home, text) if is_path else find_dataset(home, text)


def _look_through(home: Home, dataset: Dataset, record: bool) -> Survey:
    from tqdm import tqdm

    quiet = not sys.stderr.isatty()
    with tqdm(unit="frame", desc=dataset.name, file=sys.stderr, disable=quiet, leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        if record:
            return recorded_survey(home, dataset.root, progress)
        return survey(dataset, progress=progress, processes=default_cpu_workers())


def _print(found: Survey) -> None:
    print(f"{found.root}: {summary(found)}")
    rows = [
        [one.name, str(one.videos), str(one.frames), str(one.objects), str(one.annotated_frames), one.how_annotated]
        for one in found.splits
    ]
    print(table(["split", "videos", "frames", "objects", "annotated frames", "annotated"], rows))
    sizes = [f"{size.width}x{size.height} ({counted(size.videos, 'video')})" for size in found.sizes]
    print(f"sizes: {', '.join(sizes[:5])}{f' and {len(sizes) - 5} more' if len(sizes) > 5 else ''}")
    for problem in found.problems[:MOST_PRINTED]:
        print(f"{'error' if problem.severity is Severity.ERROR else 'warning'}: {problem.sentence}")
    left = found.errors + found.warnings - min(len(found.problems), MOST_PRINTED)
    if left:
        by_kind = ", ".join(f"{count.kind.value} {count.count}" for count in found.counts)
        print(f"... and {left} more; in all: {by_kind}")
    for sentence in found.advice:
        print(f"note: {sentence}")
